#include <algorithm>
#include <mutex>
#include <utility>

#include <etrt/timeline.h>
#include <process/process.h>
#include <vgpu/observer.h>

namespace etrt {

/// Keeps what the virtual GPU tells. Operations of other devices are passed over.
class Timeline::Recorder final : public vgpu::Observer {
 public:
  explicit Recorder(int device) : device_(device) {}

  void finished(const vgpu::OperationRecord& record) override {
    if (record.device != device_) return;
    const std::lock_guard lock(mutex_);
    spans_.push_back(
        {record.stream_id, record.partition_id, std::string(record.name), record.start_ns, record.end_ns, record.cpu});
  }

  std::vector<TimelineSpan> take() {
    const std::lock_guard lock(mutex_);
    std::sort(spans_.begin(), spans_.end(), [](const auto& a, const auto& b) { return a.start_ns < b.start_ns; });
    return std::exchange(spans_, {});
  }

 private:
  const int device_;
  std::mutex mutex_;
  std::vector<TimelineSpan> spans_;
};

Result<Timeline> Timeline::start(const Device& device) {
  if (!device.is_virtual()) {
    return Error(ErrorCode::kNotSupported,
                 "a timeline of " + device.name() + " cannot be recorded here: use Nsight Systems on a GPU");
  }
  auto recorder = std::make_unique<Recorder>(device.native().ordinal);
  if (!process::Process::instance().devices().observe(recorder.get())) {
    return Error(ErrorCode::kInvalidState, "a timeline is being recorded already");
  }
  return Timeline(std::move(recorder));
}

Timeline::Timeline(std::unique_ptr<Recorder> recorder) : recorder_(std::move(recorder)) {}
Timeline::Timeline(Timeline&&) noexcept = default;
Timeline& Timeline::operator=(Timeline&&) noexcept = default;

Timeline::~Timeline() {
  if (recorder_) static_cast<void>(process::Process::instance().devices().observe(nullptr));
}

std::vector<TimelineSpan> Timeline::stop() {
  if (!recorder_) return {};
  static_cast<void>(process::Process::instance().devices().observe(nullptr));
  const auto recorder = std::move(recorder_);
  return recorder->take();
}

}  // namespace etrt
