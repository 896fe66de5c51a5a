#pragma once

#include <compare>
#include <string>

namespace etrt::engine::tensorrt {

/// A TensorRT version: of the headers compiled with, of a library, of the writer of a plan.
struct Version {
  int major = 0;
  int minor = 0;
  int patch = 0;

  auto operator<=>(const Version&) const = default;
};

/// From TensorRT's own number (getInferLibVersion, NV_TENSORRT_VERSION): 110400 is 11.4.0, and before TensorRT 10 8601
/// is 8.6.1.
constexpr Version version_of_number(int number) {
  if (number >= 1000 && number < 10000) return {number / 1000, number / 100 % 10, number % 100};
  return {number / 10000, number / 100 % 100, number % 100};
}

constexpr int number_of(const Version& version) {
  return version.major * 10000 + version.minor * 100 + version.patch;
}

/// "11.4.0"
std::string to_string(const Version& version);

}  // namespace etrt::engine::tensorrt
