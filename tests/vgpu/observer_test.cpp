#include <mutex>
#include <string>
#include <utility>

#include <vgpu/fixture.h>

namespace etrt::vgpu::test {
namespace {

/// Keeps what it sees.
class Recorder final : public Observer {
 public:
  struct Seen {
    std::string name;
    OperationRecord record;
  };

  void finished(const OperationRecord& record) override {
    const std::lock_guard lock(mutex_);
    seen_.push_back({std::string(record.name), record});
  }

  std::vector<Seen> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(seen_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<Seen> seen_;
};

class Observing : public VgpuTest {
 protected:
  Observing() { gpu().set_observer(&recorder); }

  std::vector<std::string> names() {
    std::vector<std::string> found;
    for (const auto& seen : recorder.take()) found.push_back(seen.name);
    return found;
  }

  Recorder recorder;
  CUstream stream = make_stream();
  CUdeviceptr data = make_buffer();
};

using Names = std::vector<std::string>;

TEST_F(Observing, EachOperationIsSeenByItsName) {
  const CUevent event = make_event();
  void* pinned = make_pinned();
  fill(stream, data);
  add_one(stream, data);
  driver().cuMemcpyDtoHAsync(pinned, data, kBytes, stream);
  driver().cuEventRecord(event, stream);
  driver().cuLaunchHostFunc(
      stream, [](void*) {}, nullptr);
  synchronize(stream);
  EXPECT_EQ(names(), (Names{"memset", "kernel add_one", "copy", "event", "host function"}));
}

TEST_F(Observing, AWaitIsSeenWhenItEnds) {
  const CUstream other = make_stream();
  const CUevent event = make_event();
  HostGate gate(driver(), stream);
  driver().cuEventRecord(event, stream);
  driver().cuStreamWaitEvent(other, event, 0);
  gate.open();
  synchronize(other);
  const auto seen = names();
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[2], "wait");
}

TEST_F(Observing, AGraphIsSeenNodeByNode) {
  driver().cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL);
  fill(stream, data);
  add_one(stream, data);
  CUgraph graph = nullptr;
  CUgraphExec exec = nullptr;
  driver().cuStreamEndCapture(stream, &graph);
  driver().cuGraphInstantiateWithFlags(&exec, graph, 0);
  EXPECT_EQ(names(), Names{});
  driver().cuGraphLaunch(exec, stream);
  synchronize(stream);
  EXPECT_EQ(names(), (Names{"memset", "kernel add_one"}));
}

TEST_F(Observing, TimesOfAStreamDoNotOverlap) {
  for (int i = 0; i < 10; ++i) add_one(stream, data);
  synchronize(stream);
  const auto seen = recorder.take();
  ASSERT_EQ(seen.size(), 10u);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    EXPECT_LE(seen[i].record.start_ns, seen[i].record.end_ns);
  }
  for (std::size_t i = 1; i < seen.size(); ++i) {
    EXPECT_LE(seen[i - 1].record.end_ns, seen[i].record.start_ns);
  }
}

TEST_F(Observing, TheStreamAndPartitionAreNamed) {
  const CUgreenCtx partition = make_partition(2);
  const CUgreenCtx another = make_partition(2);
  const CUstream confined = make_stream_in(partition);
  const CUstream elsewhere = make_stream_in(another);
  unsigned long long id = 0;
  driver().cuStreamGetId(confined, &id);
  fill(stream, data);
  synchronize(stream);
  fill(confined, data);
  synchronize(confined);
  fill(elsewhere, data);
  synchronize(elsewhere);
  const auto seen = recorder.take();
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[0].record.partition_id, 0u);
  EXPECT_NE(seen[1].record.partition_id, 0u);
  EXPECT_NE(seen[2].record.partition_id, seen[1].record.partition_id);
  EXPECT_EQ(seen[1].record.stream_id, id);
  EXPECT_EQ(seen[1].record.device, 0);
  EXPECT_GE(seen[1].record.cpu, 0);
}

}  // namespace
}  // namespace etrt::vgpu::test
