#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace etrt::vgpu {

/// A first-in first-out queue whose storage only grows, by doubling: at steady state push and pop allocate nothing.
/// Threads: like a value.
template <class T>
class RingQueue {
 public:
  bool empty() const { return size_ == 0; }

  void push(T item) {
    if (size_ == slots_.size()) grow();
    slots_[(first_ + size_) % slots_.size()] = std::move(item);
    ++size_;
  }

  T pop() {
    T item = std::move(slots_[first_]);
    first_ = (first_ + 1) % slots_.size();
    --size_;
    return item;
  }

 private:
  void grow() {
    std::vector<T> larger(slots_.empty() ? 64 : 2 * slots_.size());
    for (std::size_t i = 0; i < size_; ++i) larger[i] = std::move(slots_[(first_ + i) % slots_.size()]);
    slots_ = std::move(larger);
    first_ = 0;
  }

  std::vector<T> slots_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace etrt::vgpu
