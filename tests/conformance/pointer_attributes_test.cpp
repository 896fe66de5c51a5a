// What CUDA promises about asking what a pointer is.
#include <array>
#include <memory>

#include <conformance/suite.h>

namespace etrt::conformance {
namespace {

class PointerAttributes : public ContextFixture {
 protected:
  CUresult ask(void* answer, CUpointer_attribute attribute, CUdeviceptr pointer) const {
    return driver().cuPointerGetAttribute(answer, attribute, pointer);
  }

  template <class T>
  T get(CUpointer_attribute attribute, CUdeviceptr pointer) const {
    T answer{};
    EXPECT_THAT(ask(&answer, attribute, pointer), is_ok());
    return answer;
  }

  unsigned memory_type(CUdeviceptr pointer) const { return get<unsigned>(CU_POINTER_ATTRIBUTE_MEMORY_TYPE, pointer); }
};
ETRT_ON_EVERY_PROVIDER(PointerAttributes);

TEST_P(PointerAttributes, DeviceMemoryIsOfTheDevice) {
  const auto buffer = create_buffer();
  EXPECT_EQ(memory_type(buffer.address()), CU_MEMORYTYPE_DEVICE);
  EXPECT_EQ(get<int>(CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, buffer.address()), device());
  EXPECT_EQ(get<CUcontext>(CU_POINTER_ATTRIBUTE_CONTEXT, buffer.address()), primary());
  EXPECT_EQ(get<CUdeviceptr>(CU_POINTER_ATTRIBUTE_DEVICE_POINTER, buffer.address()), buffer.address());
}

TEST_P(PointerAttributes, DeviceMemoryHasNoHostPointer) {
  const auto buffer = create_buffer();
  void* host = nullptr;
  EXPECT_THAT(ask(&host, CU_POINTER_ATTRIBUTE_HOST_POINTER, buffer.address()), fails_with(CUDA_ERROR_INVALID_VALUE));
}

TEST_P(PointerAttributes, TheInsideOfAnAllocationCountsAsMuchAsItsStart) {
  const auto buffer = create_buffer();
  for (const CUdeviceptr inside :
       {buffer.address() + 1, buffer.address() + 512, buffer.address() + buffer.bytes() - 1}) {
    EXPECT_EQ(memory_type(inside), CU_MEMORYTYPE_DEVICE);
    EXPECT_EQ(get<CUdeviceptr>(CU_POINTER_ATTRIBUTE_DEVICE_POINTER, inside), inside);
    EXPECT_EQ(get<CUdeviceptr>(CU_POINTER_ATTRIBUTE_RANGE_START_ADDR, inside), buffer.address());
    EXPECT_GE(get<std::size_t>(CU_POINTER_ATTRIBUTE_RANGE_SIZE, inside), buffer.bytes());
  }
}

TEST_P(PointerAttributes, PinnedMemoryIsTheHostsAndReachableFromTheDevice) {
  const auto pinned = create_pinned();
  EXPECT_EQ(memory_type(pinned.address()), CU_MEMORYTYPE_HOST);
  EXPECT_EQ(get<void*>(CU_POINTER_ATTRIBUTE_HOST_POINTER, pinned.address()), pinned.data());
  EXPECT_EQ(get<CUdeviceptr>(CU_POINTER_ATTRIBUTE_DEVICE_POINTER, pinned.address()), pinned.address());
  EXPECT_EQ(get<int>(CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, pinned.address()), device());
}

TEST_P(PointerAttributes, TheInsideOfPinnedMemoryIsPinned) {
  const auto pinned = create_pinned();
  const CUdeviceptr inside = pinned.address() + pinned.bytes() - 4;
  EXPECT_EQ(memory_type(inside), CU_MEMORYTYPE_HOST);
  EXPECT_EQ(get<CUdeviceptr>(CU_POINTER_ATTRIBUTE_DEVICE_POINTER, inside), inside);
}

TEST_P(PointerAttributes, NeitherIsManaged) {
  const auto buffer = create_buffer();
  const auto pinned = create_pinned();
  EXPECT_EQ(get<unsigned>(CU_POINTER_ATTRIBUTE_IS_MANAGED, buffer.address()), 0u);
  EXPECT_EQ(get<unsigned>(CU_POINTER_ATTRIBUTE_IS_MANAGED, pinned.address()), 0u);
}

TEST_P(PointerAttributes, PageableMemoryIsUnknown) {
  const auto pageable = std::make_unique<std::uint32_t[]>(1024);
  unsigned type = 0;
  EXPECT_THAT(ask(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, host_address(pageable.get())),
              fails_with(CUDA_ERROR_INVALID_VALUE));
}

TEST_P(PointerAttributes, FreedMemoryIsUnknown) {
  CUdeviceptr address = 0;
  ASSERT_THAT(driver().cuMemAlloc(&address, 64u << 20), is_ok());
  ASSERT_THAT(driver().cuMemFree(address), is_ok());
  unsigned type = 0;
  EXPECT_THAT(ask(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, address), fails_with(CUDA_ERROR_INVALID_VALUE));
}

TEST_P(PointerAttributes, StreamOrderedMemoryIsOfTheDevice) {
  const auto stream = create_stream();
  CUdeviceptr address = 0;
  ASSERT_THAT(driver().cuMemAllocAsync(&address, 4096, stream.get()), is_ok());
  EXPECT_EQ(memory_type(address), CU_MEMORYTYPE_DEVICE);
  EXPECT_EQ(get<int>(CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, address), device());
  EXPECT_THAT(driver().cuMemFreeAsync(address, stream.get()), is_ok());
  EXPECT_THAT(synchronize(stream), is_ok());
}

TEST_P(PointerAttributes, ManyAreAskedAtOnce) {
  const auto buffer = create_buffer();
  unsigned type = 0;
  int ordinal = -1;
  CUdeviceptr start = 0;
  std::array attributes{CU_POINTER_ATTRIBUTE_MEMORY_TYPE, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL,
                        CU_POINTER_ATTRIBUTE_RANGE_START_ADDR};
  std::array<void*, 3> answers{&type, &ordinal, &start};
  ASSERT_THAT(driver().cuPointerGetAttributes(3, attributes.data(), answers.data(), buffer.address() + 8), is_ok());
  EXPECT_EQ(type, static_cast<unsigned>(CU_MEMORYTYPE_DEVICE));
  EXPECT_EQ(ordinal, device());
  EXPECT_EQ(start, buffer.address());
}

TEST_P(PointerAttributes, ManyOfAnUnknownPointerAreZeroAndNoError) {
  const auto pageable = std::make_unique<std::uint32_t[]>(1024);
  unsigned type = 99;
  CUcontext context = primary();
  CUdeviceptr on_device = 99;
  std::array attributes{CU_POINTER_ATTRIBUTE_MEMORY_TYPE, CU_POINTER_ATTRIBUTE_CONTEXT,
                        CU_POINTER_ATTRIBUTE_DEVICE_POINTER};
  std::array<void*, 3> answers{&type, &context, &on_device};
  ASSERT_THAT(driver().cuPointerGetAttributes(3, attributes.data(), answers.data(), host_address(pageable.get())),
              is_ok());
  EXPECT_EQ(type, 0u);
  EXPECT_EQ(context, nullptr);
  EXPECT_EQ(on_device, 0u);
}

TEST_P(PointerAttributes, AllocationsHaveIdsOfTheirOwn) {
  const auto first = create_buffer();
  const auto second = create_buffer();
  EXPECT_NE(get<unsigned long long>(CU_POINTER_ATTRIBUTE_BUFFER_ID, first.address()),
            get<unsigned long long>(CU_POINTER_ATTRIBUTE_BUFFER_ID, second.address()));
}

}  // namespace
}  // namespace etrt::conformance
