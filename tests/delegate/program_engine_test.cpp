// Nested ExecuTorch programs as engines of the virtual GPU.

#include <program_fixture.h>

namespace etrt::test {
namespace {

ETRT_ON_THE_VIRTUAL_GPU(ProgramEngine);

TEST_P(ProgramEngine, RunsTheProgram) {
  const auto handle = load_program(ETRT_TEST_DATA "/two_io.pte", 2, 2);
  Floats a({2, 3}, 3), b({2, 3}, 4), product({2, 3}, 0), sum({}, 0);
  ASSERT_THAT(execute(*handle, {a.tensor.value(), b.tensor.value(), product.tensor.value(), sum.tensor.value()}),
              is_ok());
  EXPECT_EQ(product.values, std::vector<float>(6, 13));
  EXPECT_EQ(sum.values, std::vector<float>(1, -6));
}

TEST_P(ProgramEngine, GrowsAndShrinksWithItsInputs) {
  const auto handle = load_program(program("two_dynamic.pte"), 2, 1);
  for (const auto& [n, m] : {std::pair{1, 32}, {32, 32}, {5, 3}, {32, 1}, {5, 3}}) {
    Floats a({n, 8}, 1), b({m, 8}, 2);
    Floats out({32, 32}, 0, TensorShapeDynamism::DYNAMIC_BOUND);
    ASSERT_THAT(execute(*handle, {a.tensor.value(), b.tensor.value(), out.tensor.value()}), is_ok());
    EXPECT_EQ(out.tensor.sizes(), (std::vector<std::int32_t>{n, m}));
    EXPECT_EQ(out.values[0], 16);
    EXPECT_EQ(out.values[static_cast<std::size_t>(n * m) - 1], 16);
  }
}

TEST_P(ProgramEngine, RunsOnTheCallersStreamWithoutMakingTheHostWait) {
  const auto handle = load_program(ETRT_TEST_DATA "/two_io.pte", 2, 2);
  Buffer memory = must(Buffer::on_device(device(), 4096));
  auto* base = static_cast<std::byte*>(memory.data());
  const TestTensor::Kind kind{.type = ScalarType::Float};
  TestTensor a({2, 3}, base, kind), b({2, 3}, base + 512, kind), product({2, 3}, base + 1024, kind),
      sum({}, base + 1536, kind);
  const Stream stream = create_stream();
  ASSERT_THAT(driver().cuMemsetD8Async(reinterpret_cast<CUdeviceptr>(base), 0, 4096, stream.get()), is_ok());
  auto gate = close_gate(stream);
  {
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(*handle, {a.value(), b.value(), product.value(), sum.value()}), is_ok());
  }
  EXPECT_FALSE(must(stream.is_done()));
  gate.open();
  std::vector<float> result(6);
  ASSERT_THAT(driver().cuMemcpyDtoHAsync(result.data(), reinterpret_cast<CUdeviceptr>(base + 1024), 24, stream.get()),
              is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(result, std::vector<float>(6, 1));
}

TEST_P(ProgramEngine, RunsEveryElementTypeThatTensorRtShares) {
  struct Case {
    const char* file;
    ScalarType type;
    std::size_t bytes;
  };
  for (const Case& c : {Case{"types_float32.pte", ScalarType::Float, 4},
                        {"types_float16.pte", ScalarType::Half, 2},
                        {"types_bfloat16.pte", ScalarType::BFloat16, 2},
                        {"types_int8.pte", ScalarType::Char, 1},
                        {"types_uint8.pte", ScalarType::Byte, 1},
                        {"types_int32.pte", ScalarType::Int, 4},
                        {"types_int64.pte", ScalarType::Long, 8},
                        {"types_bool.pte", ScalarType::Bool, 1}}) {
    const auto handle = load_program(program(c.file), 1, 1);
    std::vector<std::byte> in(8 * c.bytes, std::byte{1}), out(8 * c.bytes, std::byte{0x7f});
    TestTensor x({8}, in.data(), TestTensor::Kind{.type = c.type});
    TestTensor y({8}, out.data(), TestTensor::Kind{.type = c.type});
    ASSERT_THAT(execute(*handle, x, y), is_ok()) << c.file;
    EXPECT_NE(out, std::vector<std::byte>(8 * c.bytes, std::byte{0x7f})) << c.file;
  }
}

TEST_P(ProgramEngine, RefusesAnElementTypeThatTensorRtLacks) {
  const auto handle = try_load_program(program("type_float64.pte"), 1, 1);
  ASSERT_THAT(handle, fails_with(ErrorCode::kNotSupported));
  EXPECT_NE(handle.error().message().find("Double"), std::string::npos) << handle.error().message();
}

TEST_P(ProgramEngine, RunsZeroDimensionalTensors) {
  const auto handle = load_program(program("scalar.pte"), 1, 1);
  Floats x({}, 20), y({}, 0);
  ASSERT_THAT(execute(*handle, x.tensor, y.tensor), is_ok());
  EXPECT_EQ(y.values, std::vector<float>(1, 41));
}

TEST_P(ProgramEngine, AFailureAtRunTimeIsReturnedByTheCallThatWaits) {
  const auto handle = load_program(program("fails_at_run.pte"), 2, 1);
  Floats table({5, 3}, 2);
  std::vector<std::int64_t> index = {0, 0, 99, 0};
  Floats out({4, 3}, 0);
  TestTensor which({4}, index.data(), TestTensor::Kind{.type = ScalarType::Long});
  EXPECT_FALSE(execute(*handle, {table.tensor.value(), which.value(), out.tensor.value()}).ok());
  index[2] = 1;
  EXPECT_THAT(execute(*handle, {table.tensor.value(), which.value(), out.tensor.value()}), is_ok())
      << "one failure must not be the end of the handle";
  EXPECT_EQ(out.values, std::vector<float>(12, 2));
}

TEST_P(ProgramEngine, HoldsOneCopyOfTheProgramForAllHandles) {
  const auto one = load_program(ETRT_TEST_DATA "/two_io.pte", 2, 2);
  const auto two = load_program(ETRT_TEST_DATA "/two_io.pte", 2, 2);
  EXPECT_EQ(one->engine(), two->engine());
}

TEST_P(ProgramEngine, DestroyedWithoutACurrentContextLeavesNothingBehind) {
  const Held before = held_by_virtual_gpu();
  auto handle = load_program(ETRT_TEST_DATA "/two_io.pte", 2, 2);
  ASSERT_THAT(driver().cuCtxSetCurrent(nullptr), is_ok());
  handle.reset();
  EXPECT_EQ(held_by_virtual_gpu().handles, before.handles) << "a module was leaked";
  EXPECT_EQ(held_by_virtual_gpu().allocations, before.allocations);
  ASSERT_THAT(driver().cuCtxSetCurrent(device().native().primary), is_ok());
}

}  // namespace
}  // namespace etrt::test
