#pragma once

#include <etrt/cuda_handles.h>
#include <etrt/device.h>
#include <etrt/export.h>
#include <etrt/result.h>
#include <etrt/stream.h>

namespace etrt {

/// A CUDA graph that its holder owns, ready to be launched: what was enqueued on a stream while that was captured, see
/// `Capture`. The same on a GPU and on the virtual one.
///
/// It keeps to the SM partition of the stream that was captured, on whichever stream it is launched (CUDA). What its
/// calls use must live as long as it may run: their tensors' memory, and the programs. Launches of one graph run one
/// after the other. Destroy it before the programs whose calls it holds; a launch in flight still runs to its end.
/// Threads: as CUDA's graphs: one launch at a time.
class ETRT_API Graph {
 public:
  Graph(Graph&& other) noexcept;
  Graph& operator=(Graph&& other) noexcept;
  ~Graph();

  /// Enqueues all of it on the stream, which belongs to the graph's device. The host does not wait.
  Status launch(const Stream& stream) const { return launch(stream.get()); }
  Status launch(cudaStream_t stream) const;

  /// The CUDA handle, for CUDA's own calls.
  cudaGraphExec_t get() const noexcept { return handle_; }
  const Device& device() const noexcept { return device_; }

 private:
  friend class Capture;
  Graph(const Device& device, cudaGraphExec_t handle) noexcept : device_(device), handle_(handle) {}

  Device device_;
  cudaGraphExec_t handle_;
};

/// A capture of a stream, from `begin` to `end`: work enqueued there meanwhile does not run, it becomes a graph. A
/// program's call is captured under a guard on that stream when its tensors are in device memory and it has run with
/// the same shapes before; any other call is an error that leaves the capture valid.
///
/// Captures of other threads are not disturbed, nor is this one by them (CUDA: thread-local capture mode).
/// Threads: begin and end on one thread.
class ETRT_API Capture {
 public:
  /// The stream must live until the capture ends. `kDriver` where it is being captured already.
  static Result<Capture> begin(const Stream& stream);

  Capture(Capture&& other) noexcept;
  Capture& operator=(Capture&&) = delete;

  /// Ends a capture that is still under way, and drops what it holds.
  ~Capture();

  /// Ends the capture. An error where something enqueued meanwhile broke it; it is over then, too.
  Result<Graph> end() &&;

 private:
  Capture(const Device& device, cudaStream_t stream) noexcept : device_(device), stream_(stream) {}

  Device device_;
  cudaStream_t stream_;  ///< null: ended
};

}  // namespace etrt
