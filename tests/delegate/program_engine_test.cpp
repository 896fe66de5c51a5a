// Nested ExecuTorch programs as engines of the virtual GPU.

#include <atomic>
#include <delegate_fixture.h>
#include <fstream>
#include <future>
#include <iterator>
#include <mutex>
#include <set>
#include <unistd.h>

#include <executorch/runtime/core/function_ref.h>

#include <base/try.h>
#include <blob/blob_writer.h>
#include <process/process.h>
#include <support/program_builder.h>

// ExecuTorch's thread pool, whose header is not installed with it: what is called here.
namespace executorch::extension::threadpool {
class ThreadPool {
 public:
  std::size_t get_thread_count() const;
  void run(executorch::runtime::FunctionRef<void(std::size_t)> function, std::size_t range);
};
ThreadPool* get_threadpool();
}  // namespace executorch::extension::threadpool

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
    return try_load_bytes(read_file(path), inputs, outputs, max_inflight);
  }

  Result<std::unique_ptr<delegate::Handle>> try_load_bytes(const std::vector<std::byte>& bytes, std::size_t inputs,
                                                           std::size_t outputs, int max_inflight = 4) const {
    blob::Metadata metadata;
    for (std::size_t i = 0; i < inputs; ++i) metadata.io_bindings.push_back({.name = "in" + std::to_string(i)});
    for (std::size_t i = 0; i < outputs; ++i) {
      metadata.io_bindings.push_back({.name = "out" + std::to_string(i), .is_input = false});
    }
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
  process::Process::instance().devices().virtual_gpu().set_observer(&cores);
  Floats x({64, 64}, 0.01f), y({64, 64}, 0);
  {
    const StreamGuard guard(stream.get());
    for (int i = 0; i < 3; ++i) ASSERT_THAT(execute(*handle, x.tensor, y.tensor), is_ok());
  }
  process::Process::instance().devices().virtual_gpu().set_observer(nullptr);
  EXPECT_EQ(cores.cpus.size(), 1u);
}

/// Keeps ExecuTorch's shared thread pool busy: whoever wants to run something on it waits until this ends. One at a
/// time.
class BusyThreadPool {
 public:
  BusyThreadPool() {
    started_ = false;
    released_ = false;
    thread_ = std::thread([] {
      const auto hold = [](std::size_t) {
        started_ = true;
        started_.notify_all();
        released_.wait(false);
      };
      pool().run(hold, thread_count());
    });
    started_.wait(false);
  }
  ~BusyThreadPool() {
    released_ = true;
    released_.notify_all();
    thread_.join();
  }
  BusyThreadPool(const BusyThreadPool&) = delete;
  BusyThreadPool& operator=(const BusyThreadPool&) = delete;

  static std::size_t thread_count() { return pool().get_thread_count(); }

 private:
  static executorch::extension::threadpool::ThreadPool& pool() {
    return *executorch::extension::threadpool::get_threadpool();
  }

  // Of no object: ThreadSanitizer does not see how the pool hands work to its threads.
  static inline std::atomic<bool> started_;
  static inline std::atomic<bool> released_;
  std::thread thread_;
};

TEST_P(ProgramEngine, RunsNothingOnTheThreadsThatExecuTorchShares) {
  if (BusyThreadPool::thread_count() < 2) GTEST_SKIP() << "ExecuTorch's thread pool has one thread, which is nobody's";
  const auto xnnpack = load_program(ETRT_EXAMPLES "/digits/digits_xnnpack.pte", 1, 1);
  const auto portable = load_program(program("slow.pte"), 1, 1);
  Floats image({15, 1, 8, 8}, 0.5f), logits({15, 10}, 0, TensorShapeDynamism::DYNAMIC_BOUND);
  Floats x({64, 64}, 0.01f), y({64, 64}, 0);
  auto busy = std::make_unique<BusyThreadPool>();
  auto of_xnnpack = std::async(std::launch::async, [&] { return execute(*xnnpack, image.tensor, logits.tensor); });
  auto of_portable = std::async(std::launch::async, [&] { return execute(*portable, x.tensor, y.tensor); });
  constexpr std::chrono::seconds kPatience{20};
  EXPECT_EQ(of_xnnpack.wait_for(kPatience), std::future_status::ready) << "XNNPACK wants the shared threads";
  EXPECT_EQ(of_portable.wait_for(kPatience), std::future_status::ready) << "a kernel wants the shared threads";
  busy.reset();
  EXPECT_THAT(of_xnnpack.get(), is_ok());
  EXPECT_THAT(of_portable.get(), is_ok());
}

/// Mistakes that the order checker must find, made while the first stream stands still: nothing really runs at once.
class ProgramEngineMistakes : public ProgramEngine {
 protected:
  void SetUp() override {
    ProgramEngine::SetUp();
    expect_order_reports();
    first_.emplace(create_stream());
    second_.emplace(create_stream());
    memory_.emplace(must(Buffer::on_device(device(), 4096)));
    EXPECT_THAT(driver().cuMemsetD8Async(address(0), 0, memory_->size(), first_->get()), is_ok());
    EXPECT_THAT(first_->synchronize(), is_ok());
  }
  void TearDown() override {
    memory_.reset();
    ProgramEngine::TearDown();
  }

  const Stream& first() const { return *first_; }
  const Stream& second() const { return *second_; }
  CUdeviceptr address(std::size_t offset) const {
    return reinterpret_cast<CUdeviceptr>(static_cast<std::byte*>(memory_->data()) + offset);
  }

  std::string name_of(const Stream& stream) const {
    unsigned long long id = 0;
    EXPECT_THAT(driver().cuStreamGetId(stream.get(), &id), is_ok());
    return "kernel program on stream " + std::to_string(id) + " writes ";
  }

  /// One report, of a program on the first stream and one on the second, which write `what`.
  void expect_report(const std::string& what) const {
    const auto reports = process::Process::instance().devices().virtual_gpu().take_order_reports();
    ASSERT_EQ(reports.size(), 1u);
    EXPECT_EQ(reports[0].kind, vgpu::OrderReport::Kind::kUnorderedAccess);
    EXPECT_TRUE(reports[0].first.starts_with(name_of(first()) + what)) << reports[0].message;
    EXPECT_TRUE(reports[0].second.starts_with(name_of(second()) + what)) << reports[0].message;
  }

 private:
  std::optional<Stream> first_;
  std::optional<Stream> second_;
  std::optional<Buffer> memory_;
};
INSTANTIATE_TEST_SUITE_P(On, ProgramEngineMistakes, ::testing::Values("virtual:0"),
                         [](const auto&) { return std::string("virtual"); });

TEST_P(ProgramEngineMistakes, TwoProgramsThatWriteTheSameMemoryUnorderedAreReported) {
  const auto one = load_program(program("types_float32.pte"), 1, 1);
  const auto two = load_program(program("types_float32.pte"), 1, 1);
  const TestTensor::Kind kind{.type = ScalarType::Float};
  TestTensor x({8}, reinterpret_cast<void*>(address(0)), kind), y({8}, reinterpret_cast<void*>(address(512)), kind);
  auto gate = close_gate(first());
  {
    const StreamGuard guard(first().get());
    ASSERT_THAT(execute(*one, x, y), is_ok());
  }
  {
    const StreamGuard guard(second().get());
    ASSERT_THAT(execute(*two, x, y), is_ok());
  }
  expect_report("32 bytes");
  EXPECT_THAT(second().synchronize(), is_ok());
  gate.open();
  EXPECT_THAT(first().synchronize(), is_ok());
}

TEST_P(ProgramEngineMistakes, OneContextInFlightOnTwoStreamsIsReported) {
  const auto handle = load_program(program("types_float32.pte"), 1, 1);
  const auto context = must(handle->engine()->create_context(std::nullopt));
  ASSERT_THAT(context->bind(0, address(0), 32), is_ok());
  auto gate = close_gate(first());
  ASSERT_THAT(context->bind(1, address(512), 32), is_ok());
  ASSERT_THAT(context->enqueue(first().get()), is_ok());
  ASSERT_THAT(context->bind(1, address(1024), 32), is_ok());
  ASSERT_THAT(context->enqueue(second().get()), is_ok());
  expect_report("1 bytes");
  EXPECT_THAT(second().synchronize(), is_ok());
  gate.open();
  EXPECT_THAT(first().synchronize(), is_ok());
}

/// A program of one tensor that is input and output, and another that is planned beside it.
std::vector<std::byte> program_that_plans(std::int32_t kibibytes) {
  support::ProgramSpec::Method method;
  method.tensors = {{.sizes = {4}}, {.sizes = {kibibytes, 256}}};
  method.inputs = {0};
  method.outputs = {0};
  return support::ProgramSpec{.methods = {method}}.build();
}

TEST_P(ProgramEngine, TakesNoPagesForPlannedMemoryThatNoRunTouches) {
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

TEST_P(ProgramEngine, ThatPlansMoreThanTheMachineHasIsRefused) {
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

TEST_P(ProgramEngine, FlippedBitsInWhatItReadsItselfAreAnErrorOrARunAndNeverTheEndOfTheProcess) {
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

TEST_P(ProgramEngine, ThatNamesNoValueAsInputOrOutputIsRefusedByItsPlace) {
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
