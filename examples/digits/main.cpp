// Recognises handwritten digits with two copies of one model side by side, each on a stream of its own in an SM
// partition of its own, without a host wait between calls. Everything here uses etrt's public headers alone.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <executorch/runtime/platform/platform.h>
#include <executorch/runtime/platform/runtime.h>
#include <xtensor/xarray.hpp>
#include <xtensor/xnpy.hpp>

#include "latency.h"
#include "recogniser.h"
#include <etrt/pte.h>
#include <etrt/timeline.h>

namespace {

using digits::kClasses;
using digits::Recogniser;

constexpr int kBatch = 12;

/// ExecuTorch's log without what it says of every program that is loaded.
void log_warnings(et_timestamp_t, et_pal_log_level_t level, const char*, const char*, std::size_t, const char* message,
                  std::size_t length) {
  if (level == kInfo || level == kDebug) return;
  std::fprintf(stderr, "%.*s\n", static_cast<int>(length), message);
}

struct Paths {
  std::string data;
  std::string output;
};

etrt::Error missing(const std::string& path) {
  return {etrt::ErrorCode::kNotFound, "cannot read " + path};
}

etrt::Result<std::vector<std::byte>> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return missing(path);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  return std::vector<std::byte>(bytes, bytes + text.size());
}

/// Nests the model, a stock ExecuTorch program, in one that calls TensorRTBackend.
etrt::Status pack(const std::string& model, const std::string& packed) {
  auto bytes = read_file(model);
  if (!bytes.ok()) return std::move(bytes).error();
  etrt::pte::WriteOptions options;
  options.outputs = etrt::pte::OutputMemory::kCaller;
  auto program = etrt::pte::write({{"program", "host", *bytes}}, options);
  if (!program.ok()) return std::move(program).error();
  std::ofstream file(packed, std::ios::binary);
  file.write(reinterpret_cast<const char*>(program->data()), static_cast<std::streamsize>(program->size()));
  return file ? etrt::Status() : etrt::Error(etrt::ErrorCode::kNotFound, "cannot write " + packed);
}

/// How many answers are right, and how far the logits are from PyTorch's.
struct Score {
  int right = 0;
  int count = 0;
  float worst = 0;
};

Score score(const std::vector<float>& logits, const xt::xarray<std::int64_t>& labels,
            const xt::xarray<float>& expected) {
  Score result;
  for (std::size_t i = 0; i < labels.size(); ++i, ++result.count) {
    const float* row = logits.data() + i * kClasses;
    result.right += std::max_element(row, row + kClasses) - row == labels(i);
    for (std::size_t k = 0; k < kClasses; ++k) result.worst = std::max(result.worst, std::abs(row[k] - expected(i, k)));
  }
  return result;
}

etrt::Status run(const Paths& paths) {
  const std::string packed = paths.output + "/digits_tensorrt.pte";
  if (auto status = pack(paths.data + "/digits_xnnpack.pte", packed); !status.ok()) return status;
  const auto image_array = xt::load_npy<float>(paths.data + "/digits_images.npy");
  const auto labels = xt::load_npy<std::int64_t>(paths.data + "/digits_labels.npy");
  const auto expected = xt::load_npy<float>(paths.data + "/digits_logits.npy");
  const std::vector<float> images(image_array.begin(), image_array.end());

  auto device = etrt::Device::open("virtual");
  if (!device.ok()) return std::move(device).error();
  const int sms = std::max(1, device->sm_count() / 2);
  auto partitions = etrt::Partition::split(*device, {sms, sms});
  if (!partitions.ok()) return std::move(partitions).error();
  std::printf("%s (%s), %d SMs: two partitions of %d\n\n", device->name().c_str(), device->description().c_str(),
              device->sm_count(), sms);

  std::vector<Recogniser> copies;
  for (const etrt::Partition& partition : *partitions) {
    auto copy = Recogniser::create(*device, &partition, packed, images, kBatch);
    if (!copy.ok()) return std::move(copy).error();
    if (auto status = copy->enqueue(0); !status.ok()) return status;
    if (auto status = copy->wait(); !status.ok()) return status;
    copies.push_back(std::move(copy).value());
  }
  auto timeline = etrt::Timeline::start(*device);
  if (!timeline.ok()) return std::move(timeline).error();
  for (int batch = 0; batch < copies[0].batches(); ++batch) {
    for (Recogniser& copy : copies) {
      if (auto status = copy.enqueue(batch); !status.ok()) return status;
    }
  }
  for (const Recogniser& copy : copies) {
    if (auto status = copy.wait(); !status.ok()) return status;
  }
  const auto spans = timeline->stop();

  for (std::size_t i = 0; i < copies.size(); ++i) {
    auto logits = copies[i].logits();
    if (!logits.ok()) return std::move(logits).error();
    const Score result = score(*logits, labels, expected);
    std::printf("copy %zu: %d of %d right, accuracy %.4f, logits within %.1e of PyTorch's\n", i + 1, result.right,
                result.count, static_cast<double>(result.right) / result.count, static_cast<double>(result.worst));
    if (result.right != 353 || result.worst > 1e-4F) {
      return etrt::Error(etrt::ErrorCode::kInternal, "the answers are not PyTorch's");
    }
  }

  auto table = digits::measure(*device, *partitions, packed, images, 300);
  if (!table.ok()) return std::move(table).error();
  std::printf("\nlatency of a call of %d images, microseconds\n%-46s %8s %8s %8s\n", kBatch, "", "p50", "p90", "p99");
  for (const digits::Latency& row : *table) {
    std::printf("%-46s %8.0f %8.0f %8.0f\n", row.scenario.c_str(), row.p50, row.p90, row.p99);
  }

  const std::string picture = paths.output + "/digits_timeline.svg";
  std::ofstream(picture) << etrt::draw_timeline(spans, "digits: two copies, a partition each, no host wait in between");
  std::printf("\ntimeline: %s\n", picture.c_str());
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: digits DATA_DIRECTORY OUTPUT_DIRECTORY\n");
    return 2;
  }
  executorch::runtime::runtime_init();
  executorch::runtime::register_pal(executorch::runtime::PalImpl::create(log_warnings, __FILE__));
  try {
    const etrt::Status status = run({argv[1], argv[2]});
    if (status.ok()) return 0;
    std::fprintf(stderr, "digits: %s\n", status.error().message().c_str());
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "digits: %s\n", exception.what());
  }
  return 1;
}
