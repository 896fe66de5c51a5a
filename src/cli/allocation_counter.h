#pragma once

#include <cstdint>

namespace etrt::cli {

/// Whether this program counts heap allocations: not in builds with a sanitizer, which owns the heap.
bool counts_allocations() noexcept;

/// Heap allocations made by the calling thread so far: malloc, calloc, realloc and the aligned ones, and so operator
/// new too, by whatever library. Threads: each reads its own number.
std::uint64_t allocations_of_this_thread() noexcept;

}  // namespace etrt::cli
