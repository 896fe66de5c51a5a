#pragma once

// CUDA's own handle types, declared exactly as cuda.h and cuda_runtime_api.h do, so that etrt's headers need neither.

typedef struct CUstream_st* cudaStream_t;
typedef struct CUevent_st* cudaEvent_t;
typedef struct CUgraphExec_st* cudaGraphExec_t;

struct CUgreenCtx_st;
