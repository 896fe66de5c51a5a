#pragma once

#include <utility>

#include <cuda/driver.h>

namespace etrt::cuda {

/// Owns one CUDA handle and destroys it through the table that made it. Move-only; empty after a move.
/// Destruction ignores the driver's answer: at process exit the driver may be gone already
/// (`CUDA_ERROR_DEINITIALIZED`), and a destructor has nobody to tell.
/// Threads: like a unique_ptr. The table must outlive the owner.
template <class Handle, auto Destroy>
class Owner {
 public:
  Owner() = default;
  Owner(const Driver& driver, Handle handle) noexcept : driver_(&driver), handle_(handle) {}
  Owner(Owner&& other) noexcept
      : driver_(std::exchange(other.driver_, nullptr)), handle_(std::exchange(other.handle_, Handle{})) {}
  Owner& operator=(Owner&& other) noexcept {
    if (this != &other) {
      reset();
      driver_ = std::exchange(other.driver_, nullptr);
      handle_ = std::exchange(other.handle_, Handle{});
    }
    return *this;
  }
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;
  ~Owner() { reset(); }

  Handle get() const noexcept { return handle_; }
  explicit operator bool() const noexcept { return driver_ != nullptr; }

  /// Gives the handle up; the caller destroys it.
  Handle release() noexcept {
    driver_ = nullptr;
    return std::exchange(handle_, Handle{});
  }

  void reset() noexcept {
    if (driver_ == nullptr) return;
    static_cast<void>((driver_->*Destroy)(handle_));
    driver_ = nullptr;
    handle_ = Handle{};
  }

 private:
  const Driver* driver_ = nullptr;
  Handle handle_{};
};

}  // namespace etrt::cuda
