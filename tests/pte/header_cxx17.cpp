#include <etrt/pte.h>

static_assert(__cplusplus == 201703L, "this file checks that the header compiles as C++17");

std::vector<std::byte> one_line_program(const std::vector<std::byte>& engine) {
  etrt::pte::WriteOptions options;
  options.io = R"({"io_bindings":[]})";
  auto program = etrt::pte::write({{"tensorrt", "sm_89", engine}}, options);
  return program.ok() ? *std::move(program) : std::vector<std::byte>();
}
