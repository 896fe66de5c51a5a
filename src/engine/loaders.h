#pragma once

#include <mutex>
#include <string_view>
#include <vector>

#include <engine/loader.h>
#include <engine/program/program_loader.h>
#include <engine/tensorrt/library_search.h>
#include <engine/tensorrt/tensorrt_loader.h>

namespace etrt::engine {

/// The kinds of engine that a process can load: those of this build, and those that were added.
/// Threads: safe. Must outlive every engine.
class Loaders {
 public:
  explicit Loaders(tensorrt::SearchPlaces places);

  /// The loader of a kind, or null when there is none.
  const Loader* find(std::string_view kind) const;

  /// Adds a kind of engine to those built in. The loader must outlive this object.
  void add(const Loader& loader);

  /// The TensorRT libraries that its loaders use.
  tensorrt::LibrarySearch& tensorrt_libraries() { return libraries_; }

 private:
  tensorrt::LibrarySearch libraries_;
  program::ProgramLoader program_;
  tensorrt::TensorRtLoader tensorrt_;
  tensorrt::TensorRtLoader tensorrt_rtx_;

  mutable std::mutex mutex_;
  std::vector<const Loader*> all_;
};

}  // namespace etrt::engine
