// Stands in front of glibc's allocator for the whole program: a definition in the executable comes before the
// library's.

#include <cerrno>
#include <cstddef>

#include <cli/allocation_counter.h>

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define ETRT_COUNTS_ALLOCATIONS 1
#else
#define ETRT_COUNTS_ALLOCATIONS 0
#endif

namespace etrt::cli {
namespace {

constinit thread_local std::uint64_t allocations = 0;

}  // namespace

bool counts_allocations() noexcept {
  return ETRT_COUNTS_ALLOCATIONS != 0;
}
std::uint64_t allocations_of_this_thread() noexcept {
  return allocations;
}

}  // namespace etrt::cli

#if ETRT_COUNTS_ALLOCATIONS

#define ETRT_VISIBLE __attribute__((visibility("default")))

// glibc's own names for its allocator; what they return is freed by its free, which stays in place.
extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier)
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
// NOLINTEND(bugprone-reserved-identifier)

ETRT_VISIBLE void* malloc(std::size_t size) noexcept {
  ++etrt::cli::allocations;
  return __libc_malloc(size);
}

ETRT_VISIBLE void* calloc(std::size_t count, std::size_t size) noexcept {
  ++etrt::cli::allocations;
  return __libc_calloc(count, size);
}

ETRT_VISIBLE void* realloc(void* memory, std::size_t size) noexcept {
  ++etrt::cli::allocations;
  return __libc_realloc(memory, size);
}

ETRT_VISIBLE void* memalign(std::size_t alignment, std::size_t size) noexcept {
  ++etrt::cli::allocations;
  return __libc_memalign(alignment, size);
}

ETRT_VISIBLE void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  return memalign(alignment, size);
}

ETRT_VISIBLE int posix_memalign(void** memory, std::size_t alignment, std::size_t size) noexcept {
  if (alignment % sizeof(void*) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0) return EINVAL;
  void* const allocated = memalign(alignment, size);
  if (allocated == nullptr) return ENOMEM;
  *memory = allocated;
  return 0;
}
}

#endif
