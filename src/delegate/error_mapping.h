#pragma once

#include <executorch/runtime/core/error.h>

#include <etrt/result.h>

namespace etrt::delegate {

/// The one place where etrt's errors become ExecuTorch's.
inline executorch::runtime::Error to_executorch(ErrorCode code) {
  using Et = executorch::runtime::Error;
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return Et::InvalidArgument;
    case ErrorCode::kInvalidType:
      return Et::InvalidType;
    case ErrorCode::kInvalidState:
      return Et::InvalidState;
    case ErrorCode::kInvalidData:
      return Et::InvalidProgram;
    case ErrorCode::kNotFound:
      return Et::NotFound;
    case ErrorCode::kNotSupported:
      return Et::NotSupported;
    case ErrorCode::kIncompatible:
      return Et::DelegateInvalidCompatibility;
    case ErrorCode::kOutOfMemory:
      return Et::MemoryAllocationFailed;
    case ErrorCode::kDriver:
      return Et::AccessFailed;
    case ErrorCode::kInternal:
      return Et::Internal;
  }
  return Et::Internal;
}

}  // namespace etrt::delegate
