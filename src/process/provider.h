#pragma once

#include <memory>
#include <vector>

#include <cuda/decorated_driver.h>
#include <cuda/device.h>
#include <etrt/result.h>

namespace etrt::process {

/// One provider of the driver table and the devices opened through it.
/// Threads: one caller at a time. The plain table and the hook must outlive it; devices live as long as it does.
class Provider {
 public:
  /// `hook` may be null: the table is then used as it is.
  Provider(const cuda::Driver& plain, cuda::CallHook* hook, bool is_virtual);

  const cuda::Driver& table() const { return *table_; }

  /// "cuda" or "virtual", as device names begin.
  const char* kind() const { return is_virtual_ ? "virtual" : "cuda"; }

  /// An error is the driver's, and the next call asks again.
  Result<int> device_count();

  /// The same object for the same ordinal. `kNotFound` when there is none.
  Result<const cuda::Device*> open(int ordinal);

 private:
  Status initialise();

  std::unique_ptr<cuda::DecoratedDriver> decorated_;
  const cuda::Driver* table_;
  bool is_virtual_;
  bool initialised_ = false;
  std::vector<std::unique_ptr<const cuda::Device>> devices_;
};

}  // namespace etrt::process
