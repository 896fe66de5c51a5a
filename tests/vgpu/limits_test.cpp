// A process that may make no more threads, and one that was forked from it. Each runs in a child of its own.
#include <cstdlib>
#include <grp.h>
#include <sys/resource.h>
#include <system_error>
#include <thread>
#include <unistd.h>

#include <vgpu/fixture.h>

namespace etrt::vgpu::test {
namespace {

constexpr int kSkipped = 77;

/// Takes from this process the right to make threads. Whether that worked.
bool forbid_threads() {
  constexpr uid_t kNobody = 65534;
  if (getuid() == 0 && (setgroups(0, nullptr) != 0 || setgid(kNobody) != 0 || setuid(kNobody) != 0)) return false;
  const rlimit none{1, 1};
  if (setrlimit(RLIMIT_NPROC, &none) != 0) return false;
  try {
    std::thread([] {}).join();
  } catch (const std::system_error&) {
    return true;
  }
  return false;
}

/// Runs `body` in a child of this process, which ends with what it returns, and by a signal where it hangs.
template <class Body>
void in_a_child(Body body) {
  GTEST_FLAG_SET(death_test_style, "fast");
  const auto run = [&] {
    alarm(20);
    _exit(body());
  };
  EXPECT_EXIT(
      run(),
      [](int status) { return WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == kSkipped); },
      "");
}

/// Counts answers that were not the wanted ones; the child's exit code.
class Answers {
 public:
  void expect(CUresult answer, CUresult wanted) {
    ++asked_;
    if (answer != wanted && first_wrong_ == 0) first_wrong_ = asked_;
  }
  void expect(bool holds) { expect(holds ? CUDA_SUCCESS : CUDA_ERROR_UNKNOWN, CUDA_SUCCESS); }
  int first_wrong() const { return first_wrong_; }

 private:
  int asked_ = 0;
  int first_wrong_ = 0;
};

void CUDA_CB do_nothing(void*) {}

TEST(Threads, WorkOfAStreamThatCanHaveNoThreadIsRefusedAndNotQueued) {
  in_a_child([] {
    VirtualGpu gpu;
    const cuda::Driver& driver = gpu.driver();
    make_current(driver);
    CUstream stream = nullptr;
    CUevent event = nullptr;
    CUdeviceptr data = 0;
    Answers answers;
    answers.expect(driver.cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING), CUDA_SUCCESS);
    answers.expect(driver.cuEventCreate(&event, CU_EVENT_DISABLE_TIMING), CUDA_SUCCESS);
    answers.expect(driver.cuMemAlloc(&data, 4096), CUDA_SUCCESS);
    if (!forbid_threads()) return kSkipped;
    const std::size_t allocations = gpu.live_allocations();
    CUdeviceptr more = 0;
    CUuserObject object = nullptr;
    answers.expect(driver.cuMemsetD8Async(data, 7, 4096, stream), CUDA_ERROR_OUT_OF_MEMORY);
    answers.expect(driver.cuLaunchHostFunc(stream, do_nothing, nullptr), CUDA_ERROR_OUT_OF_MEMORY);
    answers.expect(driver.cuEventRecord(event, stream), CUDA_ERROR_OUT_OF_MEMORY);
    answers.expect(driver.cuMemAllocAsync(&more, 4096, stream), CUDA_ERROR_OUT_OF_MEMORY);
    answers.expect(driver.cuMemFreeAsync(data, stream), CUDA_ERROR_OUT_OF_MEMORY);
    answers.expect(driver.cuUserObjectCreate(&object, nullptr, do_nothing, 1, CU_USER_OBJECT_NO_DESTRUCTOR_SYNC),
                   CUDA_ERROR_OUT_OF_MEMORY);
    answers.expect(gpu.live_allocations() == allocations);
    answers.expect(driver.cuStreamQuery(stream), CUDA_SUCCESS);
    answers.expect(driver.cuStreamSynchronize(stream), CUDA_SUCCESS);
    answers.expect(driver.cuEventSynchronize(event), CUDA_SUCCESS);
    answers.expect(driver.cuMemFree(data), CUDA_SUCCESS);
    answers.expect(driver.cuStreamDestroy(stream), CUDA_SUCCESS);
    return answers.first_wrong();
  });
}

TEST(Forks, AChildIsToldThatNothingIsInitialisedAndEnds) {
  auto gpu = std::make_unique<VirtualGpu>();
  const cuda::Driver& driver = gpu->driver();
  make_current(driver);
  CUstream stream = nullptr;
  CUdeviceptr data = 0;
  ASSERT_EQ(driver.cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING), CUDA_SUCCESS);
  ASSERT_EQ(driver.cuMemAlloc(&data, 4096), CUDA_SUCCESS);
  HostGate gate(driver, stream);
  in_a_child([&] {
    CUcontext context = nullptr;
    Answers answers;
    answers.expect(driver.cuInit(0), CUDA_ERROR_NOT_INITIALIZED);
    answers.expect(driver.cuCtxGetCurrent(&context), CUDA_ERROR_NOT_INITIALIZED);
    answers.expect(driver.cuMemsetD8Async(data, 7, 4096, stream), CUDA_ERROR_NOT_INITIALIZED);
    answers.expect(driver.cuStreamSynchronize(stream), CUDA_ERROR_NOT_INITIALIZED);
    answers.expect(driver.cuMemFree(data), CUDA_ERROR_NOT_INITIALIZED);
    gpu.reset();
    return answers.first_wrong();
  });
}

}  // namespace
}  // namespace etrt::vgpu::test
