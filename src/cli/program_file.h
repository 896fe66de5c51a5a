#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <cli/commands.h>
#include <cli/file.h>
#include <etrt/device.h>
#include <etrt/pte.h>
#include <etrt/result.h>

namespace etrt::cli {

/// An ExecuTorch program, mapped or in memory, and what it says of itself.
/// Threads: a const one may be used from any thread.
class ProgramFile {
 public:
  static Result<ProgramFile> open(const std::string& path);
  static Result<ProgramFile> from_bytes(const std::string& name, std::vector<std::byte> bytes);

  const std::string& name() const { return name_; }
  std::span<const std::byte> bytes() const { return mapped_ ? mapped_->bytes() : std::span<const std::byte>(owned_); }
  const pte::ProgramInfo& info() const { return info_; }

  /// The method of that name; empty: "forward", or else the only one. The error lists the methods.
  Result<const pte::MethodInfo*> method(const std::string& asked) const;

 private:
  explicit ProgramFile(std::string name) : name_(std::move(name)) {}
  Status look_into();

  std::string name_;
  std::optional<MappedFile> mapped_;
  std::vector<std::byte> owned_;
  pte::ProgramInfo info_;
};

/// Whether the part is delegated to TensorRTBackend.
bool is_ours(const pte::DelegateInfo& delegate);

/// The delegate's blob, inside of the program's bytes.
std::span<const std::byte> blob_of(const pte::DelegateInfo& delegate);

/// The method's first part that is delegated to TensorRTBackend; null when none is.
const pte::DelegateInfo* first_delegate(const pte::MethodInfo& method);

/// Whether the method is nothing but calls of TensorRTBackend, so that no host code touches its tensors.
bool is_only_delegate(const pte::MethodInfo& method);

/// Where a delegated method runs, and as what.
struct Target {
  Device device;
  std::string payload;  ///< "a host program for host of 60456 bytes"
};

/// What the delegate will choose. The error is its own reason why nothing of the program can run.
Result<Target> choose_target(const pte::DelegateInfo& delegate, const DelegateChoices& choices);

}  // namespace etrt::cli
