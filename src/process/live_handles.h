#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include <etrt/report.h>

namespace etrt::process {

/// A loaded program as the process knows it. The delegate's handles are such.
class LiveHandle {
 public:
  /// Waits for nobody.
  virtual ProgramReport report() const = 0;

  /// Waits for the last call.
  virtual ProgramLayers layer_times() = 0;

 protected:
  ~LiveHandle() = default;
};

/// The handles of this process, for the report. Threads: safe.
class LiveHandles {
 public:
  void add(LiveHandle& handle);

  /// Waits while somebody asks the handle for what takes time.
  void remove(const LiveHandle& handle) noexcept;

  /// A failure of a handle that is going, which no call was told of.
  void add_failure(const std::string& text);

  /// Asks every handle, none of which waits.
  Report report();

  /// Asks every handle; holds no lock while one waits for its work.
  std::vector<ProgramLayers> layer_times();

 private:
  struct Entry {
    LiveHandle* handle;
    int asked = 0;  ///< by how many without the lock: it must not go meanwhile
  };

  Entry* find(const LiveHandle& handle);

  std::mutex mutex_;
  std::condition_variable answered_;
  std::vector<Entry> handles_;
  std::vector<std::string> failures_;
};

}  // namespace etrt::process
