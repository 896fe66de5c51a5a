#pragma once

// What every conformance suite uses. A suite is a class of its own, so that each promise reads as "Topic.Promise".

#include <chrono>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include <support/context_fixture.h>

namespace etrt::conformance {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using ::testing::AnyOf;
using ::testing::Each;
using ::testing::Ge;
using ::testing::Le;

using support::ContextFixture;
using support::DeviceBuffer;
using support::fails_with;
using support::Gate;
using support::is_ok;
using support::must;
using support::PinnedBuffer;

/// A host address as the driver's copy functions take it.
template <class T>
CUdeviceptr host_address(T* pointer) {
  return reinterpret_cast<CUdeviceptr>(pointer);
}

/// Runs `body` on a thread of its own, to the end.
template <class Body>
void on_another_thread(Body body) {
  std::thread(std::move(body)).join();
}

}  // namespace etrt::conformance
