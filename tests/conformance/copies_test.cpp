// What CUDA promises about copies and memsets, and about which host memory may be touched when.
#include <algorithm>
#include <numeric>

#include <conformance/suite.h>

namespace etrt::conformance {
namespace {

class Copies : public ContextFixture {
 protected:
  static std::vector<std::uint32_t> counting(std::size_t count) {
    std::vector<std::uint32_t> values(count);
    std::iota(values.begin(), values.end(), 1u);
    return values;
  }
};
ETRT_ON_EVERY_PROVIDER(Copies);

constexpr std::uint32_t kLarge = 1u << 20;  // 4 MiB: larger than any staging that a driver does on the fly

TEST_P(Copies, GoToTheDeviceAndBack) {
  auto buffer = create_buffer();
  const auto values = counting(buffer.count());
  buffer.write(values);
  EXPECT_EQ(buffer.read(), values);
}

TEST_P(Copies, FindTheirDirectionFromThePointers) {
  const auto pinned_in = create_pinned();
  const auto pinned_out = create_pinned();
  const auto first = create_buffer();
  const auto second = create_buffer();
  const auto stream = create_stream();
  std::ranges::copy(counting(pinned_in.count()), pinned_in.data());
  const auto copy = [&](CUdeviceptr to, CUdeviceptr from) {
    return driver().cuMemcpyAsync(to, from, first.bytes(), stream.get());
  };
  ASSERT_THAT(copy(first.address(), pinned_in.address()), is_ok());
  ASSERT_THAT(copy(second.address(), first.address()), is_ok());
  ASSERT_THAT(copy(pinned_out.address(), second.address()), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_TRUE(std::ranges::equal(pinned_out.values(), pinned_in.values()));
}

TEST_P(Copies, OfNamedDirectionsRunInStreamOrder) {
  const auto in = create_pinned();
  const auto out = create_pinned();
  const auto first = create_buffer();
  const auto second = create_buffer();
  const auto stream = create_stream();
  std::ranges::fill(in.values(), 40u);
  ASSERT_THAT(driver().cuMemcpyHtoDAsync(first.address(), in.data(), in.bytes(), stream.get()), is_ok());
  ASSERT_THAT(kernels().add_u32(stream.get(), first.address(), 2, first.count()), is_ok());
  ASSERT_THAT(driver().cuMemcpyDtoDAsync(second.address(), first.address(), first.bytes(), stream.get()), is_ok());
  ASSERT_THAT(driver().cuMemcpyDtoHAsync(out.data(), second.address(), second.bytes(), stream.get()), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(out.values(), Each(42u));
}

TEST_P(Copies, FromAndToPinnedMemoryReturnBeforeTheyAreDone) {
  const auto in = create_pinned();
  const auto out = create_pinned();
  const auto buffer = create_buffer();
  const auto stream = create_stream();
  std::ranges::fill(in.values(), 7u);
  auto gate = close_gate(stream.get());
  ASSERT_THAT(driver().cuMemcpyHtoDAsync(buffer.address(), in.data(), in.bytes(), stream.get()), is_ok());
  ASSERT_THAT(driver().cuMemcpyDtoHAsync(out.data(), buffer.address(), out.bytes(), stream.get()), is_ok());
  EXPECT_THAT(driver().cuStreamQuery(stream.get()), fails_with(CUDA_ERROR_NOT_READY));
  EXPECT_THAT(out.values(), Each(0u));
  gate.open();
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(out.values(), Each(7u));
}

TEST_P(Copies, ReadPinnedMemoryWhenTheyRunNotWhenTheyAreEnqueued) {
  const auto in = create_pinned();
  const auto buffer = create_buffer();
  const auto stream = create_stream();
  std::ranges::fill(in.values(), 1u);
  auto gate = close_gate(stream.get());
  ASSERT_THAT(driver().cuMemcpyHtoDAsync(buffer.address(), in.data(), in.bytes(), stream.get()), is_ok());
  std::ranges::fill(in.values(), 7u);
  gate.open();
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(buffer.read(), Each(7u));
}

TEST_P(Copies, FromPageableMemoryLetTheCallerReuseItAtOnce) {
  for (const std::uint32_t count : {16u, 1024u, kLarge}) {
    const DeviceBuffer buffer(driver(), count);
    const auto stream = create_stream();
    std::vector<std::uint32_t> source(count, 7);
    ASSERT_THAT(kernels().spin(stream.get(), milliseconds(1)), is_ok());
    ASSERT_THAT(driver().cuMemcpyHtoDAsync(buffer.address(), source.data(), buffer.bytes(), stream.get()), is_ok());
    std::ranges::fill(source, 99u);
    ASSERT_THAT(synchronize(stream), is_ok());
    EXPECT_THAT(buffer.read(), Each(7u)) << count << " elements";
  }
}

TEST_P(Copies, ToPageableMemoryAreDoneOnReturn) {
  for (const std::uint32_t count : {16u, 1024u, kLarge}) {
    const DeviceBuffer buffer(driver(), count);
    const auto stream = create_stream();
    std::vector<std::uint32_t> target(count, 0);
    ASSERT_THAT(kernels().spin(stream.get(), milliseconds(1)), is_ok());
    ASSERT_THAT(kernels().fill_u32(stream.get(), buffer.address(), 7, count), is_ok());
    ASSERT_THAT(driver().cuMemcpyDtoHAsync(target.data(), buffer.address(), buffer.bytes(), stream.get()), is_ok());
    EXPECT_THAT(target, Each(7u)) << count << " elements";
  }
}

TEST_P(Copies, OfPartsLeaveTheRestAlone) {
  auto buffer = create_buffer(16);
  buffer.write(std::vector<std::uint32_t>(16, 1));
  const std::vector<std::uint32_t> part(4, 7);
  ASSERT_THAT(driver().cuMemcpy(buffer.address() + 4 * 4, host_address(part.data()), 4 * 4), is_ok());
  const auto values = buffer.read();
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[i], i >= 4 && i < 8 ? 7u : 1u) << "at " << i;
}

TEST_P(Copies, OfNothingSucceed) {
  const auto buffer = create_buffer();
  const auto pinned = create_pinned();
  const auto stream = create_stream();
  EXPECT_THAT(driver().cuMemcpyHtoDAsync(buffer.address(), pinned.data(), 0, stream.get()), is_ok());
  EXPECT_THAT(driver().cuMemcpyDtoHAsync(pinned.data(), buffer.address(), 0, stream.get()), is_ok());
  EXPECT_THAT(driver().cuMemcpyAsync(buffer.address(), buffer.address(), 0, stream.get()), is_ok());
  EXPECT_THAT(driver().cuMemsetD8Async(buffer.address(), 0, 0, stream.get()), is_ok());
  EXPECT_THAT(synchronize(stream), is_ok());
}

TEST_P(Copies, OfNamedDirectionsRefuseAnUnknownDeviceAddress) {
  const auto pinned = create_pinned();
  const auto stream = create_stream();
  EXPECT_THAT(driver().cuMemcpyHtoDAsync(0, pinned.data(), 4, stream.get()), fails_with(CUDA_ERROR_INVALID_VALUE));
  EXPECT_THAT(driver().cuMemcpyDtoHAsync(pinned.data(), 0, 4, stream.get()), fails_with(CUDA_ERROR_INVALID_VALUE));
}

TEST_P(Copies, BeyondTheEndOfAnAllocationAreAnInvalidValue) {
  constexpr std::size_t kBytes = 64u << 20;
  CUdeviceptr address = 0;
  ASSERT_THAT(driver().cuMemAlloc(&address, kBytes), is_ok());
  std::vector<std::byte> target(2 * kBytes);
  EXPECT_THAT(driver().cuMemcpy(host_address(target.data()), address, 2 * kBytes),
              fails_with(CUDA_ERROR_INVALID_VALUE));
  EXPECT_THAT(driver().cuMemFree(address), is_ok());
}

// Memsets.

TEST_P(Copies, MemsetsOfBytesRunInStreamOrder) {
  const auto buffer = create_buffer();
  const auto stream = create_stream();
  ASSERT_THAT(kernels().fill_u32(stream.get(), buffer.address(), 7, buffer.count()), is_ok());
  ASSERT_THAT(driver().cuMemsetD8Async(buffer.address(), 0x01, buffer.bytes(), stream.get()), is_ok());
  ASSERT_THAT(kernels().add_u32(stream.get(), buffer.address(), 1, buffer.count()), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(buffer.read(), Each(0x01010102u));
}

TEST_P(Copies, MemsetsOfWordsCountWords) {
  auto buffer = create_buffer(16);
  const auto stream = create_stream();
  buffer.write(std::vector<std::uint32_t>(16, 1));
  ASSERT_THAT(driver().cuMemsetD32Async(buffer.address(), 0xdeadbeef, 8, stream.get()), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  const auto values = buffer.read();
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[i], i < 8 ? 0xdeadbeefu : 1u) << "at " << i;
}

TEST_P(Copies, MemsetsDoNotWaitForTheHost) {
  const auto buffer = create_buffer();
  const auto stream = create_stream();
  auto gate = close_gate(stream.get());
  ASSERT_THAT(driver().cuMemsetD32Async(buffer.address(), 7, buffer.count(), stream.get()), is_ok());
  EXPECT_THAT(driver().cuStreamQuery(stream.get()), fails_with(CUDA_ERROR_NOT_READY));
  gate.open();
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(buffer.read(), Each(7u));
}

TEST_P(Copies, MemsetsOfWordsRefuseAMisalignedAddress) {
  const auto buffer = create_buffer();
  const auto stream = create_stream();
  EXPECT_THAT(driver().cuMemsetD32Async(buffer.address() + 1, 7, 4, stream.get()),
              fails_with(CUDA_ERROR_INVALID_VALUE));
}

}  // namespace
}  // namespace etrt::conformance
