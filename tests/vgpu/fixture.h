#pragma once

#include <atomic>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <vector>

#include <gtest/gtest.h>

#include <vgpu/kernel.h>
#include <vgpu/observer.h>
#include <vgpu/virtual_gpu.h>

namespace etrt::vgpu::test {

/// Stops a stream where it was closed until it is opened, or destroyed.
/// Threads: safe.
class HostGate {
 public:
  HostGate(const cuda::Driver& driver, CUstream stream);
  ~HostGate();
  HostGate(const HostGate&) = delete;
  HostGate& operator=(const HostGate&) = delete;

  void open();

  /// Blocks until the stream stands at the gate.
  void wait_until_reached();

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool opened = false;
    bool reached = false;
  };

  static void CUDA_CB run(void* state);

  std::shared_ptr<State> state_;
};

/// Holds streams where they are, then lets them go one after another: work put into them meanwhile never overlaps, so a
/// planted mistake is none for a thread sanitizer.
class Standstill {
 public:
  Standstill(const cuda::Driver& driver, std::vector<CUstream> streams);
  ~Standstill();
  Standstill(const Standstill&) = delete;
  Standstill& operator=(const Standstill&) = delete;

 private:
  const cuda::Driver& driver_;
  std::vector<CUstream> streams_;
  std::vector<std::unique_ptr<HostGate>> gates_;
};

/// Lets a test wait until that many operations have run, without a word to the driver.
class Sees final : public Observer {
 public:
  explicit Sees(int operations) : missing_(operations) {}

  void finished(const OperationRecord&) override {
    if (--missing_ == 0) seen_.set_value();
  }
  void wait() { seen_.get_future().wait(); }

 private:
  std::atomic<int> missing_;
  std::promise<void> seen_;
};

/// Parameters of the kernel "add_one": adds 1 to `count` words at `data`. "name_words" declares the same and does
/// nothing.
struct AddOne {
  CUdeviceptr data;
  std::uint64_t count;
};

/// Parameters of the kernel "places": block i writes its SM and its core to words 2i and 2i+1 at `out`.
struct Places {
  CUdeviceptr out;
};

/// A virtual GPU with the order checker on and device 0's primary context current.
class VgpuTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kBytes = 4096;

  static Config checked_config();

  explicit VgpuTest(const Config& config = checked_config());
  /// Fails on order reports that the test has not taken.
  ~VgpuTest() override;

  const cuda::Driver& driver() const { return gpu_->driver(); }
  VirtualGpu& gpu() { return *gpu_; }
  CUcontext primary() const { return primary_; }

  CUstream make_stream(unsigned flags = CU_STREAM_NON_BLOCKING);
  CUevent make_event(unsigned flags = CU_EVENT_DISABLE_TIMING);
  CUdeviceptr make_buffer(std::size_t bytes = kBytes);
  void* make_pinned(std::size_t bytes = kBytes);
  CUfunction function(const char* name);

  CUresult add_one(CUstream stream, CUdeviceptr data, std::uint64_t count = kBytes / 4);
  CUresult name_words(CUstream stream, CUdeviceptr data, std::uint64_t count = kBytes / 4) {
    return launch("name_words", stream, data, count);
  }
  CUresult fill(CUstream stream, CUdeviceptr data, std::size_t bytes = kBytes);
  CUresult synchronize(CUstream stream) { return driver().cuStreamSynchronize(stream); }
  /// Makes `second` wait for what is in `first` now.
  void order(CUstream first, CUstream second);

  /// Green contexts of `sm_count` SMs each, that share none.
  std::vector<CUgreenCtx> make_partitions(unsigned count, unsigned sm_count);
  CUgreenCtx make_partition(unsigned sm_count) { return make_partitions(1, sm_count).front(); }
  CUstream make_stream_in(CUgreenCtx partition);

  std::vector<OrderReport> reports() { return gpu_->take_order_reports(); }

 private:
  CUresult launch(const char* kernel, CUstream stream, CUdeviceptr data, std::uint64_t count);

  std::unique_ptr<VirtualGpu> gpu_;
  CUcontext primary_ = nullptr;
  CUmodule module_ = nullptr;
};

/// Retains the primary context of device 0 and makes it current, for a GPU that no fixture holds.
CUcontext make_current(const cuda::Driver& driver);

/// The image with the kernels of these tests.
const ModuleImage& test_image();

}  // namespace etrt::vgpu::test
