#pragma once

#include <cstddef>

namespace etrt::vgpu::test {

/// How many times this thread has allocated by `new`.
std::size_t allocations_of_this_thread();

}  // namespace etrt::vgpu::test
