#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <executorch/extension/module/module.h>

#include <etrt/buffer.h>
#include <etrt/device.h>
#include <etrt/partition.h>
#include <etrt/result.h>
#include <etrt/stream.h>

namespace digits {

inline constexpr int kPixels = 64;    ///< one image is 1 x 8 x 8 floats
inline constexpr int kClasses = 10;   ///< one answer is 10 logits
inline constexpr int kMaxBatch = 15;  ///< the model's upper bound

/// A copy of the model with a stream of its own: all images on the device, all answers left there.
/// Threads: one at a time.
class Recogniser {
 public:
  /// `partition`: where its stream runs; none means anywhere on the device. `batch`: images a call, at most kMaxBatch.
  static etrt::Result<Recogniser> create(const etrt::Device& device, const etrt::Partition* partition,
                                         const std::string& program, const std::vector<float>& images, int batch);

  int batches() const { return (count_ + batch_ - 1) / batch_; }

  /// Enqueues one batch on the stream and returns; nothing waits.
  etrt::Status enqueue(int batch);

  etrt::Status wait() const { return stream_.synchronize(); }

  /// The answers of all images, once the work has run.
  etrt::Result<std::vector<float>> logits() const;

 private:
  Recogniser(etrt::Stream stream, etrt::Buffer images, etrt::Buffer logits, int count, int batch)
      : stream_(std::move(stream)),
        images_(std::move(images)),
        logits_(std::move(logits)),
        count_(count),
        batch_(batch) {}

  // The module ends first: it waits for its work, which uses the buffers.
  etrt::Stream stream_;
  etrt::Buffer images_;
  etrt::Buffer logits_;
  int count_;
  int batch_;
  std::unique_ptr<executorch::extension::Module> module_;
};

}  // namespace digits
