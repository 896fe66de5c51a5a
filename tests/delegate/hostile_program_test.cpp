// Nested programs that want too much or are no programs.

#include <program_fixture.h>
#include <unistd.h>

namespace etrt::test {
namespace {

class HostileProgram : public ProgramEngine {};
ETRT_ON_THE_VIRTUAL_GPU(HostileProgram);

/// A program of one tensor that is input and output, and another that is planned beside it.
std::vector<std::byte> program_that_plans(std::int32_t kibibytes) {
  support::ProgramSpec::Method method;
  method.tensors = {{.sizes = {4}}, {.sizes = {kibibytes, 256}}};
  method.inputs = {0};
  method.outputs = {0};
  return support::ProgramSpec{.methods = {method}}.build();
}

TEST_P(HostileProgram, TakesNoPagesForPlannedMemoryThatNoRunTouches) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "ThreadSanitizer's calloc writes what it gives";
#endif
  const auto resident_pages = [] {
    std::size_t total = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> total >> resident;
    return resident;
  };
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const auto before = resident_pages();
  const auto handle = try_load_bytes(program_that_plans(512 * 1024), 1, 1);
  ASSERT_THAT(handle, is_ok());
  EXPECT_LT((resident_pages() - before) * page, std::size_t{64} << 20) << "of 512 MiB planned for each context";
}

TEST_P(HostileProgram, ThatPlansMoreThanTheMachineHasIsRefused) {
  // Terabytes, of which no single tensor is too large for the format.
  support::ProgramSpec::Method method;
  method.tensors = {{.sizes = {4}}};
  for (std::int8_t i = 0; i < 100; ++i) {
    method.tensors.push_back({.sizes = {1 << 15, 1 << 19}, .cuda = true, .cuda_device = i});
  }
  method.inputs = {0};
  method.outputs = {0};
  const auto handle = try_load_bytes(support::ProgramSpec{.methods = {method}}.build(), 1, 1);
  ASSERT_THAT(handle, fails_with(ErrorCode::kOutOfMemory));
  EXPECT_NE(handle.error().message().find("nested program: it wants another 68719476736 bytes beside "),
            std::string::npos)
      << handle.error().message();
}

TEST_P(HostileProgram, FlippedBitsInWhatItReadsItselfAreAnErrorOrARunAndNeverTheEndOfTheProcess) {
  // Where it says which values are inputs and outputs, and which delegates there are.
  constexpr std::pair<std::size_t, std::size_t> kPlaces[] = {{112, 116}, {120, 124}, {144, 152}, {428, 448}};
  const auto intact = read_file(program("two_dynamic.pte"));
  std::size_t refused = 0;
  for (const auto& [begin, end] : kPlaces) {
    for (std::size_t bit = begin * 8; bit < end * 8; ++bit) {
      SCOPED_TRACE("bit " + std::to_string(bit));
      auto flipped = intact;
      flipped[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
      const auto handle = try_load_bytes(flipped, 2, 1);
      if (!handle.ok()) {
        EXPECT_FALSE(handle.error().message().empty());
        ++refused;
        continue;
      }
      Floats a({3, 8}, 1), b({5, 8}, 2);
      Floats out({32, 32}, 0, TensorShapeDynamism::DYNAMIC_BOUND);
      static_cast<void>(execute(**handle, {a.tensor.value(), b.tensor.value(), out.tensor.value()}));
    }
  }
  EXPECT_GT(refused, 200u);
}

TEST_P(HostileProgram, ThatNamesNoValueAsInputOrOutputIsRefusedByItsPlace) {
  for (const bool input : {true, false}) {
    support::ProgramSpec::Method method;
    method.tensors = {{.sizes = {4}}};
    method.inputs = {input ? 7 : 0};
    method.outputs = {input ? 0 : 7};
    const auto handle = try_load_bytes(support::ProgramSpec{.methods = {method}}.build(), 1, 1);
    ASSERT_THAT(handle, fails_with(ErrorCode::kInvalidData));
    EXPECT_EQ(handle.error().message(), std::string("nested program: ") + (input ? "input" : "output") +
                                            " 0 names no value: export the program again");
  }
}

TEST_P(HostileProgram, GarbageIsRefused) {
  blob::Metadata metadata;
  metadata.io_bindings.push_back({.name = "x"});
  metadata.io_bindings.push_back({.name = "y", .is_input = false});
  const std::vector<std::byte> garbage(300, std::byte{0x5a});
  const blob::Payload payload{"program", "host", garbage};
  EXPECT_THAT(try_load(must(blob::write_blob(metadata, {}, {&payload, 1}))), fails_with(ErrorCode::kInvalidData));
}

TEST_P(HostileProgram, AProgramThatDelegatesToEtrtItselfIsRefused) {
  EXPECT_THAT(try_load_program(ETRT_TEST_DATA "/digits_tensorrt_rtx.pte", 1, 1), fails_with(ErrorCode::kNotSupported));
}

}  // namespace
}  // namespace etrt::test
