#include <algorithm>

#include <base/format.h>
#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/error.h>
#include <cuda/relaxed_capture.h>
#include <delegate/lane_pool.h>

namespace etrt::delegate {

LanePool::LanePool(const cuda::Device& device, int limit, Factory factory)
    : device_(device), limit_(static_cast<std::size_t>(limit)), factory_(std::move(factory)) {}

Status LanePool::warm_up() {
  ETRT_TRY_ASSIGN(auto lane, factory_());
  const std::lock_guard lock(mutex_);
  entries_.push_back(std::make_unique<Entry>());
  entries_.back()->lane = std::move(lane);
  return {};
}

LanePool::Entry* LanePool::find_on_stream(const Request& request) {
  for (const auto& entry : entries_) {
    if (!entry->leased && entry->lane->stream_id == request.stream.id && entry->lane->is_set_to(request.inputs)) {
      return entry.get();
    }
  }
  return nullptr;
}

LanePool::Entry* LanePool::find_on_handle(const Request& request) {
  for (const auto& entry : entries_) {
    if (!entry->leased && entry->lane->last != Lane::Last::kNone &&
        entry->lane->stream == request.stream.stream.get() && entry->lane->is_set_to(request.inputs)) {
      return entry.get();
    }
  }
  return nullptr;
}

bool LanePool::is_idle(Lane& lane) {
  if (lane.last == Lane::Last::kNone) return true;
  return lane.last == Lane::Last::kRan && device_.driver.cuEventQuery(lane.done()) == CUDA_SUCCESS;
}

LanePool::Entry* LanePool::find_idle(const Request& request, bool same_shapes) {
  for (const auto& entry : entries_) {
    if (entry->leased || entry->lane->is_set_to(request.inputs) != same_shapes) continue;
    if (is_idle(*entry->lane)) return entry.get();
  }
  return nullptr;
}

LanePool::Entry* LanePool::find_oldest(const Request& request, bool same_shapes) {
  Entry* oldest = nullptr;
  for (const auto& entry : entries_) {
    if (entry->leased || entry->lane->last != Lane::Last::kRan) continue;
    if (entry->lane->is_set_to(request.inputs) != same_shapes) continue;
    if (oldest == nullptr || entry->lane->last_use < oldest->lane->last_use) oldest = entry.get();
  }
  return oldest;
}

bool LanePool::can_grow() const {
  // Lanes that are, or may be, part of a graph are no use to other streams.
  const auto usable = std::count_if(entries_.begin(), entries_.end(), [](const auto& entry) {
    return entry->leased || entry->lane->last == Lane::Last::kNone || entry->lane->last == Lane::Last::kRan;
  });
  return static_cast<std::size_t>(usable) < limit_;
}

LanePool::Pick LanePool::pick_existing(const Request& request, bool may_grow) {
  const cuda::RelaxedCapture relaxed(device_.driver);
  if (Entry* idle = find_idle(request, true)) return {idle, Wait::kNone};
  if (Entry* idle = find_idle(request, false)) return {idle, Wait::kNone};
  if (may_grow && can_grow()) return {nullptr, Wait::kNone};
  if (Entry* oldest = find_oldest(request, true)) return {oldest, Wait::kOnDevice};
  return {find_oldest(request, false), Wait::kOnHost};
}

LanePool::Lease LanePool::take(Entry& entry, const Request& request, Lane::Last last) {
  Lane& lane = *entry.lane;
  const bool changed_stream = lane.last == Lane::Last::kNone || lane.stream != request.stream.stream.get();
  entry.leased = true;
  lane.last = last;
  lane.stream = request.stream.stream.get();
  lane.stream_id = last == Lane::Last::kCaptured ? 0 : request.stream.id;
  lane.last_use = ++uses_;
  return Lease(*this, entry, last == Lane::Last::kCaptured, changed_stream);
}

Result<bool> LanePool::is_capturing(const Request& request) const {
  CUstreamCaptureStatus capture = CU_STREAM_CAPTURE_STATUS_NONE;
  ETRT_TRY(cuda::check(device_.driver, device_.driver.cuStreamIsCapturing(request.stream.stream.get(), &capture),
                       "cuStreamIsCapturing"));
  return capture != CU_STREAM_CAPTURE_STATUS_NONE;
}

/// The request's stream is not in capture, so the events of its own lanes may be asked after. One that was recorded in
/// an earlier capture answers with an error.
void LanePool::check_lanes_of(const Request& request) {
  const cuda::RelaxedCapture relaxed(device_.driver);
  for (const auto& entry : entries_) {
    if (entry->leased || entry->lane->last != Lane::Last::kNotChecked) continue;
    if (entry->lane->stream_id != request.stream.id) continue;
    const CUresult result = device_.driver.cuEventQuery(entry->lane->done());
    const bool ran = result == CUDA_SUCCESS || result == CUDA_ERROR_NOT_READY;
    entry->lane->last = ran ? Lane::Last::kRan : Lane::Last::kCaptured;
  }
}

Result<LanePool::Lease> LanePool::lease_on_stream(Entry& entry, const Request& request) {
  if (!several_streams_) return take(entry, request, Lane::Last::kNotChecked);
  ETRT_TRY_ASSIGN(const bool capturing, is_capturing(request));
  return take(entry, request, capturing ? Lane::Last::kCaptured : Lane::Last::kRan);
}

Result<LanePool::Lease> LanePool::lease(const Request& request) {
  std::unique_lock lock(mutex_);
  if (request.stream.id == 0) return lease_in_capture(request);
  if (only_stream_ == 0) only_stream_ = request.stream.id;
  several_streams_ |= only_stream_ != request.stream.id;
  if (Entry* entry = find_on_stream(request)) return lease_on_stream(*entry, request);
  ETRT_TRY_ASSIGN(const bool capturing, is_capturing(request));
  if (capturing) return lease_in_capture(request);
  check_lanes_of(request);

  while (true) {
    const Pick pick = pick_existing(request, true);
    if (pick.entry == nullptr && can_grow()) return grow(lock, request);
    if (pick.entry != nullptr) {
      Lease leased = take(*pick.entry, request, Lane::Last::kRan);
      lock.unlock();
      Status waited = wait_for(*leased, pick.wait, request);
      if (!waited.ok()) {
        // Its old work is still ordered by its event alone: no stream may take it for its own.
        const std::lock_guard relock(mutex_);
        leased->stream_id = 0;
        return std::move(waited).error();
      }
      return leased;
    }
    given_back_.wait(lock);
  }
}

Result<LanePool::Lease> LanePool::lease_in_capture(const Request& request) {
  // The stream has no id now, so its own lanes are known by its handle alone; its order protects them, in the graph
  // too.
  if (Entry* entry = find_on_handle(request)) return take(*entry, request, Lane::Last::kCaptured);
  const cuda::RelaxedCapture relaxed(device_.driver);
  if (Entry* idle = find_idle(request, true)) return take(*idle, request, Lane::Last::kCaptured);
  return Error(ErrorCode::kInvalidState,
               "the stream is being captured, and no execution context is idle and set to these shapes: run the "
               "program once with the same shapes on this stream before the capture begins");
}

Result<LanePool::Lease> LanePool::grow(std::unique_lock<std::mutex>& lock, const Request& request) {
  entries_.push_back(std::make_unique<Entry>());
  Entry& entry = *entries_.back();
  entry.leased = true;
  lock.unlock();
  auto made = factory_();
  lock.lock();
  if (!made.ok()) {
    std::erase_if(entries_, [&](const auto& other) { return other.get() == &entry; });
    given_back_.notify_all();
    return std::move(made).error();
  }
  entry.lane = std::move(made).value();
  return take(entry, request, Lane::Last::kRan);
}

Status LanePool::wait_for(Lane& lane, Wait wait, const Request& request) const {
  const cuda::Driver& driver = device_.driver;
  if (wait == Wait::kOnDevice) {
    return cuda::check(driver, driver.cuStreamWaitEvent(request.stream.stream.get(), lane.done(), 0),
                       "cuStreamWaitEvent");
  }
  if (wait == Wait::kOnHost) {
    const cuda::RelaxedCapture relaxed(driver);
    return cuda::check(driver, driver.cuEventSynchronize(lane.done()), "cuEventSynchronize");
  }
  return {};
}

void LanePool::give_back(Entry& entry) noexcept {
  {
    const std::lock_guard lock(mutex_);
    entry.leased = false;
  }
  given_back_.notify_all();  // Who waits for any lane, and who waits for this one, wait here alike.
}

void LanePool::drain() noexcept {
  const std::lock_guard lock(mutex_);
  const cuda::RelaxedCapture relaxed(device_.driver);
  for (const auto& entry : entries_) {
    const Lane* lane = entry->lane.get();
    if (lane == nullptr || lane->last == Lane::Last::kNone || lane->last == Lane::Last::kCaptured) continue;
    static_cast<void>(device_.driver.cuEventSynchronize(lane->done()));
  }
}

void LanePool::clear() noexcept {
  const std::lock_guard lock(mutex_);
  const cuda::RelaxedCapture relaxed(device_.driver);
  entries_.clear();
}

std::size_t LanePool::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

void LanePool::add_to(ProgramReport& report) const {
  std::unique_lock lock(mutex_);
  report.execution_contexts = entries_.size();
  std::size_t index = 0;
  while (const Lane* lane = wait_for_lane(index++, lock)) {
    for (const DeviceStaging& staging : lane->staging) report.device_staging_bytes += staging.capacity();
    report.graph_bytes += lane->graph_scratch_total;
  }
}

/// Null past the last lane: there may be more or fewer than before the wait.
Lane* LanePool::wait_for_lane(std::size_t index, std::unique_lock<std::mutex>& lock) const {
  given_back_.wait(lock, [&] { return index >= entries_.size() || !entries_[index]->leased; });
  return index < entries_.size() ? entries_[index]->lane.get() : nullptr;
}

std::vector<LayerTime> LanePool::layer_times() const {
  std::unique_lock lock(mutex_);
  Lane* latest = nullptr;
  std::size_t index = 0;
  while (Lane* lane = wait_for_lane(index++, lock)) {
    if (latest == nullptr || lane->last_use > latest->last_use) latest = lane;
  }
  std::vector<LayerTime> layers;
  if (latest == nullptr || !latest->times_layers() || latest->last == Lane::Last::kCaptured) return layers;
  const auto scope = cuda::CurrentContext::push(device_.driver, device_.primary);
  // An engine without layers, and one that has not run since, answer with an error: there is nothing to tell.
  auto times = latest->context().layer_times();
  if (!times.ok()) return layers;
  for (engine::LayerTime& time : *times) layers.push_back({std::move(time.name), time.milliseconds});
  return layers;
}

}  // namespace etrt::delegate
