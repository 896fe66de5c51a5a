#include <functional>
#include <thread>

#include <vgpu/fixture.h>

namespace etrt::vgpu::test {
namespace {

constexpr int kThreads = 4;
constexpr int kRounds = 60;

class Stress : public VgpuTest {
 protected:
  void on_threads(const std::function<void(int)>& body) {
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        EXPECT_EQ(driver().cuCtxSetCurrent(primary()), CUDA_SUCCESS);
        body(i);
      });
    }
    for (auto& thread : threads) thread.join();
  }
};

TEST_F(Stress, ThreadsWithStreamsOfTheirOwnComputeRight) {
  on_threads([&](int) {
    const CUstream stream = make_stream();
    std::vector<std::uint32_t> words(kBytes / 4, 5);
    for (int i = 0; i < kRounds; ++i) {
      CUdeviceptr data = 0;
      EXPECT_EQ(driver().cuMemAllocAsync(&data, kBytes, stream), CUDA_SUCCESS);
      EXPECT_EQ(driver().cuMemcpyHtoDAsync(data, words.data(), kBytes, stream), CUDA_SUCCESS);
      EXPECT_EQ(add_one(stream, data), CUDA_SUCCESS);
      EXPECT_EQ(driver().cuMemcpyDtoHAsync(words.data(), data, kBytes, stream), CUDA_SUCCESS);
      EXPECT_EQ(driver().cuMemFreeAsync(data, stream), CUDA_SUCCESS);
    }
    EXPECT_EQ(words, std::vector<std::uint32_t>(kBytes / 4, 5 + kRounds));
    EXPECT_EQ(driver().cuStreamDestroy(stream), CUDA_SUCCESS);
  });
}

TEST_F(Stress, AChainOfStreamsKeepsOneBufferRight) {
  const CUdeviceptr data = make_buffer();
  const CUstream streams[] = {make_stream(), make_stream(), make_stream()};
  EXPECT_EQ(driver().cuMemsetD32Async(data, 0, kBytes / 4, streams[0]), CUDA_SUCCESS);
  for (int i = 0; i < 3 * kRounds; ++i) {
    EXPECT_EQ(add_one(streams[i % 3], data), CUDA_SUCCESS);
    order(streams[i % 3], streams[(i + 1) % 3]);
  }
  std::vector<std::uint32_t> words(kBytes / 4);
  EXPECT_EQ(driver().cuMemcpyDtoHAsync(words.data(), data, kBytes, streams[0]), CUDA_SUCCESS);
  EXPECT_EQ(words, std::vector<std::uint32_t>(kBytes / 4, 3 * kRounds));
}

TEST_F(Stress, ThreadsCaptureAndLaunchAtOnce) {
  on_threads([&](int) {
    const CUstream stream = make_stream();
    CUdeviceptr data = 0;
    EXPECT_EQ(driver().cuMemAllocAsync(&data, kBytes, stream), CUDA_SUCCESS);
    EXPECT_EQ(fill(stream, data), CUDA_SUCCESS);
    for (int i = 0; i < kRounds / 4; ++i) {
      EXPECT_EQ(driver().cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_RELAXED), CUDA_SUCCESS);
      EXPECT_EQ(add_one(stream, data), CUDA_SUCCESS);
      CUgraph graph = nullptr;
      CUgraphExec exec = nullptr;
      EXPECT_EQ(driver().cuStreamEndCapture(stream, &graph), CUDA_SUCCESS);
      EXPECT_EQ(driver().cuGraphInstantiateWithFlags(&exec, graph, 0), CUDA_SUCCESS);
      for (int j = 0; j < 4; ++j) EXPECT_EQ(driver().cuGraphLaunch(exec, stream), CUDA_SUCCESS);
      EXPECT_EQ(driver().cuGraphExecDestroy(exec), CUDA_SUCCESS);
      EXPECT_EQ(driver().cuGraphDestroy(graph), CUDA_SUCCESS);
    }
    EXPECT_EQ(driver().cuMemFreeAsync(data, stream), CUDA_SUCCESS);
    EXPECT_EQ(synchronize(stream), CUDA_SUCCESS);
  });
}

TEST_F(Stress, StreamsEventsAndPartitionsComeAndGo) {
  on_threads([&](int) {
    for (int i = 0; i < kRounds / 4; ++i) {
      const CUgreenCtx partition = make_partition(2);
      const CUstream confined = make_stream_in(partition);
      const CUstream blocking = make_stream(CU_STREAM_DEFAULT);
      order(confined, blocking);
      order(blocking, CU_STREAM_PER_THREAD);
      order(CU_STREAM_PER_THREAD, CU_STREAM_LEGACY);
      EXPECT_EQ(driver().cuStreamDestroy(confined), CUDA_SUCCESS);
      EXPECT_EQ(driver().cuGreenCtxDestroy(partition), CUDA_SUCCESS);
      EXPECT_EQ(driver().cuStreamDestroy(blocking), CUDA_SUCCESS);
      EXPECT_EQ(synchronize(CU_STREAM_LEGACY), CUDA_SUCCESS);
    }
  });
}

}  // namespace
}  // namespace etrt::vgpu::test
