#include <algorithm>

#include <vgpu/operation.h>

namespace etrt::vgpu {
namespace {

constexpr std::size_t kParameterBytes = 256;
constexpr std::size_t kKeptSnapshot = std::size_t{1} << 20;
constexpr std::size_t kFirstOperations = 64;

}  // namespace

Operation::Operation() {
  bytes.reserve(kParameterBytes);
  waits.reserve(4);
  accesses.reserve(8);
}

void Operation::reset() {
  work = WaitWork{};
  if (bytes.capacity() > kKeptSnapshot) bytes = {};
  bytes.clear();
  waits.clear();
  accesses.clear();
  partition.reset();
}

std::string_view label(const Operation& operation) {
  struct Namer {
    std::string_view operator()(const KernelWork& kernel) const { return kernel.label; }
    std::string_view operator()(const CopyWork&) const { return "copy"; }
    std::string_view operator()(const FillWork&) const { return "memset"; }
    std::string_view operator()(const HostWork&) const { return "host function"; }
    std::string_view operator()(const RecordWork&) const { return "event"; }
    std::string_view operator()(const WaitWork&) const { return "wait"; }
    std::string_view operator()(const AllocateWork&) const { return "allocation"; }
    std::string_view operator()(const ReleaseWork&) const { return "free"; }
    std::string_view operator()(const GraphWork&) const { return "graph"; }
  };
  return std::visit(Namer{}, operation.work);
}

std::unique_ptr<Operation> OperationPool::take() {
  if (free_.empty()) {
    const std::size_t more = std::max(kFirstOperations, total_);
    free_.reserve(total_ + more);
    for (std::size_t i = 0; i < more; ++i) free_.push_back(std::make_unique<Operation>());
    total_ += more;
  }
  auto operation = std::move(free_.back());
  free_.pop_back();
  return operation;
}

void OperationPool::give_back(std::unique_ptr<Operation> operation) {
  operation->reset();
  free_.push_back(std::move(operation));
}

}  // namespace etrt::vgpu
