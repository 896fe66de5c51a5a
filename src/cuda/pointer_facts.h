#pragma once

#include <cstdint>

#include <base/try.h>
#include <cuda/error.h>
#include <etrt/result.h>

namespace etrt::cuda {

/// What the driver knows of an address.
struct PointerFacts {
  unsigned memory_type = 0;  ///< CUmemorytype; 0: CUDA does not know the pointer, so it is ordinary host memory
  int device = -1;
  unsigned managed = 0;

  bool is_on_device() const { return memory_type == CU_MEMORYTYPE_DEVICE || managed != 0; }
};

/// One driver call.
inline Result<PointerFacts> query_pointer(const Driver& driver, const void* pointer) {
  PointerFacts facts;
  CUpointer_attribute attributes[] = {CU_POINTER_ATTRIBUTE_MEMORY_TYPE, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL,
                                      CU_POINTER_ATTRIBUTE_IS_MANAGED};
  void* values[] = {&facts.memory_type, &facts.device, &facts.managed};
  ETRT_TRY(check(driver, driver.cuPointerGetAttributes(3, attributes, values, reinterpret_cast<CUdeviceptr>(pointer)),
                 "cuPointerGetAttributes"));
  return facts;
}

}  // namespace etrt::cuda
