#pragma once

#include <cstddef>
#include <cstdint>
#include <delegate_fixture.h>
#include <memory>
#include <string>
#include <vector>

#include <executorch/extension/module/module.h>

#include <support/program_builder.h>

namespace etrt::test {

/// A DelegateTest whose programs are files that ExecuTorch's Module loads, and whose memory labelled CUDA comes from
/// the allocator that etrt registered.
class ModuleTest : public DelegateTest {
 protected:
  using Module = executorch::extension::Module;
  using Program = support::ProgramSpec;

  /// A segment with the blob of an engine that adds `add` to a tensor.
  std::vector<std::byte> adding(std::uint32_t add, std::vector<std::int32_t> sizes = {16}) const;

  /// Loads the program and all of its methods, checked as strictly as ExecuTorch can, for the test's device: under a
  /// guard, which says what a label means where there is a GPU and a virtual one. The module borrows `program`.
  std::unique_ptr<Module> load_module(const std::vector<std::byte>& program) const;

  static std::vector<std::int32_t> ints_of(const executorch::runtime::EValue& value);

  /// What a method gives for one input filled with `value`.
  static std::vector<std::int32_t> run(Module& module, std::int32_t value, const std::string& method = "forward");
};

}  // namespace etrt::test
