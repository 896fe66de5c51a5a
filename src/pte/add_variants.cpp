#include <base/format.h>
#include <base/try.h>
#include <blob/blob.h>
#include <blob/blob_writer.h>
#include <blob/format.h>
#include <etrt/options.h>
#include <etrt/pte.h>
#include <pte/delegate_data.h>
#include <pte/invalid_argument.h>
#include <pte/nested_program.h>
#include <pte/payloads.h>

namespace etrt::pte {
namespace {

constexpr std::size_t kMostListed = 8;

/// A delegate of the file.
struct Found {
  std::size_t method;
  std::size_t delegate;
};

bool is_chosen(const DelegateChoice& choice, const MethodInfo& method, std::size_t delegate) {
  return (choice.method.empty() || choice.method == method.name) &&
         (!choice.delegate || *choice.delegate == delegate) && method.delegates[delegate].id == kBackendId;
}

std::string list(const ProgramInfo& program, const std::vector<Found>& all) {
  std::string text;
  for (std::size_t i = 0; i < all.size() && i < kMostListed; ++i) {
    text += base::concat(i == 0 ? "" : ", ", "delegate ", all[i].delegate, " of method ",
                         program.methods[all[i].method].name);
  }
  return all.size() > kMostListed ? text + ", ..." : text;
}

std::vector<Found> find(const ProgramInfo& program, const DelegateChoice& choice) {
  std::vector<Found> found;
  for (std::size_t m = 0; m < program.methods.size(); ++m) {
    for (std::size_t d = 0; d < program.methods[m].delegates.size(); ++d) {
      if (is_chosen(choice, program.methods[m], d)) found.push_back({m, d});
    }
  }
  return found;
}

Result<Found> choose(const ProgramInfo& program, const DelegateChoice& choice) {
  const std::vector<Found> found = find(program, choice);
  if (found.size() == 1) return found.front();
  if (!found.empty()) {
    return invalid_argument("the choice of a delegate for ", kBackendId, " is open between ", found.size(), ": ",
                            list(program, found), "; name the method and the delegate's number");
  }
  const std::vector<Found> all = find(program, {});
  if (all.empty()) return invalid_argument("no method of the program has a delegate for ", kBackendId);
  return invalid_argument("none of the program's delegates for ", kBackendId, " is the one asked for",
                          choice.method.empty() ? "" : ", in method " + choice.method,
                          choice.delegate ? base::concat(", number ", *choice.delegate) : "", "; it has ",
                          list(program, all));
}

/// Whether the binding itself says what it takes or gives, bounds included.
bool is_described(const blob::Binding& binding) {
  if (binding.dtype.empty()) return false;
  for (const std::int64_t extent : binding.shape) {
    if (extent == blob::kDynamicDim && binding.max_shape.empty()) return false;
  }
  return true;
}

/// What a variant has to take and give. A blob may leave it to its engine; the method says it then.
Result<std::vector<blob::Binding>> asked_bindings(const blob::Metadata& metadata, const DelegateInfo& delegate) {
  std::vector<blob::Binding> asked = metadata.io_bindings;
  const bool called = !delegate.arguments.empty();
  if (called && delegate.arguments.size() != asked.size()) {
    return Error(ErrorCode::kInvalidData,
                 base::concat("the blob has ", asked.size(), " bindings, but the method hands ",
                              delegate.arguments.size(), " values to the delegate"));
  }
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (is_described(asked[i])) continue;
    if (!called || delegate.arguments[i].kind != "Tensor") {
      return Error(ErrorCode::kNotSupported, base::concat("neither the blob nor the method says what binding \"",
                                                          asked[i].name, "\" is: a program cannot be checked by it"));
    }
    ETRT_TRY_ASSIGN(asked[i], binding_of(delegate.arguments[i].tensor, asked[i].name, asked[i].is_input));
  }
  return asked;
}

Status check_programs(const blob::Metadata& metadata, const DelegateInfo& delegate,
                      const std::vector<Payload>& payloads) {
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    if (payloads[i].kind != blob::kVariantProgram) continue;
    ETRT_TRY_ASSIGN(auto asked, asked_bindings(metadata, delegate));
    auto own = bindings_of_program(payloads[i].bytes);
    if (!own.ok()) return std::move(own).error().within(base::concat("payload ", i));
    if (Status fits = fit_program(*own, asked); !fits.ok()) {
      return std::move(fits).error().within(base::concat("payload ", i));
    }
  }
  return {};
}

/// The blob with the payloads behind its own. Its engine stays where every reader looks for it.
Result<std::vector<std::byte>> extend(const blob::BlobView& blob, const std::vector<Payload>& payloads) {
  std::span<const std::byte> engine = blob.engine();
  std::vector<blob::Payload> listed;
  for (const blob::Variant& variant : blob.variants()) {
    listed.push_back({variant.kind, variant.target, blob.payload(variant)});
  }
  for (const Payload& payload : payloads) {
    if (engine.empty() && payload.kind != blob::kVariantProgram) engine = as_span(payload.bytes);
    listed.push_back({payload.kind, payload.target, as_span(payload.bytes)});
  }
  return blob::write_blob(blob.metadata(), engine, listed);
}

}  // namespace

Result<std::vector<std::byte>> add_variants(Bytes pte, const std::vector<Payload>& payloads,
                                            const DelegateChoice& choice) {
  ETRT_TRY(check_payloads(payloads));
  if (payloads.front().kind.empty())
    return invalid_argument("payload 0 has no kind: tensorrt, tensorrt_rtx or program");
  ETRT_TRY_ASSIGN(const ProgramInfo program, inspect(pte));
  ETRT_TRY_ASSIGN(const Found chosen, choose(program, choice));
  const MethodInfo& method = program.methods[chosen.method];
  const DelegateInfo& delegate = method.delegates[chosen.delegate];
  const std::string where = base::concat("delegate ", chosen.delegate, " of method ", method.name);

  const auto blob = blob::BlobView::parse(as_span(delegate.data));
  if (!blob.ok()) return Error(blob.error()).within(where);
  if (Status fits = check_programs(blob->metadata(), delegate, payloads); !fits.ok()) {
    return std::move(fits).error().within(where);
  }
  auto extended = extend(*blob, payloads);
  if (!extended.ok()) return std::move(extended).error().within(where);
  return replace_delegate_data(pte, chosen.method, chosen.delegate, *extended);
}

}  // namespace etrt::pte
