// Replaces the allocation functions of the whole test program by ones that count.
#include <cstdlib>
#include <new>

#include <vgpu/counting_new.h>

namespace etrt::vgpu::test {
namespace {

thread_local std::size_t allocations = 0;

}  // namespace

std::size_t allocations_of_this_thread() {
  return allocations;
}

namespace internal {

void* counted(std::size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}

}  // namespace internal
}  // namespace etrt::vgpu::test

void* operator new(std::size_t bytes) {
  return etrt::vgpu::test::internal::counted(bytes);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
