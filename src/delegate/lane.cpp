#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/relaxed_capture.h>
#include <delegate/lane.h>

namespace etrt::delegate {

Result<std::unique_ptr<Lane>> Lane::create(const cuda::Device& device, engine::Engine& engine, const IoPlan& plan,
                                           std::optional<int> profile) {
  // In the primary context, whichever is current: an event made in a green context would go with it.
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::push(device.driver, device.primary));
  const cuda::RelaxedCapture relaxed(device.driver);
  std::unique_ptr<Lane> lane(new Lane());
  ETRT_TRY_ASSIGN(lane->context_, engine.create_context(profile));
  ETRT_TRY_ASSIGN(lane->done_, cuda::create_event(device.driver));
  lane->dims.resize(plan.arguments.size());
  lane->bound.resize(plan.arguments.size());
  for (std::size_t i = 0; i < plan.arguments.size(); ++i) lane->staging.emplace_back(device.driver);
  return lane;
}

void Lane::invalidate() {
  shapes_valid = false;
  for (Bound& entry : bound) entry = {};
}

}  // namespace etrt::delegate
