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

template <class Predicate>
LanePool::Entry* LanePool::find_free(Predicate fits) const {
  for (const auto& entry : entries_) {
    if (!entry->leased && fits(*entry->lane)) return entry.get();
  }
  return nullptr;
}

/// Asks only after events that no capture has recorded.
bool LanePool::is_idle(Lane& lane) const {
  return !lane.ran || device_.driver.cuEventQuery(lane.direct_done()) == CUDA_SUCCESS;
}

LanePool::Entry* LanePool::find_idle(const Request& request, bool same_shapes) const {
  return find_free(
      [&](Lane& lane) { return !lane.in_graph() && lane.is_set_to(request.inputs) == same_shapes && is_idle(lane); });
}

LanePool::Entry* LanePool::find_oldest(const Request& request, bool same_shapes) const {
  Entry* oldest = nullptr;
  for (const auto& entry : entries_) {
    if (entry->leased || entry->lane->in_graph() || entry->lane->is_set_to(request.inputs) != same_shapes) continue;
    if (oldest == nullptr || entry->lane->last_use < oldest->lane->last_use) oldest = entry.get();
  }
  return oldest;
}

bool LanePool::can_grow() const {
  const auto usable = std::count_if(entries_.begin(), entries_.end(),
                                    [](const auto& entry) { return entry->leased || !entry->lane->in_graph(); });
  return static_cast<std::size_t>(usable) < limit_;
}

/// No entry: there is none that is free now.
LanePool::Pick LanePool::pick_existing(const Request& request) const {
  const cuda::RelaxedCapture relaxed(device_.driver);
  if (Entry* idle = find_idle(request, true)) return {idle, Wait::kNone};
  if (Entry* idle = find_idle(request, false)) return {idle, Wait::kNone};
  if (can_grow()) return {nullptr, Wait::kNone};
  if (Entry* oldest = find_oldest(request, true)) return {oldest, Wait::kOnDevice};
  return {find_oldest(request, false), Wait::kOnHost};
}

LanePool::Lease LanePool::take(Entry& entry, const SelectedStream& stream) {
  entry.leased = true;
  return Lease(*this, entry, stream);
}

Result<LanePool::Lease> LanePool::take_behind(std::unique_lock<std::mutex>& lock, const Pick& pick,
                                              const Request& request) {
  Lease leased = take(*pick.entry, request.stream);
  lock.unlock();
  ETRT_TRY(wait_for(*leased, pick.wait, request));
  return leased;
}

Status LanePool::Lease::begin() const {
  Lane& lane = *entry_->lane;
  if (stream_.in_capture) ETRT_TRY(lane.enter_graph(pool_->device_));
  lane.stream = stream_.stream.get();
  lane.stream_id = stream_.in_capture ? 0 : stream_.id;
  lane.last_use = use_;
  return {};
}

Result<LanePool::Lease> LanePool::lease(const Request& request) {
  std::unique_lock lock(mutex_);
  if (request.stream.in_capture) return lease_in_capture(lock, request);
  const auto follows = [&](Lane& lane) {
    return lane.stream_id == request.stream.id && !lane.in_graph() && lane.is_set_to(request.inputs);
  };
  if (Entry* entry = find_free(follows)) return take(*entry, request.stream);
  while (true) {
    const Pick pick = pick_existing(request);
    if (pick.entry != nullptr) return take_behind(lock, pick, request);
    if (can_grow()) return grow(lock, request);
    given_back_.wait(lock);
  }
}

/// First the graphs' own lane of this stream, then one that the stream's order protects, then any that is idle. A guard
/// that began in the capture does not know which stream its handle is: a lane still in flight is waited for, since its
/// work may be that of an earlier stream of the same handle.
LanePool::Pick LanePool::pick_for_capture(const Request& request) const {
  const cuda::RelaxedCapture relaxed(device_.driver);
  const SelectedStream& selected = request.stream;
  const auto fits = [&](const Lane& lane, bool in_graph) {
    return lane.in_graph() == in_graph && lane.warm && lane.is_set_to(request.inputs);
  };
  const auto on_handle = [&](const Lane& lane) { return lane.stream == selected.stream.get(); };
  if (Entry* own = find_free([&](Lane& lane) { return fits(lane, true) && on_handle(lane); }))
    return {own, Wait::kNone};
  const auto follows = [&](Lane& lane) {
    return fits(lane, false) && selected.id != 0 && lane.stream_id == selected.id;
  };
  if (Entry* entry = find_free(follows)) return {entry, Wait::kNone};
  const auto idle = [&](Lane& lane) { return fits(lane, false) && is_idle(lane); };
  // What the engine has in the stream's partition (auxiliary streams) comes with the lane that ran there.
  if (Entry* near = find_free([&](Lane& lane) { return idle(lane) && on_handle(lane); })) return {near, Wait::kNone};
  if (Entry* any = find_free(idle)) return {any, Wait::kNone};
  return {find_free([&](Lane& lane) { return fits(lane, false) && on_handle(lane); }), Wait::kOnHost};
}

Result<LanePool::Lease> LanePool::lease_in_capture(std::unique_lock<std::mutex>& lock, const Request& request) {
  const Pick pick = pick_for_capture(request);
  if (pick.entry != nullptr) return take_behind(lock, pick, request);
  return Error(ErrorCode::kInvalidState,
               "the stream is being captured, and no execution context is idle and has run with these shapes: run the "
               "program once with the same shapes on this stream before the capture begins");
}

Result<LanePool::Lease> LanePool::grow(std::unique_lock<std::mutex>& lock, const Request& request) {
  entries_.push_back(std::make_unique<Entry>());
  Entry& entry = *entries_.back();
  entry.leased = true;
  lock.unlock();
  Result<std::unique_ptr<Lane>> made = Error(ErrorCode::kOutOfMemory, "the host is out of memory");
  try {
    made = factory_();
  } catch (const std::bad_alloc&) {
    // An error like any other: the entry must go, or everybody would wait for it.
  }
  lock.lock();
  if (!made.ok()) {
    std::erase_if(entries_, [&](const auto& other) { return other.get() == &entry; });
    given_back_.notify_all();
    return std::move(made).error();
  }
  entry.lane = std::move(made).value();
  return take(entry, request.stream);
}

Status LanePool::wait_for(Lane& lane, Wait wait, const Request& request) const {
  const cuda::Driver& driver = device_.driver;
  if (wait == Wait::kOnDevice) {
    return cuda::check(driver, driver.cuStreamWaitEvent(request.stream.stream.get(), lane.direct_done(), 0),
                       "cuStreamWaitEvent");
  }
  if (wait == Wait::kOnHost) {
    const cuda::RelaxedCapture relaxed(driver);
    return cuda::check(driver, driver.cuEventSynchronize(lane.direct_done()), "cuEventSynchronize");
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
    if (entry->lane == nullptr || !entry->lane->ran) continue;
    static_cast<void>(device_.driver.cuEventSynchronize(entry->lane->direct_done()));
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
  while (const Entry* entry = wait_for_lane(index++, lock)) {
    for (const DeviceStaging& staging : entry->lane->staging) report.device_staging_bytes += staging.capacity();
    report.graph_bytes += entry->lane->graph_scratch_total;
  }
}

/// Null past the last lane: there may be more or fewer than before the wait.
LanePool::Entry* LanePool::wait_for_lane(std::size_t index, std::unique_lock<std::mutex>& lock) const {
  given_back_.wait(lock, [&] { return index >= entries_.size() || !entries_[index]->leased; });
  return index < entries_.size() ? entries_[index].get() : nullptr;
}

std::vector<LayerTime> LanePool::layer_times() {
  std::vector<LayerTime> layers;
  std::unique_lock lock(mutex_);
  Entry* latest = nullptr;
  std::uint64_t latest_use = 0;
  std::size_t index = 0;
  while (Entry* entry = wait_for_lane(index++, lock)) {
    if (latest != nullptr && entry->lane->last_use <= latest_use) continue;
    latest = entry;
    latest_use = entry->lane->last_use;
  }
  if (latest == nullptr) return layers;
  given_back_.wait(lock, [&] { return !latest->leased; });
  if (!latest->lane->times_layers() || latest->lane->in_graph()) return layers;
  // Leased, not locked: the engine waits for the device, and other calls must not.
  const Lease lease = take(*latest, {cuda::legacy_stream(), 0, false, false});
  lock.unlock();
  const auto scope = cuda::CurrentContext::push(device_.driver, device_.primary);
  const cuda::RelaxedCapture relaxed(device_.driver);
  // An engine without layers, and one that has not run since, answer with an error: there is nothing to tell.
  auto times = lease->context().layer_times();
  return times.ok() ? std::move(times).value() : layers;
}

}  // namespace etrt::delegate
