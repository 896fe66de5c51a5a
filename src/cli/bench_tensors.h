#pragma once

#include <vector>

#include <executorch/runtime/core/evalue.h>
#include <executorch/runtime/core/span.h>

#include <cli/bench_case.h>
#include <etrt/buffer.h>
#include <etrt/result.h>

namespace etrt::cli {

/// The arguments of a delegate's execute(): a tensor for each input, then for each output, with memory of their own.
/// Threads: like any value.
class BenchTensors {
 public:
  /// In device memory, with the labels the program gives; the inputs are there on return.
  static Result<BenchTensors> on_device(const BenchCase& bench, cudaStream_t stream);

  /// In pageable host memory, without labels.
  static BenchTensors on_host(const BenchCase& bench);

  executorch::runtime::Span<executorch::runtime::EValue*> arguments() { return {pointers_.data(), pointers_.size()}; }

 private:
  void finish();

  std::vector<Buffer> buffers_;
  std::vector<std::vector<std::byte>> host_;
  std::vector<executorch::extension::TensorPtr> tensors_;
  std::vector<executorch::runtime::EValue> values_;
  std::vector<executorch::runtime::EValue*> pointers_;
};

}  // namespace etrt::cli
