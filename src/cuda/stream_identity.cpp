#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/error.h>
#include <cuda/stream_capture.h>
#include <cuda/stream_identity.h>

namespace etrt::cuda {

Result<StreamIdentity> identify_stream(const Driver& driver, CUstream stream) {
  StreamIdentity identity{&driver, -1, 0};
  ETRT_TRY_ASSIGN(const bool in_capture, is_in_capture(driver, stream));
  if (!in_capture) {
    unsigned long long id = 0;
    ETRT_TRY(check(driver, driver.cuStreamGetId(stream, &id), "cuStreamGetId"));
    identity.id = id;
  }
  CUdevice device = -1;
  // In a capture neither the id nor the device may be asked for: the question ends the capture. The context may.
  if (identity.id != 0 && driver.cuStreamGetDevice) {
    ETRT_TRY(check(driver, driver.cuStreamGetDevice(stream, &device), "cuStreamGetDevice"));
  } else {
    CUcontext context = nullptr;
    ETRT_TRY(check(driver, driver.cuStreamGetCtx(stream, &context), "cuStreamGetCtx"));
    ETRT_TRY_ASSIGN(const auto scope, CurrentContext::push(driver, context));
    ETRT_TRY(check(driver, driver.cuCtxGetDevice(&device), "cuCtxGetDevice"));
  }
  identity.device = device;
  return identity;
}

}  // namespace etrt::cuda
