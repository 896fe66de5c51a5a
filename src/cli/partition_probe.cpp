#include <atomic>
#include <cstring>
#include <set>
#include <thread>
#include <utility>

#include <base/format.h>
#include <base/try.h>
#include <cli/partition_probe.h>
#include <cli/probe_kernel.h>
#include <cuda/current_context.h>
#include <cuda/device.h>
#include <cuda/error.h>

namespace etrt::cli {
namespace {

using Clock = std::chrono::steady_clock;

/// How long blocks may take to start on SMs that are free.
constexpr std::chrono::seconds kStartLimit{5};
constexpr unsigned kMaxBlockThreads = 1024;

}  // namespace

/// Blocks as large as they may be that leave no room for a thread: two of 768 where an SM holds 1536.
Result<PartitionProbe::Grid> PartitionProbe::filling_grid(const Partition& partition) {
  const cuda::Device& device = partition.device().native();
  const auto sms = static_cast<unsigned>(partition.sm_count());
  if (device.is_virtual) return Grid{sms, 1};
  int threads = 0;
  ETRT_TRY(cuda::check(
      device.driver,
      device.driver.cuDeviceGetAttribute(&threads, CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR, device.ordinal),
      "cuDeviceGetAttribute"));
  const auto an_sm = static_cast<unsigned>(threads);
  const unsigned blocks = (an_sm + kMaxBlockThreads - 1) / kMaxBlockThreads;
  return Grid{blocks * sms, an_sm / blocks};
}

Result<PartitionProbe> PartitionProbe::create(const Partition& partition, std::chrono::nanoseconds limit) {
  ETRT_TRY_ASSIGN(const Grid grid, filling_grid(partition));
  ETRT_TRY_ASSIGN(Stream inside, partition.create_stream());
  ETRT_TRY_ASSIGN(Stream outside, Stream::create(partition.device()));
  const std::size_t count = kProbeMarks + grid.blocks + kProbeMarks + 1;
  ETRT_TRY_ASSIGN(Buffer words, Buffer::pinned(partition.device(), count * sizeof(std::uint32_t)));
  std::memset(words.data(), 0, words.size());
  PartitionProbe probe(std::move(inside), std::move(outside), std::move(words));
  probe.limit_ns_ = static_cast<std::uint64_t>(limit.count());
  probe.grid_ = grid;
  probe.sm_count_ = static_cast<unsigned>(partition.sm_count());
  ETRT_TRY(probe.load());
  return probe;
}

Status PartitionProbe::load() {
  const cuda::Device& device = device_.native();
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::push(device.driver, device.primary));
  const void* image = device.is_virtual ? static_cast<const void*>(&probe_module_image()) : kProbePtx;
  ETRT_TRY_ASSIGN(module_, cuda::load_module(device.driver, image));
  return cuda::check(device.driver, device.driver.cuModuleGetFunction(&kernel_, module_.get(), kProbeKernel),
                     "cuModuleGetFunction");
}

PartitionProbe::~PartitionProbe() {
  if (!module_) return;
  release();
  static_cast<void>(inside_.synchronize());
  static_cast<void>(outside_.synchronize());
  const auto scope = cuda::CurrentContext::push(device_.native().driver, device_.native().primary);
  module_.reset();
}

std::uint32_t PartitionProbe::read_word(std::size_t index) const {
  return std::atomic_ref(static_cast<std::uint32_t*>(words_.data())[index]).load(std::memory_order_acquire);
}

void PartitionProbe::write_word(std::size_t index, std::uint32_t value) const {
  std::atomic_ref(static_cast<std::uint32_t*>(words_.data())[index]).store(value, std::memory_order_release);
}

Status PartitionProbe::launch(const Stream& stream, std::size_t first_word, Grid grid) const {
  const cuda::Device& device = device_.native();
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::push(device.driver, device.primary));
  auto address = reinterpret_cast<std::uint64_t>(static_cast<std::uint32_t*>(words_.data()) + first_word);
  std::uint64_t limit = limit_ns_;
  void* parameters[] = {&address, &limit};
  return cuda::check(device.driver,
                     device.driver.cuLaunchKernel(kernel_, grid.blocks, 1, 1, grid.threads, 1, 1, 0, stream.get(),
                                                  parameters, nullptr),
                     "cuLaunchKernel");
}

/// How many of the blocks have started, once all have or it has taken too long.
unsigned PartitionProbe::wait_for_blocks(std::size_t first_word, unsigned blocks) const {
  const auto end = Clock::now() + kStartLimit;
  unsigned started = 0;
  while (true) {
    while (started < blocks && read_word(first_word + kProbeMarks + started) != 0) ++started;
    if (started == blocks || Clock::now() > end) return started;
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

Status PartitionProbe::fill() {
  ETRT_TRY(launch(inside_, 0, grid_));
  const unsigned started = wait_for_blocks(0, grid_.blocks);
  if (started == grid_.blocks) return read_sms();
  return Error(ErrorCode::kInvalidState,
               base::concat("the partition of ", sm_count_, " SMs of ", device_.name(), " did not fill: ", started,
                            " of ", grid_.blocks, " blocks started within ", kStartLimit.count(),
                            " s. Run the check while nothing else uses the GPU"));
}

Status PartitionProbe::read_sms() {
  std::set<unsigned> sms;
  for (unsigned block = 0; block < grid_.blocks; ++block) sms.insert(read_word(kProbeMarks + block) - 1);
  sms_.assign(sms.begin(), sms.end());
  if (sms_.size() == sm_count_) return {};
  return Error(ErrorCode::kInternal, base::concat("blocks that fill ", sm_count_, " SMs of ", device_.name(),
                                                  " ran on ", sms_.size(), " of them"));
}

Result<bool> PartitionProbe::runs_outside() const {
  const std::size_t first_word = kProbeMarks + grid_.blocks;
  write_word(first_word + kProbeRelease, 1);
  ETRT_TRY(launch(outside_, first_word, {1, 1}));
  return wait_for_blocks(first_word, 1) == 1;
}

void PartitionProbe::release() noexcept {
  write_word(kProbeRelease, 1);
}

Status PartitionProbe::finish() {
  release();
  ETRT_TRY(inside_.synchronize());
  if (read_word(kProbeExpired) == 0) return {};
  return Error(ErrorCode::kInvalidState, base::concat("the partition's SMs were held for ", limit_ns_ / 1'000'000,
                                                      " ms, the limit of the check"));
}

}  // namespace etrt::cli
