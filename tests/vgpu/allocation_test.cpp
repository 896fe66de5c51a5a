#include <vgpu/counting_new.h>
#include <vgpu/fixture.h>

namespace etrt::vgpu::test {
namespace {

Config unchecked_config() {
  Config config;
  config.memory_bytes = std::size_t{64} << 20;
  return config;
}

/// A step of an application at steady state: copies, kernels, events and a graph in two streams.
class SteadyState {
 public:
  SteadyState(const cuda::Driver& driver, CUfunction kernel, CUstream a, CUstream b, CUdeviceptr data, void* pinned)
      : driver_(driver), kernel_(kernel), a_(a), b_(b), data_(data), pinned_(pinned) {
    driver_.cuEventCreate(&forth_, CU_EVENT_DISABLE_TIMING);
    driver_.cuEventCreate(&back_, CU_EVENT_DISABLE_TIMING);
    driver_.cuStreamBeginCapture(a_, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
    launch(a_);
    CUgraph graph = nullptr;
    driver_.cuStreamEndCapture(a_, &graph);
    driver_.cuGraphInstantiateWithFlags(&exec_, graph, 0);
    driver_.cuGraphDestroy(graph);
  }

  void step() {
    driver_.cuMemcpyHtoDAsync(data_, pinned_, 4096, a_);
    launch(a_);
    driver_.cuGraphLaunch(exec_, a_);
    driver_.cuEventRecord(forth_, a_);
    driver_.cuStreamWaitEvent(b_, forth_, 0);
    launch(b_);
    driver_.cuMemcpyDtoHAsync(pinned_, data_, 4096, b_);
    driver_.cuEventRecord(back_, b_);
    driver_.cuStreamWaitEvent(a_, back_, 0);
  }

 private:
  void launch(CUstream stream) {
    AddOne arguments{data_, 1024};
    std::size_t bytes = sizeof(arguments);
    void* extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, &arguments, CU_LAUNCH_PARAM_BUFFER_SIZE, &bytes,
                     CU_LAUNCH_PARAM_END};
    driver_.cuLaunchKernel(kernel_, 4, 1, 1, 1, 1, 1, 0, stream, nullptr, extra);
  }

  const cuda::Driver& driver_;
  CUfunction kernel_;
  CUstream a_, b_;
  CUdeviceptr data_;
  void* pinned_;
  CUevent forth_ = nullptr, back_ = nullptr;
  CUgraphExec exec_ = nullptr;
};

class Allocation : public VgpuTest, public ::testing::WithParamInterface<bool> {
 protected:
  Allocation() : VgpuTest(GetParam() ? checked_config() : unchecked_config()) {}
};

TEST_P(Allocation, EnqueuingAllocatesNothingAtSteadyState) {
  const CUstream a = make_stream();
  const CUstream b = make_stream();
  SteadyState state(driver(), function("add_one"), a, b, make_buffer(), make_pinned());
  // The deepest queue that the measured steps can reach, so that every operation they need is there.
  {
    HostGate gate(driver(), a);
    for (int i = 0; i < 40; ++i) state.step();
  }
  synchronize(b);
  synchronize(a);
  const std::size_t before = allocations_of_this_thread();
  for (int i = 0; i < 40; ++i) state.step();
  EXPECT_EQ(allocations_of_this_thread() - before, 0u);
  synchronize(a);
}

INSTANTIATE_TEST_SUITE_P(Checker, Allocation, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "On" : "Off"; });

}  // namespace
}  // namespace etrt::vgpu::test
