#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <program_generated.h>
#include <span>
#include <string>
#include <vector>

#include <base/format.h>
#include <etrt/result.h>
#include <program_facts/written_memory.h>

namespace etrt::program_facts {

namespace schema = etrt_pte_schema;

/// The error for a file that is malformed.
template <class... Parts>
Error malformed(const Parts&... parts) {
  return Error(ErrorCode::kInvalidData, base::concat("not a usable ExecuTorch program: ", parts...));
}

template <class T>
std::size_t count(const flatbuffers::Vector<T>* list) {
  return list == nullptr ? 0 : list->size();
}

/// One step of a method, its indices checked.
struct Step {
  enum class Kind : std::uint8_t { kKernel, kDelegate, kMove, kJump, kOther };

  Kind kind = Kind::kOther;
  std::string name = {};               ///< the operator
  std::vector<std::int32_t> in = {};   ///< values that are read; of a delegate all arguments, which say no more
  std::vector<std::int32_t> out = {};  ///< values that are written
  std::size_t target = 0;              ///< where a jump leads, up to the number of steps
};

/// What a method's tensors and steps say, one by one. Borrows the file, which has been verified: that says nothing of
/// parts that are missing, nor of indices out of range, which are errors here.
class MethodView {
 public:
  explicit MethodView(const schema::ExecutionPlan& plan) : plan_(plan) {}

  std::size_t chains() const { return count(plan_.chains()); }
  Result<std::vector<Step>> steps(std::size_t chain);

  std::size_t values() const { return count(plan_.values()); }

  /// The tensor of this index, or null where the value is no tensor.
  const schema::Tensor* tensor(std::int32_t value) const;

  /// The tensors that a value stands for: itself, or the elements of a list.
  Result<std::vector<std::int32_t>> tensors_of(std::int32_t value);

  /// Where a tensor is planned. Nothing when its size cannot be told.
  static std::optional<PlannedRange> planned_range(const schema::Tensor& tensor);

 private:
  Result<Step> read(const schema::Instruction& instruction, std::size_t steps);
  Result<Step> read_kernel(const schema::KernelCall& call);
  Result<Step> read_delegate(const schema::DelegateCall& call);
  Status add_all(std::span<const std::int32_t> arguments, std::vector<std::int32_t>& tensors);
  Status check_value(std::int32_t value) const;
  Result<std::vector<std::int32_t>> arguments(const flatbuffers::Vector<std::int32_t>* list);
  Status spend(std::size_t items);

  const schema::ExecutionPlan& plan_;
  std::size_t spent_ = 0;
};

}  // namespace etrt::program_facts
