// Nested ExecuTorch programs as engines of the virtual GPU.

#include <delegate_fixture.h>
#include <fstream>
#include <iterator>
#include <mutex>
#include <set>

#include <api/platform.h>
#include <base/try.h>
#include <blob/blob_writer.h>

namespace etrt::test {
namespace {

std::vector<std::byte> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

std::string program(const std::string& name) {
  return std::string(ETRT_TEST_DATA "/programs/") + name;
}

class ProgramEngine : public DelegateTest {
 protected:
  Result<std::unique_ptr<delegate::Handle>> try_load_program(const std::string& path, std::size_t inputs,
                                                             std::size_t outputs, int max_inflight = 4) const {
    blob::Metadata metadata;
    for (std::size_t i = 0; i < inputs; ++i) metadata.io_bindings.push_back({.name = "in" + std::to_string(i)});
    for (std::size_t i = 0; i < outputs; ++i) {
      metadata.io_bindings.push_back({.name = "out" + std::to_string(i), .is_input = false});
    }
    const auto bytes = read_file(path);
    const blob::Payload payload{"program", "host", bytes};
    ETRT_TRY_ASSIGN(const auto blob, blob::write_blob(metadata, {}, {&payload, 1}));
    delegate::Options options;
    options.max_inflight = max_inflight;
    return try_load(blob, options);
  }

  std::unique_ptr<delegate::Handle> load_program(const std::string& path, std::size_t inputs, std::size_t outputs,
                                                 int max_inflight = 4) const {
    return must(try_load_program(path, inputs, outputs, max_inflight));
  }
};
INSTANTIATE_TEST_SUITE_P(On, ProgramEngine, ::testing::Values("virtual:0"),
                         [](const auto&) { return std::string("virtual"); });

struct Floats {
  Floats(std::vector<std::int32_t> sizes, float value, TensorShapeDynamism dynamism = TensorShapeDynamism::STATIC)
      : values(count(sizes), value),
        tensor(sizes, values.data(), TestTensor::Kind{.type = ScalarType::Float, .dynamism = dynamism}) {}
  static std::size_t count(const std::vector<std::int32_t>& sizes) {
    std::size_t product = 1;
    for (const auto size : sizes) product *= static_cast<std::size_t>(size);
    return product;
  }

  std::vector<float> values;
  TestTensor tensor;
};

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

TEST_P(ProgramEngine, AnXnnpackProgramRunsInManyContextsAtOnce) {
  const auto handle = load_program(ETRT_EXAMPLES "/digits/digits_xnnpack.pte", 1, 1);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      Floats image({3, 1, 8, 8}, 0.5f), logits({15, 10}, 0, TensorShapeDynamism::DYNAMIC_BOUND);
      const Stream stream = create_stream();
      const StreamGuard guard(stream.get());
      std::vector<float> first;
      for (int i = 0; i < 20; ++i) {
        ASSERT_THAT(execute(*handle, image.tensor, logits.tensor), is_ok());
        if (first.empty()) first = logits.values;
        ASSERT_EQ(logits.values, first);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST_P(ProgramEngine, KeepsToTheCoresOfItsPartition) {
  const auto handle = load_program(program("slow.pte"), 1, 1);
  const auto partition = must(Partition::create(device(), 1));
  const Stream stream = must(partition.create_stream());
  struct Cores final : vgpu::Observer {
    std::mutex mutex;
    std::set<int> cpus;
    void finished(const vgpu::OperationRecord& record) override {
      const std::lock_guard lock(mutex);
      if (record.partition_id != 0) cpus.insert(record.cpu);
    }
  } cores;
  api::Platform::instance().virtual_gpu().set_observer(&cores);
  Floats x({64, 64}, 0.01f), y({64, 64}, 0);
  {
    const StreamGuard guard(stream.get());
    for (int i = 0; i < 3; ++i) ASSERT_THAT(execute(*handle, x.tensor, y.tensor), is_ok());
  }
  api::Platform::instance().virtual_gpu().set_observer(nullptr);
  EXPECT_EQ(cores.cpus.size(), 1u);
}

TEST_P(ProgramEngine, GarbageIsRefused) {
  blob::Metadata metadata;
  metadata.io_bindings.push_back({.name = "x"});
  metadata.io_bindings.push_back({.name = "y", .is_input = false});
  const std::vector<std::byte> garbage(300, std::byte{0x5a});
  const blob::Payload payload{"program", "host", garbage};
  EXPECT_THAT(try_load(must(blob::write_blob(metadata, {}, {&payload, 1}))), fails_with(ErrorCode::kInvalidData));
}

TEST_P(ProgramEngine, AProgramThatDelegatesToEtrtItselfIsRefused) {
  EXPECT_THAT(try_load_program(ETRT_TEST_DATA "/digits_tensorrt_rtx.pte", 1, 1), fails_with(ErrorCode::kNotSupported));
}

TEST_P(ProgramEngine, HoldsOneCopyOfTheProgramForAllHandles) {
  const auto one = load_program(ETRT_TEST_DATA "/two_io.pte", 2, 2);
  const auto two = load_program(ETRT_TEST_DATA "/two_io.pte", 2, 2);
  EXPECT_EQ(one->engine(), two->engine());
}

}  // namespace
}  // namespace etrt::test
