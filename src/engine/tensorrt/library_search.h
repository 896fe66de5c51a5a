#pragma once

#include <optional>
#include <string>
#include <vector>

#include <engine/tensorrt/library.h>
#include <engine/tensorrt/product.h>
#include <etrt/result.h>

namespace etrt::engine::tensorrt {

/// Where this process looks for TensorRT's libraries besides the loader's own search; the environment tells.
struct SearchPlaces {
  std::string library;                       ///< a path that stands for every search; empty: none
  std::vector<std::string> site_packages{};  ///< folders of installed Python wheels
};

/// Sets the process's places. Libraries that are open already stay open.
/// Threads: safe.
void set_search_places(SearchPlaces places);

/// The site-packages folders of a virtual environment (may be empty) and of the python3 installations in their usual
/// places. Runs no Python.
std::vector<std::string> installed_site_packages(const std::string& virtual_environment);

struct LibraryRequest {
  Product product;
  std::string path = {};  ///< asked for by option; nothing else is tried then
  bool lean = false;      ///< the lean runtime will do too
  /// Of the headers compiled with. The library must have their major version, and no older a minor one: the classes of
  /// an older one lack the functions added since, and a call to one runs past the end of its table.
  std::optional<Version> headers = {};
};

/// Opens the first library that fits: the path by option, the path by environment, the loader's search, the wheels.
/// The error lists what was tried and why each would not do.
/// Threads: safe.
Result<const Library*> find_library(const LibraryRequest& request);

}  // namespace etrt::engine::tensorrt
