#include <vgpu/stream.h>
#include <vgpu/thread_state.h>

namespace etrt::vgpu {
namespace {

// Trivially destroyed, so that it can be read while the thread's other variables go.
thread_local bool states_gone = false;

/// The states of one thread, in every machine it has called.
struct ThreadStates {
  std::vector<std::pair<std::uint64_t, std::shared_ptr<ThreadState>>> states;

  ~ThreadStates() {
    states_gone = true;
    for (auto& [instance, state] : states) state->thread_ended = true;
  }
};

thread_local ThreadStates thread_states;

}  // namespace

std::uint64_t next_thread_id() {
  static std::atomic<std::uint64_t> count{0};
  return ++count;
}

ThreadState* find_thread_state(std::uint64_t instance) {
  if (states_gone) return nullptr;
  for (auto& [owner, state] : thread_states.states) {
    if (owner == instance) return state.get();
  }
  return nullptr;
}

std::shared_ptr<ThreadState> make_thread_state(std::uint64_t instance) {
  if (states_gone) return nullptr;
  auto& states = thread_states.states;
  std::erase_if(states, [](const auto& entry) { return entry.second->machine_ended.load(); });
  auto state = std::make_shared<ThreadState>();
  states.emplace_back(instance, state);
  return state;
}

}  // namespace etrt::vgpu
