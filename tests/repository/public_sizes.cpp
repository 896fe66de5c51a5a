// Prints size and alignment of every public type, as applications are compiled with them. See scripts/check_abi.py.

#include <cstdio>

#include <etrt/buffer.h>
#include <etrt/device.h>
#include <etrt/event.h>
#include <etrt/graph.h>
#include <etrt/partition.h>
#include <etrt/pte.h>
#include <etrt/report.h>
#include <etrt/result.h>
#include <etrt/stream.h>
#include <etrt/stream_guard.h>
#include <etrt/timeline.h>

#define ETRT_PRINT(type) std::printf("type %s: %zu bytes, aligned to %zu\n", #type, sizeof(type), alignof(type))

int main() {
  ETRT_PRINT(etrt::Buffer);
  ETRT_PRINT(etrt::Capture);
  ETRT_PRINT(etrt::Device);
  ETRT_PRINT(etrt::Error);
  ETRT_PRINT(etrt::ErrorCode);
  ETRT_PRINT(etrt::Event);
  ETRT_PRINT(etrt::Graph);
  ETRT_PRINT(etrt::LayerTime);
  ETRT_PRINT(etrt::Partition);
  ETRT_PRINT(etrt::PartitionLimits);
  ETRT_PRINT(etrt::ProgramReport);
  ETRT_PRINT(etrt::Report);
  ETRT_PRINT(etrt::Result<int>);
  ETRT_PRINT(etrt::MemoryReport);
  ETRT_PRINT(etrt::ProgramLayers);
  ETRT_PRINT(etrt::Status);
  ETRT_PRINT(etrt::Stream);
  ETRT_PRINT(etrt::StreamGuard);
  ETRT_PRINT(etrt::Timeline);
  ETRT_PRINT(etrt::TimelineSpan);
  ETRT_PRINT(etrt::pte::Bytes);
  ETRT_PRINT(etrt::pte::CompileSpec);
  ETRT_PRINT(etrt::pte::DelegateChoice);
  ETRT_PRINT(etrt::pte::DelegateInfo);
  ETRT_PRINT(etrt::pte::MethodInfo);
  ETRT_PRINT(etrt::pte::Payload);
  ETRT_PRINT(etrt::pte::ProgramInfo);
  ETRT_PRINT(etrt::pte::TensorInfo);
  ETRT_PRINT(etrt::pte::ValueInfo);
  ETRT_PRINT(etrt::pte::WriteOptions);
}
