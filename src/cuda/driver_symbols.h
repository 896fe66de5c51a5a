#pragma once

// The CUDA driver entry points that etrt uses: one list, expanded into the table's members, the symbol names, the
// loader and the decorators. The number is the driver version that introduced the entry point's present signature, as
// cuGetProcAddress wants it and as cudaTypedefs.h spells the types.
//
// REQUIRED: without it there is no provider. OPTIONAL: an older driver loses one ability, not everything.

// clang-format off
#define ETRT_CUDA_SYMBOLS(REQUIRED, OPTIONAL)      \
  REQUIRED(cuInit, 2000)                           \
  REQUIRED(cuGetErrorName, 6000)                   \
  REQUIRED(cuGetErrorString, 6000)                 \
  /* devices */                                    \
  REQUIRED(cuDeviceGetCount, 2000)                 \
  REQUIRED(cuDeviceGet, 2000)                      \
  REQUIRED(cuDeviceGetName, 2000)                  \
  REQUIRED(cuDeviceGetAttribute, 2000)             \
  REQUIRED(cuDeviceTotalMem, 3020)                 \
  /* contexts */                                   \
  REQUIRED(cuDevicePrimaryCtxRetain, 7000)         \
  REQUIRED(cuDevicePrimaryCtxRelease, 11000)       \
  REQUIRED(cuCtxGetCurrent, 4000)                  \
  REQUIRED(cuCtxSetCurrent, 4000)                  \
  REQUIRED(cuCtxPushCurrent, 4000)                 \
  REQUIRED(cuCtxPopCurrent, 4000)                  \
  REQUIRED(cuCtxGetDevice, 2000)                   \
  REQUIRED(cuCtxSynchronize, 2000)                 \
  /* streams */                                    \
  REQUIRED(cuStreamCreate, 2000)                   \
  REQUIRED(cuStreamDestroy, 4000)                  \
  REQUIRED(cuStreamSynchronize, 2000)              \
  REQUIRED(cuStreamQuery, 2000)                    \
  REQUIRED(cuStreamWaitEvent, 3020)                \
  REQUIRED(cuStreamGetCtx, 9020)                   \
  REQUIRED(cuStreamGetId, 12000)                   \
  /* events */                                     \
  REQUIRED(cuEventCreate, 2000)                    \
  REQUIRED(cuEventDestroy, 4000)                   \
  REQUIRED(cuEventRecord, 2000)                    \
  REQUIRED(cuEventQuery, 2000)                     \
  REQUIRED(cuEventSynchronize, 2000)               \
  /* memory */                                     \
  REQUIRED(cuMemAlloc, 3020)                       \
  REQUIRED(cuMemFree, 3020)                        \
  REQUIRED(cuMemAllocAsync, 11020)                 \
  REQUIRED(cuMemFreeAsync, 11020)                  \
  REQUIRED(cuMemHostAlloc, 2020)                   \
  REQUIRED(cuMemFreeHost, 2000)                    \
  REQUIRED(cuPointerGetAttributes, 7000)           \
  REQUIRED(cuMemcpy, 4000)                         \
  REQUIRED(cuMemcpyAsync, 4000)                    \
  REQUIRED(cuMemcpyHtoDAsync, 3020)                \
  REQUIRED(cuMemcpyDtoHAsync, 3020)                \
  REQUIRED(cuMemcpyDtoDAsync, 3020)                \
  REQUIRED(cuMemsetD8Async, 3020)                  \
  /* capture and graphs */                         \
  REQUIRED(cuStreamIsCapturing, 10000)             \
  REQUIRED(cuThreadExchangeStreamCaptureMode, 10010) \
  REQUIRED(cuGraphDestroy, 10000)                  \
  REQUIRED(cuGraphInstantiateWithFlags, 11040)     \
  REQUIRED(cuGraphExecDestroy, 10000)              \
  /* modules and launch */                         \
  REQUIRED(cuModuleLoadData, 2000)                 \
  REQUIRED(cuModuleUnload, 2000)                   \
  REQUIRED(cuModuleGetFunction, 2000)              \
  REQUIRED(cuLaunchKernel, 4000)                   \
  /* what only applications and tests call */      \
  OPTIONAL(cuDriverGetVersion, 2020)               \
  OPTIONAL(cuDevicePrimaryCtxGetState, 7000)       \
  OPTIONAL(cuStreamCreateWithPriority, 5050)       \
  OPTIONAL(cuLaunchHostFunc, 10000)                \
  OPTIONAL(cuEventElapsedTime, 2000)               \
  OPTIONAL(cuMemGetInfo, 3020)                     \
  OPTIONAL(cuPointerGetAttribute, 4000)            \
  OPTIONAL(cuMemsetD32Async, 3020)                 \
  OPTIONAL(cuStreamBeginCapture, 10010)            \
  OPTIONAL(cuStreamEndCapture, 10000)              \
  OPTIONAL(cuGraphGetNodes, 10000)                 \
  OPTIONAL(cuGraphLaunch, 10000)                   \
  /* user objects: what a graph keeps alive, CUDA 11.3; the graph of a capture, 12.3 */ \
  OPTIONAL(cuUserObjectCreate, 11030)              \
  OPTIONAL(cuUserObjectRelease, 11030)             \
  OPTIONAL(cuGraphRetainUserObject, 11030)         \
  OPTIONAL(cuStreamGetCaptureInfo, 12030)          \
  /* SM partitions: green contexts, CUDA 12.4 and 12.5 */ \
  OPTIONAL(cuDeviceGetDevResource, 12040)          \
  OPTIONAL(cuDevSmResourceSplitByCount, 12040)     \
  OPTIONAL(cuDevResourceGenerateDesc, 12040)       \
  OPTIONAL(cuGreenCtxCreate, 12040)                \
  OPTIONAL(cuGreenCtxDestroy, 12040)               \
  OPTIONAL(cuGreenCtxGetDevResource, 12040)        \
  OPTIONAL(cuCtxFromGreenCtx, 12040)               \
  OPTIONAL(cuStreamGetGreenCtx, 12040)             \
  OPTIONAL(cuGreenCtxStreamCreate, 12050)          \
  OPTIONAL(cuStreamGetDevice, 12080)
// clang-format on
