// The kernels of kernels.ptx as C++, for the virtual GPU. Each declares what it touches, for the order checker.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <thread>

#include <support/kernel_library.h>
#include <vgpu/kernel.h>

namespace etrt::support {
namespace {

using vgpu::AccessSink;
using vgpu::BlockContext;

struct ValueParameters {
  std::uint64_t data;
  std::uint32_t value;
  std::uint32_t count;
};
struct CopyParameters {
  std::uint64_t destination;
  std::uint64_t source;
  std::uint32_t count;
};
struct RecordParameters {
  std::uint64_t out;
  std::uint32_t blocks;
  std::uint64_t nanoseconds;
};
struct SpinParameters {
  std::uint64_t nanoseconds;
};
struct HoldParameters {
  std::uint64_t flags;
  std::uint64_t limit;
};

constexpr std::size_t kValueSizes[] = {8, 4, 4};
constexpr std::size_t kCopySizes[] = {8, 8, 4};
constexpr std::size_t kRecordSizes[] = {8, 4, 8};
constexpr std::size_t kSpinSizes[] = {8};
constexpr std::size_t kHoldSizes[] = {8, 8};

/// The parameters, without reading padding that a launch need not have written.
template <class Parameters>
Parameters unpack(const std::byte* packed, std::size_t bytes = sizeof(Parameters)) {
  Parameters parameters{};
  std::memcpy(&parameters, packed, bytes);
  return parameters;
}

CopyParameters unpack_copy(const std::byte* packed) {
  return unpack<CopyParameters>(packed, 20);
}

struct Range {
  std::size_t begin;
  std::size_t end;
};

/// The elements that the threads of one block work on.
Range elements_of(const BlockContext& block, std::uint32_t count) {
  const std::size_t begin = std::size_t{block.block_index()} * kBlockThreads;
  return {std::min<std::size_t>(begin, count), std::min<std::size_t>(begin + kBlockThreads, count)};
}

std::uint32_t* elements(const BlockContext& block, std::uint64_t address) {
  return static_cast<std::uint32_t*>(block.memory(address));
}

void stay_busy(std::uint64_t nanoseconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(nanoseconds);
  while (std::chrono::steady_clock::now() < end) {
  }
}

void run_fill(const BlockContext& block, const std::byte* packed) {
  const auto parameters = unpack<ValueParameters>(packed);
  const auto [begin, end] = elements_of(block, parameters.count);
  if (begin == end) return;
  std::uint32_t* data = elements(block, parameters.data);
  std::fill(data + begin, data + end, parameters.value);
}

void declare_fill(const std::byte* packed, AccessSink& accesses) {
  const auto parameters = unpack<ValueParameters>(packed);
  accesses.write(parameters.data, std::size_t{parameters.count} * 4);
}

void run_add(const BlockContext& block, const std::byte* packed) {
  const auto parameters = unpack<ValueParameters>(packed);
  const auto [begin, end] = elements_of(block, parameters.count);
  if (begin == end) return;
  std::uint32_t* data = elements(block, parameters.data);
  for (std::size_t i = begin; i < end; ++i) data[i] += parameters.value;
}

void declare_add(const std::byte* packed, AccessSink& accesses) {
  const auto parameters = unpack<ValueParameters>(packed);
  accesses.read(parameters.data, std::size_t{parameters.count} * 4);
  accesses.write(parameters.data, std::size_t{parameters.count} * 4);
}

void run_copy(const BlockContext& block, const std::byte* packed) {
  const auto parameters = unpack_copy(packed);
  const auto [begin, end] = elements_of(block, parameters.count);
  if (begin == end) return;
  const std::uint32_t* source = elements(block, parameters.source);
  std::copy(source + begin, source + end, elements(block, parameters.destination) + begin);
}

void declare_copy(const std::byte* packed, AccessSink& accesses) {
  const auto parameters = unpack_copy(packed);
  accesses.read(parameters.source, std::size_t{parameters.count} * 4);
  accesses.write(parameters.destination, std::size_t{parameters.count} * 4);
}

void run_record_sm(const BlockContext& block, const std::byte* packed) {
  const auto parameters = unpack<RecordParameters>(packed);
  if (block.block_index() >= parameters.blocks) return;
  elements(block, parameters.out)[block.block_index()] = block.sm_id();
  stay_busy(parameters.nanoseconds);
}

void declare_record_sm(const std::byte* packed, AccessSink& accesses) {
  const auto parameters = unpack<RecordParameters>(packed);
  accesses.write(parameters.out, std::size_t{parameters.blocks} * 4);
}

void run_spin(const BlockContext&, const std::byte* packed) {
  stay_busy(unpack<SpinParameters>(packed).nanoseconds);
}

void run_hold(const BlockContext& block, const std::byte* packed) {
  const auto parameters = unpack<HoldParameters>(packed);
  std::uint32_t* flags = elements(block, parameters.flags);
  const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(parameters.limit);
  std::atomic_ref(flags[1]).store(1, std::memory_order_release);
  while (std::atomic_ref(flags[0]).load(std::memory_order_acquire) == 0) {
    if (std::chrono::steady_clock::now() > end) {
      std::atomic_ref(flags[2]).store(1, std::memory_order_release);
      return;
    }
    std::this_thread::yield();
  }
}

constexpr vgpu::Kernel kKernels[] = {
    {"fill_u32", run_fill, declare_fill, kValueSizes}, {"add_u32", run_add, declare_add, kValueSizes},
    {"copy_u32", run_copy, declare_copy, kCopySizes},  {"record_sm", run_record_sm, declare_record_sm, kRecordSizes},
    {"spin", run_spin, nullptr, kSpinSizes},           {"hold", run_hold, nullptr, kHoldSizes},
};
constexpr vgpu::ModuleImage kImage{.kernels = kKernels};

}  // namespace

const void* vgpu_kernels() {
  return &kImage;
}

}  // namespace etrt::support
