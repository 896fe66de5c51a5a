// Any bytes as an ExecuTorch program whose facts are read.
#include <cstddef>
#include <cstdint>
#include <expect.h>

#include <program_facts/program_facts.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto facts = etrt::program_facts::read({reinterpret_cast<const std::byte*>(data), size});
  if (!facts.ok()) {
    expect(!facts.error().message().empty());
    return 0;
  }
  for (const auto& method : facts->methods) {
    expect(facts->find(method.name) != nullptr);
    expect(method.quantized_operators().size() <= method.operators.size());
  }
  return 0;
}
