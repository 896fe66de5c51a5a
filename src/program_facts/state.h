#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <vector>

#include <program_facts/method_view.h>
#include <program_facts/written_memory.h>

namespace etrt::program_facts {

/// Whether one run of a method reads what an earlier one left: follows its steps, chain after chain, and looks for a
/// tensor that is read before the run has surely written it. Where jumps make that unclear, it does.
class StateSearch {
 public:
  StateSearch(const MethodView& method, std::span<const std::int32_t> inputs, std::span<const std::int32_t> outputs);

  bool keeps_state(std::span<const std::vector<Step>> chains);

 private:
  void follow(const std::vector<Step>& steps);
  void take_delegate(const Step& step);
  void take_jump(const Step& step, std::size_t at);
  void read(std::int32_t value);
  void write(std::int32_t value);
  bool is_written(std::int32_t value) const;
  bool is_constant(std::int32_t value) const;

  const MethodView& method_;
  std::set<std::int32_t> inputs_;
  std::vector<std::int32_t> outputs_;
  std::set<std::int32_t> written_by_kernels_;  ///< anywhere in the method
  std::set<std::int32_t> made_;                ///< given contents by a step so far, each under its own index
  WrittenMemory written_;
  std::map<std::size_t, WrittenMemory> at_targets_;  ///< what every jump seen so far to a later step has written
  std::map<std::size_t, WrittenMemory> at_loops_;    ///< what was written where a later step jumps back to
  bool found_ = false;
};

}  // namespace etrt::program_facts
