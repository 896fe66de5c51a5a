#include <algorithm>

#include <base/format.h>
#include <base/try.h>
#include <blob/blob.h>
#include <cli/delegate_choices.h>
#include <cli/program_file.h>
#include <cli/text.h>
#include <delegate/load/device_choice.h>
#include <etrt/options.h>

namespace etrt::cli {
namespace {

constexpr std::size_t kMethodsListed = 8;

std::string method_names(const pte::ProgramInfo& info) {
  std::string names;
  for (std::size_t i = 0; i < info.methods.size() && i < kMethodsListed; ++i) {
    names += base::concat(i > 0 ? ", " : "", "'", printable(info.methods[i].name), "'");
  }
  return info.methods.size() > kMethodsListed ? names + ", …" : names;
}

}  // namespace

Result<ProgramFile> ProgramFile::open(const std::string& path) {
  ProgramFile program(path);
  ETRT_TRY_ASSIGN(program.mapped_, MappedFile::open(path));
  ETRT_TRY(program.look_into());
  return program;
}

Result<ProgramFile> ProgramFile::from_bytes(const std::string& name, std::vector<std::byte> bytes) {
  ProgramFile program(name);
  program.owned_ = std::move(bytes);
  ETRT_TRY(program.look_into());
  return program;
}

Status ProgramFile::look_into() {
  auto info = pte::inspect({bytes().data(), bytes().size()});
  if (!info.ok()) return std::move(info).error().within(name_);
  info_ = std::move(info).value();
  return {};
}

Result<const pte::MethodInfo*> ProgramFile::method(const std::string& asked) const {
  const std::string wanted = asked.empty() ? "forward" : asked;
  const auto found = std::find_if(info_.methods.begin(), info_.methods.end(),
                                  [&](const pte::MethodInfo& method) { return method.name == wanted; });
  if (found != info_.methods.end()) return &*found;
  if (asked.empty() && info_.methods.size() == 1) return &info_.methods.front();
  return Error(ErrorCode::kNotFound, base::concat(name_, " has no method '", wanted, "'; it has ",
                                                  info_.methods.empty() ? "none" : method_names(info_),
                                                  asked.empty() ? ": choose one with --method" : ""));
}

bool is_ours(const pte::DelegateInfo& delegate) {
  return delegate.id == kBackendId;
}

std::span<const std::byte> blob_of(const pte::DelegateInfo& delegate) {
  return {static_cast<const std::byte*>(delegate.data.data), delegate.data.size};
}

const pte::DelegateInfo* first_delegate(const pte::MethodInfo& method) {
  const auto found = std::find_if(method.delegates.begin(), method.delegates.end(), is_ours);
  return found == method.delegates.end() ? nullptr : &*found;
}

bool is_only_delegate(const pte::MethodInfo& method) {
  return !method.delegates.empty() && method.instructions == method.delegates.size() &&
         std::all_of(method.delegates.begin(), method.delegates.end(), is_ours);
}

Result<Target> choose_target(const pte::DelegateInfo& delegate, const DelegateChoices& choices) {
  ETRT_TRY_ASSIGN(const blob::BlobView blob, blob::BlobView::parse(blob_of(delegate)));
  ETRT_TRY_ASSIGN(const delegate::Options options, delegate_options(choices, delegate.compile_specs));
  ETRT_TRY_ASSIGN(const delegate::DeviceChoice chosen, delegate::choose_device(blob, options));
  ETRT_TRY_ASSIGN(Device device, Device::open(chosen.device->label));
  return Target{std::move(device), chosen.candidate.describe()};
}

}  // namespace etrt::cli
