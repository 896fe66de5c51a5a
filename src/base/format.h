#pragma once

#include <sstream>
#include <string>

namespace etrt::base {

/// Joins the arguments into one string, as `operator<<` prints them. For error messages, never for the hot path.
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

}  // namespace etrt::base
