#include <algorithm>

#include <program_facts/state.h>

namespace etrt::program_facts {
namespace {

/// Every jump keeps a copy of what was written: beyond this product of jumps and values nobody looks further.
constexpr std::size_t kMaxJumpsTimesValues = std::size_t{1} << 22;

/// The contents that it has when the method is loaded are part of the file.
bool has_initial_contents(const schema::Tensor& tensor) {
  const auto* extra = tensor.extra_tensor_info();
  return tensor.data_buffer_idx() > 0 ||
         (extra != nullptr && extra->location() == schema::TensorDataLocation::EXTERNAL);
}

}  // namespace

StateSearch::StateSearch(const MethodView& method, std::span<const std::int32_t> inputs,
                         std::span<const std::int32_t> outputs)
    : method_(method), inputs_(inputs.begin(), inputs.end()), outputs_(outputs.begin(), outputs.end()) {}

bool StateSearch::keeps_state(std::span<const std::vector<Step>> chains) {
  std::size_t jumps = 0;
  for (const auto& steps : chains) {
    for (const Step& step : steps) {
      jumps += step.kind == Step::Kind::kJump ? 1 : 0;
      written_by_kernels_.insert(step.out.begin(), step.out.end());
    }
  }
  if (jumps > 0 && method_.values() > kMaxJumpsTimesValues / jumps) return true;
  for (const std::int32_t input : inputs_) write(input);
  for (const auto& steps : chains) follow(steps);
  for (const std::int32_t output : outputs_) read(output);
  return found_;
}

void StateSearch::follow(const std::vector<Step>& steps) {
  at_targets_.clear();
  at_loops_.clear();
  std::set<std::size_t> loops;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].kind == Step::Kind::kJump && steps[i].target <= i) loops.insert(steps[i].target);
  }
  for (std::size_t i = 0; i <= steps.size() && !found_; ++i) {
    if (const auto jumps = at_targets_.find(i); jumps != at_targets_.end()) {
      written_.intersect(jumps->second);
      at_targets_.erase(jumps);
    }
    if (i == steps.size()) return;
    if (loops.contains(i)) at_loops_.emplace(i, written_);
    const Step& step = steps[i];
    if (step.kind == Step::Kind::kDelegate) {
      take_delegate(step);
      continue;
    }
    for (const std::int32_t value : step.in) read(value);
    if (step.kind == Step::Kind::kJump) take_jump(step, i);
    for (const std::int32_t value : step.out) {
      // After a move the value stands for the memory of another.
      if (step.kind == Step::Kind::kMove) written_.write(value);
      write(value);
    }
  }
}

void StateSearch::take_jump(const Step& step, std::size_t at) {
  if (step.target <= at) {
    // A second round must find all that the first one found.
    found_ |= !written_.covers(at_loops_.at(step.target));
    return;
  }
  const auto [place, is_new] = at_targets_.emplace(step.target, written_);
  if (!is_new) place->second.intersect(written_);
}

/// Which arguments a delegate writes is not told: outputs are last by convention, so whatever stands before one that
/// something else has made is read. The others are outputs, unless they have contents of another origin.
void StateSearch::take_delegate(const Step& step) {
  std::size_t inputs = 0;
  for (std::size_t i = 0; i < step.in.size(); ++i) {
    const std::int32_t value = step.in[i];
    if (is_constant(value) || inputs_.contains(value) || made_.contains(value)) inputs = i + 1;
  }
  for (std::size_t i = 0; i < step.in.size(); ++i) {
    const std::int32_t value = step.in[i];
    const bool of_other_origin = written_by_kernels_.contains(value) || has_initial_contents(*method_.tensor(value));
    if (i < inputs || of_other_origin) read(value);
  }
  for (std::size_t i = inputs; i < step.in.size(); ++i) write(step.in[i]);
}

bool StateSearch::is_constant(std::int32_t value) const {
  const schema::Tensor& tensor = *method_.tensor(value);
  return tensor.allocation_info() == nullptr && has_initial_contents(tensor);
}

bool StateSearch::is_written(std::int32_t value) const {
  if (is_constant(value) || written_.covers(value)) return true;
  const auto range = MethodView::planned_range(*method_.tensor(value));
  return range && written_.covers(*range);
}

void StateSearch::read(std::int32_t value) {
  if (method_.tensor(value) != nullptr && !is_written(value)) found_ = true;
}

void StateSearch::write(std::int32_t value) {
  const schema::Tensor* tensor = method_.tensor(value);
  if (tensor == nullptr) return;
  made_.insert(value);
  if (const auto range = MethodView::planned_range(*tensor)) {
    written_.write(*range);
  } else if (tensor->allocation_info() == nullptr) {
    written_.write(value);
  }
}

}  // namespace etrt::program_facts
