// Any bytes as an ExecuTorch program: inspected, given a further variant, and nested in a program of ours.
#include <cstddef>
#include <cstdint>
#include <expect.h>

#include <etrt/pte.h>

namespace {

using etrt::pte::Bytes;

bool inside(Bytes part, Bytes whole) {
  const auto* begin = static_cast<const std::uint8_t*>(whole.data);
  const auto* part_begin = static_cast<const std::uint8_t*>(part.data);
  return part_begin >= begin && part_begin + part.size <= begin + whole.size;
}

void walk(const etrt::pte::ProgramInfo& program, Bytes pte) {
  for (const auto& method : program.methods) {
    for (const auto& delegate : method.delegates) {
      expect(inside(delegate.data, pte));
      expect(static_cast<const std::uint8_t*>(pte.data) + delegate.offset == delegate.data.data);
      unsigned total = 0;
      for (std::size_t i = 0; i < delegate.data.size; ++i) {
        total += static_cast<const std::uint8_t*>(delegate.data.data)[i];
      }
      static_cast<void>(total);
    }
  }
}

constexpr std::size_t kMostDelegates = 4;  ///< of a file, each of which costs a rewrite

void add_variants(const etrt::pte::ProgramInfo& program, Bytes pte) {
  std::size_t tried = 0;
  for (const auto& method : program.methods) {
    for (std::size_t i = 0; i < method.delegates.size() && tried < kMostDelegates; ++i, ++tried) {
      const auto added = etrt::pte::add_variants(pte, {{"tensorrt", "sm_90", Bytes("engine", 6)}}, {method.name, i});
      if (!added.ok()) continue;
      const auto again = etrt::pte::inspect(*added);
      expect(again.ok());
      walk(*again, *added);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes pte(data, size);
  const auto program = etrt::pte::inspect(pte);
  if (!program.ok()) {
    expect(!program.error().message().empty());
    return 0;
  }
  walk(*program, pte);
  add_variants(*program, pte);
  const auto nested = etrt::pte::write({{"program", "host", pte}});
  if (!nested.ok()) return 0;
  const auto again = etrt::pte::inspect(*nested);
  expect(again.ok());
  walk(*again, *nested);
  return 0;
}
