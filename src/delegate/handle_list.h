#pragma once

#include <mutex>
#include <vector>

#include <etrt/report.h>

namespace etrt::delegate {

class Handle;

/// The handles of this process, for the report. Threads: safe.
class HandleList {
 public:
  void add(Handle& handle);
  void remove(const Handle& handle) noexcept;

  /// Asks every handle. None can end meanwhile.
  Report report();

 private:
  std::mutex mutex_;
  std::vector<Handle*> handles_;
};

}  // namespace etrt::delegate
