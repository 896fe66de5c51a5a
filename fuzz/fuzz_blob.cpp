// Any bytes as a TensorRT blob: parsed, walked from end to end, rewritten.
#include <cstddef>
#include <cstdint>
#include <expect.h>
#include <span>
#include <vector>

#include <blob/blob.h>
#include <blob/blob_writer.h>

namespace {

using etrt::blob::BlobView;
using Bytes = std::span<const std::byte>;

bool inside(Bytes part, Bytes whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

/// Reads every byte, so that a sanitizer sees a span that leads outside.
unsigned sum(Bytes bytes) {
  unsigned total = 0;
  for (const std::byte byte : bytes) total += static_cast<unsigned>(byte);
  return total;
}

void rewrite(const BlobView& view) {
  std::vector<etrt::blob::Payload> payloads;
  for (const auto& variant : view.variants()) payloads.push_back({variant.kind, variant.target, view.payload(variant)});
  const auto written = etrt::blob::write_blob(view.metadata(), view.engine(), payloads);
  // A text near a limit may be over it once it is written out in full; nothing else may fail.
  if (!written.ok()) return;
  const auto again = BlobView::parse(*written);
  expect(again.ok());
  expect(again->engine().size() == view.engine().size() && sum(again->engine()) == sum(view.engine()));
  expect(again->variants().size() == view.variants().size());
  expect(again->metadata().io_bindings.size() == view.metadata().io_bindings.size());
  expect(again->metadata().extra == view.metadata().extra);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto view = BlobView::parse(bytes);
  if (!view.ok()) {
    expect(!view.error().message().empty());
    return 0;
  }
  expect(inside(view->engine(), bytes));
  for (const auto& candidate : view->candidates()) {
    const Bytes payload = view->payload(candidate);
    expect(!payload.empty() && inside(payload, bytes) && candidate.offset % 16 == 0);
    static_cast<void>(sum(payload));
  }
  rewrite(*view);
  return 0;
}
