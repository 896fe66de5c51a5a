#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include <cuda/owners.h>
#include <etrt/buffer.h>
#include <etrt/partition.h>
#include <etrt/result.h>
#include <etrt/stream.h>

namespace etrt::cli {

/// Fills a partition's SMs with blocks that stay until they are released, and tells which SMs these are.
/// While they stay, make no call that waits for the whole device (CUDA: cuMemAlloc, cuMemFree, cuModuleLoadData).
/// Threads: one caller at a time. Ends with the SMs free.
class PartitionProbe {
 public:
  /// The blocks give up after `limit`, so that nothing can hang. The partition must outlive the call alone.
  static Result<PartitionProbe> create(const Partition& partition, std::chrono::nanoseconds limit);

  PartitionProbe(PartitionProbe&&) noexcept = default;
  PartitionProbe& operator=(PartitionProbe&&) = delete;
  ~PartitionProbe();

  /// Returns once every SM is full; on the virtual GPU, where SMs cannot be filled, once each has run a block.
  /// `kInvalidState` when they do not fill in a while: other work stays on them.
  Status fill();

  /// The SMs that `fill` filled, in order.
  const std::vector<unsigned>& sms() const { return sms_; }

  /// Whether a kernel on a stream of the whole device runs while the SMs are full. Where it does not, nothing can be
  /// told from a program that does not run either.
  Result<bool> runs_outside() const;

  /// Lets the blocks go.
  void release() noexcept;

  /// Lets the blocks go and waits for their end. `kInvalidState` when they had given up before.
  Status finish();

 private:
  struct Grid {
    unsigned blocks;
    unsigned threads;  ///< of a block
  };

  PartitionProbe(Stream inside, Stream outside, Buffer words)
      : device_(inside.device()), inside_(std::move(inside)), outside_(std::move(outside)), words_(std::move(words)) {}

  static Result<Grid> filling_grid(const Partition& partition);
  Status load();
  Status launch(const Stream& stream, std::size_t first_word, Grid grid) const;
  unsigned wait_for_blocks(std::size_t first_word, unsigned blocks) const;
  std::uint32_t read_word(std::size_t index) const;
  void write_word(std::size_t index, std::uint32_t value) const;
  Status read_sms();

  Device device_;
  Stream inside_;
  Stream outside_;
  Buffer words_;  ///< for the grid that fills the SMs, behind them those for the one block outside
  cuda::Module module_;
  CUfunction kernel_ = nullptr;
  std::uint64_t limit_ns_ = 0;
  Grid grid_{};
  unsigned sm_count_ = 0;
  std::vector<unsigned> sms_;
};

}  // namespace etrt::cli
