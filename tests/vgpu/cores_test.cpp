#include <algorithm>
#include <sched.h>
#include <set>
#include <unistd.h>

#include <vgpu/fixture.h>

namespace etrt::vgpu::test {
namespace {

/// The cores this process may run on, in order.
std::vector<std::uint32_t> process_cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  EXPECT_EQ(sched_getaffinity(getpid(), sizeof(allowed), &allowed), 0);
  std::vector<std::uint32_t> cores;
  for (std::uint32_t core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &allowed)) cores.push_back(core);
  }
  return cores;
}

class Cores : public VgpuTest {
 protected:
  static constexpr unsigned kBlocks = 16;

  struct Seen {
    std::set<std::uint32_t> sms;
    std::set<std::uint32_t> cores;
  };

  void launch_places(CUstream stream, CUdeviceptr out) {
    Places arguments{out};
    void* parameters[] = {&arguments.out};
    EXPECT_EQ(driver().cuLaunchKernel(function("places"), kBlocks, 1, 1, 1, 1, 1, 0, stream, parameters, nullptr),
              CUDA_SUCCESS);
  }

  Seen read_places(CUstream stream, CUdeviceptr out) {
    std::vector<std::uint32_t> words(2 * kBlocks);
    EXPECT_EQ(driver().cuMemcpyDtoHAsync(words.data(), out, words.size() * 4, stream), CUDA_SUCCESS);
    Seen seen;
    for (unsigned block = 0; block < kBlocks; ++block) {
      seen.sms.insert(words[2 * block]);
      seen.cores.insert(words[2 * block + 1]);
    }
    return seen;
  }

  Seen places_on(CUstream stream) {
    const CUdeviceptr out = make_buffer();
    launch_places(stream, out);
    return read_places(stream, out);
  }

  static std::set<std::uint32_t> cores_of(const std::set<std::uint32_t>& sms) {
    const auto cores = process_cores();
    std::set<std::uint32_t> found;
    for (const auto sm : sms) found.insert(cores[sm % cores.size()]);
    return found;
  }
};

using Sms = std::set<std::uint32_t>;

bool is_within(const Sms& inner, const Sms& outer) {
  return std::includes(outer.begin(), outer.end(), inner.begin(), inner.end());
}

TEST_F(Cores, APlainStreamUsesEverySm) {
  EXPECT_EQ(places_on(make_stream()).sms, (Sms{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST_F(Cores, PartitionsAreDisjointAndRunOnTheirCores) {
  const auto partitions = make_partitions(2, 3);
  const Seen on_first = places_on(make_stream_in(partitions[0]));
  const Seen on_second = places_on(make_stream_in(partitions[1]));
  EXPECT_EQ(on_first.sms, (Sms{0, 1, 2}));
  EXPECT_EQ(on_second.sms, (Sms{3, 4, 5}));
  EXPECT_TRUE(is_within(on_first.cores, cores_of(on_first.sms)));
  EXPECT_TRUE(is_within(on_second.cores, cores_of(on_second.sms)));
}

TEST_F(Cores, AStreamMadeWithTheGreenContextCurrentIsConfined) {
  const CUgreenCtx partition = make_partition(2);
  CUcontext context = nullptr;
  EXPECT_EQ(driver().cuCtxFromGreenCtx(&context, partition), CUDA_SUCCESS);
  EXPECT_EQ(driver().cuCtxPushCurrent(context), CUDA_SUCCESS);
  const CUstream stream = make_stream();
  EXPECT_EQ(driver().cuCtxPopCurrent(nullptr), CUDA_SUCCESS);
  EXPECT_EQ(places_on(stream).sms, (Sms{0, 1}));
}

TEST_F(Cores, AGraphRunsWhereItWasCaptured) {
  const CUdeviceptr out = make_buffer();
  const CUstream confined = make_stream_in(make_partition(2));
  EXPECT_EQ(driver().cuStreamBeginCapture(confined, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL), CUDA_SUCCESS);
  launch_places(confined, out);
  CUgraph graph = nullptr;
  EXPECT_EQ(driver().cuStreamEndCapture(confined, &graph), CUDA_SUCCESS);
  CUgraphExec exec = nullptr;
  EXPECT_EQ(driver().cuGraphInstantiateWithFlags(&exec, graph, 0), CUDA_SUCCESS);
  const CUstream plain = make_stream();
  EXPECT_EQ(driver().cuGraphLaunch(exec, plain), CUDA_SUCCESS);
  const Seen seen = read_places(plain, out);
  EXPECT_EQ(seen.sms, (Sms{0, 1}));
  EXPECT_TRUE(is_within(seen.cores, cores_of(seen.sms)));
  EXPECT_EQ(places_on(plain).sms.size(), 8u);
}

}  // namespace
}  // namespace etrt::vgpu::test
