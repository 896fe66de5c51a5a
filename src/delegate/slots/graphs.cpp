#include <algorithm>
#include <utility>

#include <executorch/runtime/platform/log.h>

#include <base/try.h>
#include <cuda/relaxed_capture.h>
#include <cuda/stream_capture.h>
#include <delegate/slots/graphs.h>

namespace etrt::delegate {
namespace {

/// Of a slot: two for an application that alternates between two sets of buffers, and room for another such stream.
constexpr std::size_t kMost = 4;

}  // namespace

Graphs::Graphs(const cuda::Device& device, engine::ExecutionContext& context, CUevent inputs_consumed,
               std::size_t arguments, GraphMode mode, GraphCounters& counters)
    : device_(device),
      context_(context),
      inputs_consumed_(inputs_consumed),
      mode_(mode),
      counters_(counters),
      streams_(device, 1, "a stream to capture a graph on") {
  if (mode_ == GraphMode::kOff) return;
  entries_.resize(kMost);
  for (Entry& entry : entries_) entry.addresses.resize(arguments);
  if (!cuda::has_captures(device.driver)) give_up("the driver has no stream captures");
}

CUgraphExec Graphs::find(cuda::StreamRef stream, const Key& key, bool is_warm) {
  if (entries_.empty() || given_up_ || key.stream_id == 0) return nullptr;
  const bool same_bindings = bindings_version_ == key.bindings.version();
  const bool is_present =
      present_ != nullptr && same_bindings && present_->stream_id == key.stream_id && present_->scratch == key.scratch;
  if (!is_present) present_ = &entry_for(key);
  bindings_version_ = key.bindings.version();
  Entry& entry = *present_;
  entry.last_use = ++uses_;
  ++entry.seen;
  if (entry.exec) return entry.exec.get();
  if (!is_warm || (mode_ == GraphMode::kAuto && entry.seen < 2)) return nullptr;
  auto captured = capture(stream);
  if (!captured.ok()) {
    give_up(captured.error().message());
    return nullptr;
  }
  entry.exec = std::move(captured).value();
  counters_.captured();
  return entry.exec.get();
}

bool Graphs::is(const Entry& entry, const Key& key) const {
  if (entry.stream_id != key.stream_id || entry.scratch != key.scratch) return false;
  for (std::size_t i = 0; i < entry.addresses.size(); ++i) {
    if (entry.addresses[i] != key.bindings.address(i)) return false;
  }
  return true;
}

/// The entry of the key, or the one used least recently, which becomes that.
Graphs::Entry& Graphs::entry_for(const Key& key) {
  const auto known = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return is(entry, key); });
  if (known != entries_.end()) return *known;
  Entry& oldest = *std::min_element(entries_.begin(), entries_.end(),
                                    [](const Entry& one, const Entry& other) { return one.last_use < other.last_use; });
  if (oldest.exec) counters_.evicted();
  drop(oldest);
  oldest.stream_id = key.stream_id;
  oldest.scratch = key.scratch;
  for (std::size_t i = 0; i < oldest.addresses.size(); ++i) oldest.addresses[i] = key.bindings.address(i);
  return oldest;
}

/// A launch of it may still run: CUDA frees it behind that (cuGraphExecDestroy).
void Graphs::drop(Entry& entry) noexcept {
  entry.stream_id = 0;
  entry.seen = 0;
  if (!entry.exec) return;
  const auto relaxed = cuda::RelaxedCapture::enter_for_cleanup(device_.driver);
  counters_.dropped();
  if (relaxed) {
    entry.exec.reset();
  } else {
    static_cast<void>(entry.exec.release());
  }
}

void Graphs::clear() noexcept {
  for (Entry& entry : entries_) drop(entry);
  present_ = nullptr;
}

void Graphs::give_up(const std::string& reason) {
  given_up_ = true;
  if (!counters_.refused(reason)) return;
  ET_LOG(Info, "TensorRTBackend: a program runs without CUDA graphs: %s", reason.c_str());
}

Result<cuda::GraphExec> Graphs::capture(cuda::StreamRef stream) {
  ETRT_TRY_ASSIGN(const auto own, streams_.streams_for(stream));
  ETRT_TRY(context_.prepare_capture(own.front()));
  // An event that is recorded in a capture tells nothing outside of it: a graph's inputs are consumed when it is over.
  static_cast<void>(context_.set_input_consumed_event(nullptr));
  auto graph = enqueue_captured(own.front());
  static_cast<void>(context_.set_input_consumed_event(inputs_consumed_));
  if (!graph.ok()) return std::move(graph).error();
  return cuda::instantiate(device_.driver, std::move(graph).value());
}

Result<cuda::Graph> Graphs::enqueue_captured(CUstream stream) {
  ETRT_TRY(cuda::begin_capture(device_.driver, stream));
  Status enqueued = context_.enqueue(stream);
  auto graph = cuda::end_capture(device_.driver, stream);
  ETRT_TRY(std::move(enqueued));
  return graph;
}

}  // namespace etrt::delegate
