#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <base/try.h>
#include <cuda/error.h>
#include <support/gate.h>
#include <support/matchers.h>

namespace etrt::support {
namespace {

// Long enough for a loaded machine under a sanitizer, short enough to see which test it was.
constexpr std::chrono::seconds kHostLimit{60};
// A GPU is never that slow, and other tests wait for it.
constexpr std::chrono::seconds kKernelLimit{5};

class HostLock final : public GateKeeper::Lock {
 public:
  void open() override {
    {
      const std::lock_guard lock(mutex_);
      open_ = true;
    }
    changed_.notify_all();
  }
  bool reached() const override {
    const std::lock_guard lock(mutex_);
    return reached_;
  }
  bool expired() const override {
    const std::lock_guard lock(mutex_);
    return expired_;
  }

  static void CUDA_CB hold(void* self) { static_cast<HostLock*>(self)->hold(); }

 private:
  void hold() {
    std::unique_lock lock(mutex_);
    reached_ = true;
    if (!changed_.wait_for(lock, kHostLimit, [this] { return open_; })) expired_ = true;
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  bool reached_ = false;
  bool expired_ = false;
};

class HostGates final : public GateKeeper {
 public:
  explicit HostGates(const cuda::Driver& driver) : driver_(driver) {}

  CUresult close(CUstream stream, std::shared_ptr<Lock>& lock) override {
    auto host_lock = std::make_shared<HostLock>();
    {
      const std::lock_guard guard(mutex_);
      // Kept to the end: a captured gate runs again with each replay.
      locks_.push_back(host_lock);
    }
    lock = host_lock;
    return driver_.cuLaunchHostFunc(stream, &HostLock::hold, host_lock.get());
  }

 private:
  const cuda::Driver& driver_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<HostLock>> locks_;
};

/// What the kernel `hold` reads and writes.
struct Flags {
  std::uint32_t open;
  std::uint32_t reached;
  std::uint32_t expired;
  std::uint32_t unused;
};

class KernelLock final : public GateKeeper::Lock {
 public:
  explicit KernelLock(Flags& flags) : flags_(flags) {}

  void open() override { std::atomic_ref(flags_.open).store(1, std::memory_order_release); }
  bool reached() const override { return std::atomic_ref(flags_.reached).load(std::memory_order_acquire) != 0; }
  bool expired() const override { return std::atomic_ref(flags_.expired).load(std::memory_order_acquire) != 0; }

 private:
  Flags& flags_;
};

class KernelGates final : public GateKeeper {
 public:
  static constexpr std::size_t kCapacity = 256;

  KernelGates(const KernelLibrary& kernels, cuda::PinnedMemory flags) : kernels_(kernels), flags_(std::move(flags)) {
    for (std::size_t i = 0; i < kCapacity; ++i) flag(i) = {};
  }

  CUresult close(CUstream stream, std::shared_ptr<Lock>& lock) override {
    const std::size_t index = used_.fetch_add(1);
    if (index >= kCapacity) return CUDA_ERROR_OUT_OF_MEMORY;
    lock = std::make_shared<KernelLock>(flag(index));
    return kernels_.hold(stream, reinterpret_cast<CUdeviceptr>(&flag(index)), kKernelLimit);
  }

 private:
  Flags& flag(std::size_t index) { return static_cast<Flags*>(flags_.get())[index]; }

  const KernelLibrary& kernels_;
  cuda::PinnedMemory flags_;
  std::atomic<std::size_t> used_{0};
};

}  // namespace

std::unique_ptr<GateKeeper> create_host_gates(const cuda::Driver& driver) {
  return std::make_unique<HostGates>(driver);
}

Result<std::unique_ptr<GateKeeper>> create_kernel_gates(const cuda::Driver& driver, const KernelLibrary& kernels) {
  ETRT_TRY_ASSIGN(auto flags, cuda::create_pinned_memory(driver, KernelGates::kCapacity * sizeof(Flags)));
  return std::unique_ptr<GateKeeper>(std::make_unique<KernelGates>(kernels, std::move(flags)));
}

Gate::Gate(GateKeeper& keeper, CUstream stream) {
  const CUresult result = keeper.close(stream, lock_);
  if (result != CUDA_SUCCESS) ADD_FAILURE() << "cannot close a gate on the stream: " << result_name(result);
}

Gate::~Gate() {
  if (lock_ == nullptr) return;
  open();
}

void Gate::open() {
  if (lock_->expired()) {
    ADD_FAILURE() << "a stream waited too long at a closed gate: something that should not wait for it did";
  }
  lock_->open();
}

void Gate::wait_until_reached() const {
  const auto limit = std::chrono::steady_clock::now() + kHostLimit;
  while (!lock_->reached()) {
    if (std::chrono::steady_clock::now() > limit) {
      ADD_FAILURE() << "the stream never reached the gate";
      return;
    }
    std::this_thread::yield();
  }
}

}  // namespace etrt::support
