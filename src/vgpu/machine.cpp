#include <algorithm>
#include <unistd.h>

#include <vgpu/handle.h>
#include <vgpu/machine.h>

namespace etrt::vgpu {
namespace {

std::atomic<std::uint64_t> machines_made{0};

std::size_t default_memory() {
  const auto pages = sysconf(_SC_PHYS_PAGES);
  const auto page = sysconf(_SC_PAGESIZE);
  return static_cast<std::size_t>(std::max(pages, 1L)) * static_cast<std::size_t>(std::max(page, 1L)) / 2;
}

}  // namespace

Machine::Machine(const Config& wanted)
    : config(wanted), sms(wanted.sm_count), instance(++machines_made), late_thread_(std::make_shared<ThreadState>()) {
  const std::size_t bytes = config.memory_bytes != 0 ? config.memory_bytes : default_memory();
  const auto whole = sms.whole_device();
  for (int ordinal = 0; ordinal < config.device_count; ++ordinal) {
    auto device = std::make_unique<Device>(ordinal, bytes);
    device->primary = std::make_shared<Context>();
    device->primary->handle = next_handle<CUcontext>();
    device->primary->device = device.get();
    device->primary->partition = whole;
    contexts.emplace(device->primary->handle, device->primary);
    addresses.add(device->arena);
    devices.push_back(std::move(device));
  }
  if (config.check_order) checker = std::make_unique<OrderChecker>();
}

Machine::~Machine() {
  std::unique_lock lock(mutex);
  const auto open = open_streams;
  for (const auto& stream : open) close_stream(*stream);
  worker_ended_.wait(lock, [this] { return running_workers_ == 0; });
  join_ended_workers(lock);
  lock.unlock();
  user_objects.destructors.end();
  lock.lock();
  // Each holds the other.
  for (const auto& [handle, context] : contexts) context->legacy.reset();
  for (const auto& thread : threads_) {
    thread->per_thread_streams.clear();
    thread->contexts.clear();
    thread->machine_ended = true;
  }
}

ThreadState& Machine::this_thread() {
  if (ThreadState* known = find_thread_state(instance)) return *known;
  auto made = make_thread_state(instance);
  if (made == nullptr) return *late_thread_;
  close_streams_of_ended_threads();
  threads_.push_back(made);
  return *made;
}

void Machine::close_streams_of_ended_threads() {
  std::erase_if(threads_, [this](const std::shared_ptr<ThreadState>& thread) {
    if (!thread->thread_ended) return false;
    for (auto& [context, stream] : thread->per_thread_streams) close_stream(*stream);
    thread->per_thread_streams.clear();
    return true;
  });
}

Device* Machine::device(CUdevice ordinal) {
  if (ordinal < 0 || static_cast<std::size_t>(ordinal) >= devices.size()) return nullptr;
  return devices[static_cast<std::size_t>(ordinal)].get();
}

void Machine::release_primary(Device& device, std::unique_lock<std::mutex>& lock) {
  if (--device.retains > 0) return;
  Context& context = *device.primary;
  context.active = false;
  const auto points = points_of(context);
  const VectorClock seen = clock_of(context, points);
  for (const Point& point : points) wait(lock, point);
  // What goes with the context is no mistake of whoever left it there.
  if (checker != nullptr) checker->host_observed(seen);

  const auto open = open_streams;
  for (const auto& stream : open) {
    if (stream->context->device == &device) close_stream(*stream);
  }
  context.legacy.reset();
  abandoned_handles +=
      std::erase_if(streams, [&](const auto& entry) { return entry.second->device() == device.ordinal; });
  abandoned_handles += std::erase_if(events, [&](const auto& entry) { return entry.second->device == device.ordinal; });
  abandoned_handles +=
      std::erase_if(modules, [&](const auto& entry) { return entry.second->device == device.ordinal; });
  std::erase_if(functions, [&](const auto& entry) { return entry.second->device == device.ordinal; });
  std::vector<std::uint64_t> held;
  for (const auto& [address, allocation] : memory.all()) {
    if (allocation.device == device.ordinal) held.push_back(address);
  }
  for (const std::uint64_t address : held) {
    if (checker != nullptr) checker->freed_by_host(address);
    release_allocation(*memory.starting_at(address));
    ++abandoned_allocations;
  }
}

void Machine::release_allocation(Allocation& allocation) {
  const std::uint64_t address = allocation.address;
  if (!allocation.pinned) {
    device(allocation.device)->arena.release(address, allocation.bytes);
  } else if (checker != nullptr) {
    // The C library may give these addresses to anyone now.
    checker->forget(address);
  }
  memory.erase(address);
}

void Machine::deliver_reports(std::unique_lock<std::mutex>& lock) {
  std::vector<OrderReport> fresh;
  std::shared_ptr<const std::function<void(const OrderReport&)>> callback;
  if (checker != nullptr && checker->has_undelivered()) {
    fresh = checker->take_undelivered();
    callback = on_report;
  }
  lock.unlock();
  if (callback == nullptr) return;
  for (const OrderReport& report : fresh) (*callback)(report);
}

std::size_t Machine::live_allocations() const {
  const auto live =
      std::count_if(memory.all().begin(), memory.all().end(), [](const auto& entry) { return !entry.second.freed; });
  return static_cast<std::size_t>(live) + abandoned_allocations;
}

std::size_t Machine::live_handles() const {
  return streams.size() + events.size() + graphs.size() + graph_execs.size() + modules.size() + green_contexts.size() +
         user_objects.size() + abandoned_handles;
}

}  // namespace etrt::vgpu
