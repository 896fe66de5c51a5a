#include <chrono>
#include <cstring>
#include <sched.h>

#include <vgpu/event.h>
#include <vgpu/execution.h>
#include <vgpu/graph.h>

namespace etrt::vgpu {
namespace {

class Block final : public BlockContext {
 public:
  Block(const DeviceAddresses& addresses, unsigned count) : addresses_(addresses), count_(count) {}

  void place(unsigned index, unsigned sm) {
    index_ = index;
    sm_ = sm;
  }

  void* memory(std::uint64_t address) const override { return addresses_.view(address); }
  unsigned block_index() const override { return index_; }
  unsigned block_count() const override { return count_; }
  unsigned sm_id() const override { return sm_; }

 private:
  const DeviceAddresses& addresses_;
  unsigned count_;
  unsigned index_ = 0;
  unsigned sm_ = 0;
};

/// Does each kind of work; those that only order others do nothing.
class Executor {
 public:
  Executor(const Operation& operation, const Site& site) : operation_(operation), site_(site) {}

  void operator()(const KernelWork& kernel) const {
    const auto& sms = operation_.partition->sms;
    Block block(site_.addresses, kernel.blocks);
    for (unsigned index = 0; index < kernel.blocks; ++index) {
      block.place(index, sms[index % sms.size()]);
      kernel.kernel->run(block, operation_.bytes.data());
    }
  }

  void operator()(const CopyWork& copy) const {
    if (copy.bytes == 0) return;
    std::memmove(copy.to, copy.from != nullptr ? copy.from : operation_.bytes.data(), copy.bytes);
  }

  void operator()(const FillWork& fill) const {
    if (fill.width == 1) {
      std::memset(fill.to, static_cast<int>(fill.value), fill.count);
    } else {
      auto* elements = static_cast<std::uint32_t*>(fill.to);
      std::fill_n(elements, fill.count, fill.value);
    }
  }

  void operator()(const HostWork& host) const { host.function(host.argument); }

  void operator()(const GraphWork& graph) const {
    const Partition* confined = operation_.partition.get();
    for (const auto& node : graph.program->nodes) {
      if (node->partition.get() != confined) {
        node->partition->confine_thread();
        confined = node->partition.get();
      }
      const std::int64_t start = now_ns();
      execute(*node, site_);
      observe(*node, site_, start);
    }
    if (confined != operation_.partition.get()) operation_.partition->confine_thread();
  }

  void operator()(const RecordWork&) const {}
  void operator()(const WaitWork&) const {}
  void operator()(const AllocateWork&) const {}
  void operator()(const ReleaseWork&) const {}

 private:
  const Operation& operation_;
  const Site& site_;
};

}  // namespace

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void execute(const Operation& operation, const Site& site) {
  std::visit(Executor(operation, site), operation.work);
}

void observe(const Operation& operation, const Site& site, std::int64_t start_ns) {
  if (site.observer == nullptr || std::holds_alternative<GraphWork>(operation.work)) return;
  site.observer->finished(
      {site.stream_id, operation.partition->id, site.device, label(operation), start_ns, now_ns(), sched_getcpu()});
}

}  // namespace etrt::vgpu
