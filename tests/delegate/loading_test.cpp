// Loading programs: side by side, and without copies of what is a mapped file.

#include <chrono>
#include <condition_variable>
#include <delegate_fixture.h>
#include <fstream>
#include <iterator>
#include <mutex>

#include <blob/blob_writer.h>
#include <process/process.h>
#include <support/mapped_bytes.h>

namespace etrt::test {
namespace {

/// A loader in which two loads must meet, as they do where neither waits for the other; it makes no engine.
class MeetingLoader final : public engine::Loader {
 public:
  std::string_view kind() const override { return "meeting"; }
  Status supports(const cuda::Device&, const engine::Target&, std::span<const std::byte>,
                  const engine::EngineOptions&) const override {
    return {};
  }
  Result<std::unique_ptr<engine::Engine>> load(const cuda::Device&, std::span<const std::byte>,
                                               const engine::EngineOptions&) const override {
    std::unique_lock lock(mutex_);
    ++present_;
    changed_.notify_all();
    const bool met = changed_.wait_for(lock, std::chrono::seconds(20), [&] { return present_ % 2 == 0; });
    return Error(met ? ErrorCode::kNotSupported : ErrorCode::kInternal, met ? "they met" : "one waited for the other");
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  mutable int present_ = 0;
};

class Loading : public DelegateTest {
 protected:
  static std::vector<std::byte> blob_of_payload(const blob::Payload& payload) {
    blob::Metadata metadata;
    metadata.io_bindings.push_back({.name = "x", .is_input = true});
    metadata.io_bindings.push_back({.name = "y", .is_input = false});
    return must(blob::write_blob(metadata, {}, {&payload, 1}));
  }
};
ETRT_ON_EVERY_DEVICE(Loading);

TEST_P(Loading, ProgramsOfDifferentEnginesLoadSideBySide) {
  static const MeetingLoader loader;
  static const bool added = (process::Process::instance().loaders().add(loader), true);
  static_cast<void>(added);
  const auto load = [&](int value) {
    const std::vector<std::byte> bytes(64, static_cast<std::byte>(value));
    return try_load(blob_of_payload({"meeting", "anywhere", bytes}));
  };
  std::thread other([&] { EXPECT_THAT(load(1), fails_with(ErrorCode::kNotSupported)); });
  EXPECT_THAT(load(2), fails_with(ErrorCode::kNotSupported));
  other.join();
}

class HostProgramLoading : public Loading {
 protected:
  static std::vector<std::byte> blob() {
    std::ifstream file(ETRT_TEST_DATA "/programs/types_int32.pte", std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    return blob_of_payload({"program", "host", std::as_bytes(std::span(text))});
  }
  std::unique_ptr<delegate::Handle> load(std::span<const std::byte> bytes) const {
    delegate::Options options;
    options.device = GetParam();
    return must(delegate::Handle::create(bytes, options));
  }
};
INSTANTIATE_TEST_SUITE_P(On, HostProgramLoading, ::testing::Values("virtual:0"),
                         [](const auto&) { return std::string("virtual"); });

TEST_P(HostProgramLoading, CopiesNothingOfAMappedFileThatMayBeUnmappedAfterwards) {
  const support::TemporaryFile file(blob());
  std::optional<support::MappedBytes> mapped(file.path());
  const auto handle = load(mapped->get());
  const auto second = load(mapped->get());
  mapped.reset();
  EXPECT_EQ(handle->engine()->memory().host_copy, 0u);
  EXPECT_EQ(second->engine(), handle->engine());
  HostTensor in({8}, 5);
  HostTensor out({8}, 0);
  EXPECT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
}

TEST_P(HostProgramLoading, CopiesOtherMemoryOnceForAllThatLoadIt) {
  const auto bytes = blob();
  const auto handle = load(bytes);
  const auto second = load(bytes);
  EXPECT_EQ(second->engine(), handle->engine());
  EXPECT_GT(handle->engine()->memory().host_copy, 0u);
  EXPECT_LT(handle->engine()->memory().host_copy, bytes.size() + 64);
}

}  // namespace
}  // namespace etrt::test
