// Mistakes around nested programs that the order checker finds.

#include <optional>
#include <program_fixture.h>

#include <process/process.h>

namespace etrt::test {
namespace {

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
ETRT_ON_THE_VIRTUAL_GPU(ProgramEngineMistakes);

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

}  // namespace
}  // namespace etrt::test
