#pragma once

#include <string>

namespace etrt::support {

/// Where a library made for the tests lies: beside the program in a GPU bundle, in lib/ in a build. By path, since with
/// a sanitizer the dynamic linker does not search where the program says.
std::string library_path(const std::string& file);

}  // namespace etrt::support
