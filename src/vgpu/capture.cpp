#include <algorithm>

#include <vgpu/capture.h>
#include <vgpu/stream.h>

namespace etrt::vgpu {

std::vector<bool> Capture::ancestors_of(const std::vector<std::size_t>& tail) const {
  std::vector<bool> ancestors(nodes.size(), false);
  for (const std::size_t node : tail) {
    const auto& before = nodes[node].ancestors;
    for (std::size_t i = 0; i < before.size(); ++i) ancestors[i] = ancestors[i] || before[i];
    ancestors[node] = true;
  }
  return ancestors;
}

bool Capture::joined() const {
  const auto before_end = ancestors_of(origin->tail);
  for (const Stream* stream : participants) {
    for (const std::size_t node : stream->tail) {
      if (!before_end[node]) return false;
    }
  }
  return true;
}

void Capture::end() {
  for (Stream* stream : participants) {
    stream->tail.clear();
    stream->capture.reset();
  }
  participants.clear();
  references.reset();
  origin = nullptr;
  ended = true;
}

void merge_tail(std::vector<std::size_t>& tail, const std::vector<std::size_t>& more) {
  for (const std::size_t node : more) {
    if (std::find(tail.begin(), tail.end(), node) == tail.end()) tail.push_back(node);
  }
}

}  // namespace etrt::vgpu
