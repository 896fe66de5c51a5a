#pragma once

#include <memory>
#include <string>
#include <vector>

#include <executorch/runtime/backend/interface.h>

#include <cli/bench_case.h>
#include <etrt/result.h>

namespace etrt::cli {

/// The registered TensorRTBackend called as ExecuTorch calls it, without ExecuTorch's Method around it.
/// Threads: `execute` may run on several at once, as the delegate's.
class DirectDelegate {
 public:
  static Result<std::unique_ptr<DirectDelegate>> create(const BenchCase& bench, int max_inflight);
  ~DirectDelegate();
  DirectDelegate(const DirectDelegate&) = delete;
  DirectDelegate& operator=(const DirectDelegate&) = delete;

  Status execute(executorch::runtime::Span<executorch::runtime::EValue*> arguments) const;

 private:
  explicit DirectDelegate(executorch::runtime::BackendInterface& backend) : backend_(backend) {}

  executorch::runtime::BackendInterface& backend_;
  executorch::runtime::DelegateHandle* handle_ = nullptr;
};

}  // namespace etrt::cli
