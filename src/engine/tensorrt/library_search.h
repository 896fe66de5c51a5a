#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <engine/tensorrt/library.h>
#include <engine/tensorrt/product.h>
#include <etrt/result.h>

namespace etrt::engine::tensorrt {

/// Where TensorRT's libraries are looked for besides the loader's own search.
struct SearchPlaces {
  std::string library;                       ///< a path that stands for every search; empty: none
  std::vector<std::string> site_packages{};  ///< folders of installed Python wheels
  std::string lean_runtime{};                ///< for plans that bring none; empty: none
};

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

/// Finds libraries and keeps them open.
/// Threads: safe.
class LibrarySearch {
 public:
  explicit LibrarySearch(SearchPlaces places) : places_(std::move(places)) {}

  /// Opens the first library that fits: the path by option, the path of the places, the loader's search, the wheels.
  /// The error lists what was tried and why each would not do.
  Result<const Library*> find(const LibraryRequest& request);

  OpenLibraries& opened() { return opened_; }

  /// The lean runtime that the places name; empty: none.
  const std::string& lean_runtime() const { return places_.lean_runtime; }

 private:
  const SearchPlaces places_;
  OpenLibraries opened_;
};

}  // namespace etrt::engine::tensorrt
