// Work that was enqueued, ran later and failed: who is told.

#include <delegate_fixture.h>
#include <fstream>
#include <iterator>

#include <blob/blob_writer.h>
#include <delegate/slots/failures.h>
#include <etrt/report.h>

namespace etrt::test {
namespace {

using delegate::Failures;
using ::testing::HasSubstr;

TEST(FailuresOfASlot, AreToldOnceToTheCallThatWaitsForThem) {
  Failures failures;
  failures.add(1, Error(ErrorCode::kInternal, "one"));
  failures.add(2, Error(ErrorCode::kInternal, "two"));
  EXPECT_EQ(failures.take(2)->message(), "two");
  EXPECT_FALSE(failures.take(2).has_value());
  EXPECT_EQ(failures.take_any()->message(), "one");
  EXPECT_FALSE(failures.take_any().has_value());
  EXPECT_EQ(failures.count(), 2u) << "what was told is still counted";
  EXPECT_THAT(failures.texts(), ::testing::ElementsAre("one", "two"));
}

TEST(FailuresOfASlot, AreBoundedWhenNobodyFetchesThem) {
  Failures failures;
  for (int i = 0; i < 1000; ++i) failures.add(1, Error(ErrorCode::kInternal, std::to_string(i)));
  EXPECT_EQ(failures.count(), 1000u);
  EXPECT_LE(failures.texts().size(), 8u);
  EXPECT_EQ(failures.texts().back(), "999");
  EXPECT_EQ(failures.take_any()->message(), "0") << "the first is what the others came from";
}

/// A program that looks up rows of a table, and fails when it runs with an index that the table does not have.
class FailedRuns : public DelegateTest {
 protected:
  void SetUp() override {
    DelegateTest::SetUp();
    std::ifstream file(ETRT_TEST_DATA "/programs/fails_at_run.pte", std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    const blob::Payload payload{"program", "host", std::as_bytes(std::span(text))};
    blob::Metadata metadata;
    metadata.io_bindings = {{.name = "table"}, {.name = "index"}, {.name = "rows", .is_input = false}};
    handle_ = must(try_load(must(blob::write_blob(metadata, {}, {&payload, 1}))));
    stream_.emplace(create_stream());
    memory_.emplace(must(Buffer::on_device(device(), 3 * kSpace)));
  }
  void TearDown() override {
    handle_.reset();
    memory_.reset();
    stream_.reset();
    DelegateTest::TearDown();
  }

  /// A call with everything on the device, under a guard; it has run when this returns.
  Status look_up(std::int64_t index) {
    const std::vector<std::int64_t> indices(4, index);
    EXPECT_THAT(driver().cuMemcpy(at(1), reinterpret_cast<CUdeviceptr>(indices.data()), 32), is_ok());
    const TestTensor::Kind floats{.type = ScalarType::Float};
    TestTensor table({5, 3}, reinterpret_cast<void*>(at(0)), floats);
    TestTensor which({4}, reinterpret_cast<void*>(at(1)), TestTensor::Kind{.type = ScalarType::Long});
    TestTensor rows({4, 3}, reinterpret_cast<void*>(at(2)), floats);
    const StreamGuard guard(stream_->get());
    Status status = execute(*handle_, {table.value(), which.value(), rows.value()});
    EXPECT_THAT(stream_->synchronize(), is_ok());
    return status;
  }

  ProgramReport report_of_handle() const { return report().programs.back(); }

  std::unique_ptr<delegate::Handle> handle_;

 private:
  static constexpr std::size_t kSpace = 256;
  CUdeviceptr at(std::size_t tensor) const { return reinterpret_cast<CUdeviceptr>(memory_->data()) + tensor * kSpace; }

  std::optional<Stream> stream_;
  std::optional<Buffer> memory_;
};
INSTANTIATE_TEST_SUITE_P(On, FailedRuns, ::testing::Values("virtual:0"),
                         [](const auto&) { return std::string("virtual"); });

TEST_P(FailedRuns, AreToldToTheNextCallWhenTheirOwnDidNotWait) {
  EXPECT_THAT(look_up(99), is_ok()) << "it was enqueued";
  const Status next = look_up(1);
  ASSERT_FALSE(next.ok());
  EXPECT_THAT(next.error().message(), HasSubstr("an earlier execution of this program failed"));
  EXPECT_THAT(look_up(1), is_ok()) << "told once";
}

TEST_P(FailedRuns, AreInTheReportWhichTakesThemFromNobody) {
  EXPECT_THAT(look_up(99), is_ok());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(report_of_handle().failed_runs, 1u);
    EXPECT_THAT(report_of_handle().failures, ::testing::ElementsAre(HasSubstr("nested program")));
  }
  EXPECT_FALSE(look_up(1).ok());
}

TEST_P(FailedRuns, OfTheLastCallAreInTheReportWhenTheHandleIsGone) {
  EXPECT_THAT(look_up(99), is_ok());
  const std::size_t before = report().untold_failures.size();
  handle_.reset();
  ASSERT_EQ(report().untold_failures.size(), before + 1);
  EXPECT_THAT(report().untold_failures.back(), HasSubstr("nested program"));
}

}  // namespace
}  // namespace etrt::test
