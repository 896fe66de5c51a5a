#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <engine/tensor_info.h>

namespace etrt::engine::tensorrt {

/// What one optimization profile allows of one input: shapes, and of a shape tensor on the host its values too.
struct InputRange {
  Dims minimum;
  Dims maximum;
  std::vector<std::int64_t> minimum_values = {};
  std::vector<std::int64_t> maximum_values = {};
  /// What the engine was tuned for, somewhere between.
  Dims preferred = {};
  std::vector<std::int64_t> preferred_values = {};
};

/// What an input is set to.
struct InputSetting {
  Dims dims;
  std::vector<std::int64_t> values = {};  ///< of a shape tensor, once they are known
};

/// The optimization profiles of an engine. Inputs are in the engine's order.
/// Threads: immutable once filled.
class Profiles {
 public:
  /// One entry for each profile, each with one range for each input.
  explicit Profiles(std::vector<std::vector<InputRange>> profiles) : profiles_(std::move(profiles)) {}

  int count() const { return static_cast<int>(profiles_.size()); }
  std::span<const InputRange> ranges(int profile) const { return profiles_[static_cast<std::size_t>(profile)]; }

  bool fits(int profile, std::span<const InputSetting> inputs) const;

  /// The profile that allows the inputs: `preferred` if it does, else the first.
  std::optional<int> fitting(std::span<const InputSetting> inputs, int preferred) const;

  /// "profile 0: x [1, 4] to [8, 4]; profile 1: ...", for the inputs that differ within or between profiles.
  std::string describe(std::span<const std::string> names) const;

 private:
  std::vector<std::vector<InputRange>> profiles_;
};

}  // namespace etrt::engine::tensorrt
