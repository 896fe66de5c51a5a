#pragma once

#include <string>

namespace etrt::cli_test {

/// "digits_portable.pte" of examples/digits.
inline std::string digits(const std::string& name) {
  return std::string(ETRT_EXAMPLES) + "/digits/" + name;
}

/// "digits_tensorrt_rtx.pte" of tests/data: an engine for a GPU.
inline std::string data(const std::string& name) {
  return std::string(ETRT_TEST_DATA) + "/" + name;
}

/// "add_one_dynamic.pte" of tests/data/programs, whose README says what each computes.
inline std::string program(const std::string& name) {
  return data("programs/" + name);
}

}  // namespace etrt::cli_test
