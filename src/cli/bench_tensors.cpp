#include <algorithm>

#include <base/try.h>
#include <cli/bench_tensors.h>

namespace etrt::cli {
namespace {

std::vector<const HostTensor*> all_tensors(const BenchCase& bench) {
  std::vector<const HostTensor*> all;
  for (const HostTensor& tensor : bench.inputs) all.push_back(&tensor);
  for (const HostTensor& tensor : bench.outputs) all.push_back(&tensor);
  return all;
}

}  // namespace

Result<BenchTensors> BenchTensors::on_device(const BenchCase& bench, cudaStream_t stream) {
  BenchTensors tensors;
  const MemoryLabel label = bench.labelled ? MemoryLabel::kCuda : MemoryLabel::kCpu;
  for (const HostTensor* tensor : all_tensors(bench)) {
    ETRT_TRY_ASSIGN(Buffer buffer, Buffer::on_device(bench.device, std::max<std::size_t>(tensor->data.size(), 1)));
    if (!tensor->data.empty()) ETRT_TRY(buffer.copy_from_host(tensor->data.data(), tensor->data.size(), stream));
    tensors.tensors_.push_back(view_of(*tensor, buffer.data(), label));
    tensors.buffers_.push_back(std::move(buffer));
  }
  tensors.finish();
  return tensors;
}

BenchTensors BenchTensors::on_host(const BenchCase& bench) {
  BenchTensors tensors;
  for (const HostTensor* tensor : all_tensors(bench)) {
    tensors.host_.push_back(tensor->data);
    tensors.tensors_.push_back(view_of(*tensor, tensors.host_.back().data()));
  }
  tensors.finish();
  return tensors;
}

void BenchTensors::finish() {
  for (const auto& tensor : tensors_) values_.emplace_back(*tensor);
  for (auto& value : values_) pointers_.push_back(&value);
}

}  // namespace etrt::cli
