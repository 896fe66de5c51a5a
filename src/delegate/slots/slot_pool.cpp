#include <algorithm>

#include <executorch/runtime/platform/log.h>

#include <base/format.h>
#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/relaxed_capture.h>
#include <delegate/slots/slot_pool.h>

namespace etrt::delegate {

SlotPool::SlotPool(const cuda::Device& device, int limit, Factory factory)
    : device_(device), factory_(std::move(factory)), limit_(static_cast<std::size_t>(limit)) {}

Status SlotPool::make_first() {
  ETRT_TRY_ASSIGN(const auto relaxed, cuda::RelaxedCapture::enter(device_.driver));
  clear();
  ETRT_TRY_ASSIGN(auto slot, factory_());
  const std::lock_guard lock(mutex_);
  entries_.push_back(std::make_unique<Entry>());
  entries_.back()->slot = std::move(slot);
  return {};
}

template <class Predicate>
SlotPool::Entry* SlotPool::find_free(Predicate fits) const {
  for (const auto& entry : entries_) {
    if (!entry->leased && fits(*entry->slot)) return entry.get();
  }
  return nullptr;
}

SlotPool::Entry* SlotPool::find_oldest(const Request& request, bool same_shapes) const {
  Entry* oldest = nullptr;
  for (const auto& entry : entries_) {
    if (entry->leased || entry->slot->is_captured() || entry->slot->is_set_to(request.inputs) != same_shapes) continue;
    if (oldest == nullptr || entry->last_use < oldest->last_use) oldest = entry.get();
  }
  return oldest;
}

/// Those that calls outside of captures may use, now or once they are given back.
std::size_t SlotPool::count_usable() const {
  return static_cast<std::size_t>(std::count_if(entries_.begin(), entries_.end(), [](const auto& entry) {
    return !entry->abandoned && (entry->leased || !entry->slot->is_captured());
  }));
}

/// No entry: one may be made, or none is free now.
Result<SlotPool::Pick> SlotPool::pick(const Request& request) const {
  const auto follows = [&](Slot& slot) {
    return !slot.is_captured() && slot.follows(request.stream) && slot.is_set_to(request.inputs);
  };
  if (Entry* entry = find_free(follows)) return Pick{entry, Wait::kNone};
  ETRT_TRY_ASSIGN(const auto relaxed, cuda::RelaxedCapture::enter(device_.driver));
  for (const bool same_shapes : {true, false}) {
    const auto idle = [&](Slot& slot) {
      return !slot.is_captured() && slot.is_set_to(request.inputs) == same_shapes && slot.is_idle();
    };
    if (Entry* entry = find_free(idle)) return Pick{entry, Wait::kNone};
  }
  if (count_usable() < limit_) return Pick{nullptr, Wait::kNone};
  if (Entry* oldest = find_oldest(request, true)) return Pick{oldest, Wait::kOnDevice};
  return Pick{find_oldest(request, false), Wait::kOnHost};
}

Result<SlotPool::Pick> SlotPool::pick_for_capture(const Request& request) const {
  ETRT_TRY_ASSIGN(const auto relaxed, cuda::RelaxedCapture::enter(device_.driver));
  Entry* best = nullptr;
  Slot::CaptureFit fit = Slot::CaptureFit::kNone;
  std::size_t captured = 0;
  for (const auto& entry : entries_) {
    if (entry->leased) continue;
    captured += entry->slot->is_captured() ? 1 : 0;
    const Slot::CaptureFit found = entry->slot->capture_fit(request.stream, request.inputs);
    if (found <= fit) continue;
    best = entry.get();
    fit = found;
  }
  if (best == nullptr) {
    return Error(ErrorCode::kInvalidState,
                 "the stream is being captured, and no execution context is idle and has run with these shapes: run "
                 "the program once with the same shapes on this stream before the capture begins");
  }
  if (fit != Slot::CaptureFit::kCapturedHere && captured >= limit_) {
    return Error(ErrorCode::kInvalidState,
                 base::concat("the stream is being captured, and graphs have ", captured,
                              " execution contexts of the program already, as many as max_inflight allows: destroy "
                              "graphs that are no longer launched, or raise max_inflight"));
  }
  return Pick{best, fit == Slot::CaptureFit::kBusy ? Wait::kOnHost : Wait::kNone};
}

Result<SlotPool::Lease> SlotPool::lease(const Request& request) {
  std::unique_lock lock(mutex_);
  if (request.stream.in_capture) {
    ETRT_TRY_ASSIGN(const Pick picked, pick_for_capture(request));
    return take(lock, picked, request);
  }
  while (true) {
    ETRT_TRY_ASSIGN(const Pick picked, pick(request));
    if (picked.entry != nullptr) return take(lock, picked, request);
    if (count_usable() < limit_) {
      ETRT_TRY(grow(lock));
    } else {
      given_back_.wait(lock);
    }
  }
}

/// The lock ends here: what follows may wait.
Result<SlotPool::Lease> SlotPool::take(std::unique_lock<std::mutex>& lock, const Pick& pick, const Request& request) {
  pick.entry->leased = true;
  pick.entry->last_use = ++uses_;
  lock.unlock();
  Lease leased(*this, *pick.entry);
  if (pick.wait == Wait::kOnDevice) ETRT_TRY(leased->make_wait(request.stream.stream));
  if (pick.wait == Wait::kOnHost) ETRT_TRY(leased->wait());
  return leased;
}

/// Makes a slot. The lock is not held meanwhile, and there may be another by the time it is.
Status SlotPool::grow(std::unique_lock<std::mutex>& lock) {
  entries_.push_back(std::make_unique<Entry>());
  Entry& entry = *entries_.back();
  entry.leased = true;
  lock.unlock();
  Result<std::unique_ptr<Slot>> made = Error(ErrorCode::kOutOfMemory, "the host is out of memory");
  try {
    made = factory_();
  } catch (const std::bad_alloc&) {
    // An error like any other: the entry must go, or everybody would wait for it.
  }
  lock.lock();
  if (made.ok()) {
    entry.slot = std::move(made).value();
    entry.leased = false;
    return {};
  }
  erase(entry);
  given_back_.notify_all();
  const std::size_t left = count_usable();
  if (left == 0) return std::move(made).error();
  limit_ = left;
  ET_LOG(Info, "TensorRTBackend: a program goes on with %zu execution contexts, another one cannot be made: %s", left,
         made.error().message().c_str());
  return {};
}

void SlotPool::erase(const Entry& entry) noexcept {
  std::erase_if(entries_, [&](const auto& other) { return other.get() == &entry; });
}

bool SlotPool::give_up(Entry& entry, const std::string& reason) noexcept {
  std::unique_lock lock(mutex_);
  const std::size_t usable = count_usable();
  lock.unlock();
  const auto relaxed = cuda::RelaxedCapture::enter_for_cleanup(device_.driver);
  if (usable < 2 || !relaxed || entry.slot->is_captured() || !entry.slot->settle()) {
    give_back(entry);
    return false;
  }
  lock.lock();
  std::unique_ptr<Slot> freed = std::move(entry.slot);
  erase(entry);
  limit_ = std::max<std::size_t>(1, count_usable());
  lock.unlock();
  given_back_.notify_all();
  ET_LOG(Info, "TensorRTBackend: a program goes on with fewer execution contexts, there is no memory for another: %s",
         reason.c_str());
  const auto scope = cuda::CurrentContext::push(device_.driver, device_.primary);
  freed.reset();
  return true;
}

void SlotPool::give_back(Entry& entry) noexcept {
  {
    const std::lock_guard lock(mutex_);
    entry.leased = false;
  }
  given_back_.notify_all();  // Who waits for any slot, and who waits for this one, wait here alike.
}

void SlotPool::abandon(Entry& entry) noexcept {
  {
    const std::lock_guard lock(mutex_);
    entry.abandoned = true;
  }
  given_back_.notify_all();
  ET_LOG(Error,
         "TensorRTBackend: every wait for a program's work failed, what it uses is neither used again nor freed");
}

/// Nobody else may use the pool meanwhile, so the lock is not needed for the wait.
bool SlotPool::drain() noexcept {
  bool over = true;
  for (const auto& entry : entries_) over = !entry->abandoned && entry->slot->settle() && over;
  return over;
}

void SlotPool::clear() noexcept {
  std::vector<std::unique_ptr<Entry>> freed;
  const std::lock_guard lock(mutex_);
  freed.swap(entries_);
}

std::size_t SlotPool::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

void SlotPool::add_to(ProgramReport& report) const {
  const std::lock_guard lock(mutex_);
  report.execution_contexts = entries_.size();
  for (const auto& entry : entries_) {
    if (entry->slot != nullptr) entry->slot->add_to(report);
  }
}

SlotPool::Entry* SlotPool::find_last_used() const {
  Entry* last = nullptr;
  for (const auto& entry : entries_) {
    if (!entry->abandoned && (last == nullptr || entry->last_use > last->last_use)) last = entry.get();
  }
  return last;
}

std::vector<LayerTime> SlotPool::layer_times() {
  std::unique_lock lock(mutex_);
  given_back_.wait(lock, [&] { return find_last_used() == nullptr || !find_last_used()->leased; });
  Entry* const entry = find_last_used();
  if (entry == nullptr) return {};
  // Leased, not locked: the engine waits for the device, and other calls must not.
  entry->leased = true;
  lock.unlock();
  const Lease lease(*this, *entry);
  return lease->layer_times();
}

}  // namespace etrt::delegate
