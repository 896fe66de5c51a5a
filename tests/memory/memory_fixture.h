#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include <gmock/gmock.h>

#include <cuda/call_counter.h>
#include <cuda/decorated_driver.h>
#include <cuda/device.h>
#include <memory/device_pools.h>
#include <support/context_fixture.h>

namespace etrt::memory {

using cuda::Symbol;
using support::Gate;
using support::is_ok;
using support::must;
using ::testing::HasSubstr;

/// Of a block where its size does not matter.
inline constexpr std::size_t kBytes = 4096;

/// Counts driver calls, makes those of an entry point fail until told otherwise, and tells of each.
/// Threads: safe; `on_call` is set while no other thread makes calls.
class Hook final : public cuda::CallHook {
 public:
  void fail(Symbol symbol, CUresult result = CUDA_ERROR_UNKNOWN) {
    const std::lock_guard lock(mutex_);
    failing_[symbol] = result;
  }
  void pass() {
    const std::lock_guard lock(mutex_);
    failing_.clear();
  }
  std::uint64_t count(Symbol symbol) const { return counter_.count(symbol); }

  std::function<void(Symbol)> on_call;

  std::optional<CUresult> before(Symbol symbol) override {
    counter_.before(symbol);
    if (on_call) on_call(symbol);
    const std::lock_guard lock(mutex_);
    const auto failing = failing_.find(symbol);
    return failing == failing_.end() ? std::nullopt : std::optional<CUresult>(failing->second);
  }
  void after(Symbol, CUresult) override {}

 private:
  cuda::CallCounter counter_;
  std::mutex mutex_;
  std::map<Symbol, CUresult> failing_;
};

/// A test of the pools of device 0. Their driver calls pass through `hook()`; the test's own do not. At the end nothing
/// of the pools may be left.
class MemoryFixture : public support::ContextFixture {
 protected:
  void SetUp() override {
    ContextFixture::SetUp();
    if (primary() == nullptr) return;
    decorated_.emplace(driver(), hook_);
    device_.emplace(must(cuda::Device::open(decorated_->table(), 0, GetParam().name == "vgpu")));
    pools_.emplace(*device_);
  }
  void TearDown() override {
    hook_.on_call = nullptr;
    hook_.pass();
    if (pools_) pools_->trim();
    pools_.reset();
    device_.reset();
    ContextFixture::TearDown();
    decorated_.reset();
  }

  Hook& hook() { return hook_; }
  DevicePools& pools() { return *pools_; }

  /// Enqueues work of the device on `count` words of memory.
  void use(const cuda::Stream& stream, CUdeviceptr memory, std::uint32_t count = 16) const {
    EXPECT_THAT(kernels().fill_u32(stream.get(), memory, 7, count), is_ok());
  }
  void use(const cuda::Stream& stream, const PinnedPool::Block& block) const {
    use(stream, reinterpret_cast<CUdeviceptr>(block.data()));
  }

 private:
  Hook hook_;
  std::optional<cuda::DecoratedDriver> decorated_;
  std::optional<cuda::Device> device_;
  std::optional<DevicePools> pools_;
};

}  // namespace etrt::memory
