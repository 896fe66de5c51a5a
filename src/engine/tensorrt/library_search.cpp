#include <algorithm>
#include <filesystem>

#include <base/format.h>
#include <engine/tensorrt/library_search.h>

namespace etrt::engine::tensorrt {
namespace {

namespace fs = std::filesystem;

/// `lib`/python3*/`leaf`, for every Python version there.
void add_python_folders(const fs::path& lib, std::string_view leaf, std::vector<std::string>& folders) {
  std::error_code error;
  for (fs::directory_iterator entry(lib, error), end; !error && entry != end; entry.increment(error)) {
    const fs::path packages = entry->path() / leaf;
    std::error_code ignored;
    if (!entry->path().filename().string().starts_with("python3") || !fs::is_directory(packages, ignored)) continue;
    folders.push_back(packages.string());
  }
}

struct Names {
  std::span<const std::string_view> libraries;
  std::span<const std::string_view> folders;
};

void add_candidates(const Names& names, const std::vector<std::string>& site_packages,
                    std::vector<std::string>& candidates) {
  for (const std::string_view library : names.libraries) candidates.emplace_back(library);
  for (const std::string& packages : site_packages) {
    for (const std::string_view folder : names.folders) {
      for (const std::string_view library : names.libraries) {
        const fs::path path = fs::path(packages) / folder / library;
        std::error_code ignored;
        if (fs::exists(path, ignored)) candidates.push_back(path.string());
      }
    }
  }
}

std::vector<std::string> candidates_for(const SearchPlaces& places, const LibraryRequest& request) {
  if (!request.path.empty()) return {request.path};
  if (!places.library.empty()) return {places.library};
  const ProductInfo& product = info(request.product);
  std::vector<std::string> candidates;
  add_candidates({product.libraries, product.wheel_folders}, places.site_packages, candidates);
  if (request.lean)
    add_candidates({product.lean_libraries, product.lean_wheel_folders}, places.site_packages, candidates);
  return candidates;
}

/// Which product a library of this version is: TensorRT-RTX counts anew from 1.
Product product_of(const Version& version) {
  return version.major < 8 ? Product::kTensorRtRtx : Product::kTensorRt;
}

std::string unfit(const LibraryRequest& request, const Library& library) {
  const Product product = product_of(library.version);
  std::string found = base::concat(library.path, " is ", info(product).name, " ", to_string(library.version));
  if (product != request.product) return found;
  if (!request.headers) return {};
  const Version& headers = *request.headers;
  if (library.version.major == headers.major && library.version.minor >= headers.minor) return {};
  const bool older = library.version.major == headers.major;
  return base::concat(found,
                      older ? ", older than the headers that this etrt was built with, of "
                            : ", this etrt was built with the headers of ",
                      info(product).name, " ", headers.major, ".", headers.minor);
}

/// "TensorRT", or "TensorRT 11.1 or a later 11".
std::string name_of_wanted(const LibraryRequest& request) {
  std::string name(info(request.product).name);
  if (!request.headers) return name;
  const Version& headers = *request.headers;
  return base::concat(name, " ", headers.major, ".", headers.minor, " or a later ", headers.major);
}

}  // namespace

std::vector<std::string> installed_site_packages(const std::string& virtual_environment) {
  std::vector<std::string> folders;
  if (!virtual_environment.empty()) add_python_folders(virtual_environment + "/lib", "site-packages", folders);
  for (const char* lib : {"/usr/local/lib", "/usr/lib"}) {
    add_python_folders(lib, "site-packages", folders);
    add_python_folders(lib, "dist-packages", folders);
  }
  return folders;
}

Result<const Library*> LibrarySearch::find(const LibraryRequest& request) {
  std::string tried;
  ErrorCode code = ErrorCode::kNotFound;
  for (const std::string& candidate : candidates_for(places_, request)) {
    auto opened = opened_.open(candidate);
    std::string reason = opened.ok() ? unfit(request, **opened) : opened.error().message();
    if (opened.ok() && reason.empty()) return opened;
    // A library that is there and will not do says more than those that are not.
    if (opened.ok()) code = ErrorCode::kIncompatible;
    if (!opened.ok() && opened.error().code() != ErrorCode::kNotFound) code = opened.error().code();
    tried += base::concat(tried.empty() ? "" : "; ", reason);
  }
  const std::string wanted = name_of_wanted(request);
  return Error(code, base::concat("no library of ", wanted, " for it: ", tried, ". Remedy: install ", wanted,
                                  ", or name its library with the option tensorrt_library or ETRT_TENSORRT_LIBRARY",
                                  request.headers ? base::concat(", or build etrt with the headers of the library: -D",
                                                                 info(request.product).headers_option, "=DIRECTORY")
                                                  : ""));
}

}  // namespace etrt::engine::tensorrt
