#include <utility>

#include <api/guard_table.h>

namespace etrt::detail {
namespace {

/// Without a destructor: a guard may still be made or end while the thread's other objects are destroyed.
thread_local GuardTable* current_table = nullptr;

}  // namespace

/// The thread's reference to its table, given up with the thread.
struct GuardTable::ThreadsHold {
  ~ThreadsHold() {
    if (current_table != nullptr) std::exchange(current_table, nullptr)->release();
  }
  void begin() noexcept {}
};

GuardTable* GuardTable::current() noexcept {
  return current_table;
}

GuardEntry& GuardTable::begin(cudaStream_t stream) {
  if (current_table == nullptr) {
    static thread_local ThreadsHold hold;
    hold.begin();
    // Counted by hand: it belongs to its thread and to its guards, which may end on any other.
    current_table = new GuardTable();
  }
  GuardTable& table = *current_table;
  GuardEntry* const outer = table.innermost();
  GuardEntry& entry = table.free_entry();
  entry.stream = stream;
  entry.table = &table;
  entry.outer = outer;
  table.references_.fetch_add(1, std::memory_order_relaxed);
  table.innermost_ = &entry;
  return entry;
}

bool GuardTable::end(GuardEntry& entry) noexcept {
  GuardTable& table = *entry.table;
  const bool in_order = &table == current_table && table.innermost() == &entry;
  if (in_order) {
    table.innermost_ = entry.outer;
    table.recycle(entry);
  } else {
    // Its own thread may take it out from here on, and give it to another guard.
    entry.ended.store(true, std::memory_order_release);
    table.has_ended_.store(true, std::memory_order_release);
  }
  table.release();
  return in_order;
}

GuardEntry* GuardTable::innermost() noexcept {
  if (has_ended_.load(std::memory_order_acquire)) take_out_ended();
  return innermost_;
}

GuardEntry& GuardTable::free_entry() {
  if (free_ == nullptr) return entries_.emplace_back();
  return *std::exchange(free_, free_->outer);
}

void GuardTable::recycle(GuardEntry& entry) noexcept {
  entry.identity.reset();
  entry.last_completion = nullptr;
  entry.last_inputs_consumed = nullptr;
  entry.ended.store(false, std::memory_order_relaxed);
  entry.outer = std::exchange(free_, &entry);
}

void GuardTable::take_out_ended() noexcept {
  // Before the walk: one that ends behind it is found by the next.
  has_ended_.exchange(false, std::memory_order_acquire);
  for (GuardEntry** link = &innermost_; *link != nullptr;) {
    GuardEntry* const entry = *link;
    if (!entry->ended.load(std::memory_order_acquire)) {
      link = &entry->outer;
      continue;
    }
    *link = entry->outer;
    recycle(*entry);
  }
}

void GuardTable::release() noexcept {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

}  // namespace etrt::detail
