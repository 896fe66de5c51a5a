#include <gtest/gtest.h>

#include <etrt/buffer.h>
#include <etrt/device.h>
#include <support/matchers.h>

namespace etrt::test {
namespace {

using support::fails_with;
using support::is_ok;

TEST(Devices, TheVirtualOneIsAlwaysThere) {
  const auto device = Device::open("virtual");
  ASSERT_THAT(device, is_ok());
  EXPECT_EQ(device->name(), "virtual:0");
  EXPECT_TRUE(device->is_virtual());
  EXPECT_GE(device->sm_count(), 1);
  EXPECT_GT(device->memory_bytes(), 0u);
  EXPECT_EQ(device->compute_capability(), "");
}

TEST(Devices, AutoIsOneOfThoseListed) {
  const auto device = Device::open();
  ASSERT_THAT(device, is_ok());
  const auto all = Device::all();
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(device->name(), all.front().name());
}

TEST(Devices, WithoutAGpuTheReasonIsSaid) {
  const bool has_gpu = !Device::all().front().is_virtual();
  EXPECT_EQ(has_gpu, Device::why_no_gpu().empty());
}

TEST(Devices, AnUnknownNameIsRefusedWithTheKnownOnes) {
  const auto device = Device::open("tpu:0");
  ASSERT_THAT(device, fails_with(ErrorCode::kInvalidArgument));
  EXPECT_NE(device.error().message().find("virtual:N"), std::string::npos) << device.error().message();
}

TEST(Buffers, HoldWhatIsCopiedIntoThem) {
  const auto device = Device::open("virtual");
  ASSERT_THAT(device, is_ok());
  auto buffer = Buffer::on_device(*device, 16);
  ASSERT_THAT(buffer, is_ok());
  const std::string text = "sixteen letters!";
  std::string back(16, ' ');
  ASSERT_THAT(buffer->copy_from_host(text.data(), 16, nullptr), is_ok());
  ASSERT_THAT(buffer->copy_to_host(back.data(), 16, nullptr), is_ok());
  ASSERT_THAT(device->synchronize(), is_ok());
  EXPECT_EQ(back, text);
}

TEST(Buffers, RefuseACopyThatDoesNotFit) {
  const auto device = Device::open("virtual");
  auto buffer = Buffer::on_device(*device, 16);
  ASSERT_THAT(buffer, is_ok());
  std::string text(17, ' ');
  EXPECT_THAT(buffer->copy_from_host(text.data(), 17, nullptr), fails_with(ErrorCode::kInvalidArgument));
  EXPECT_THAT(buffer->copy_to_host(text.data(), 17, nullptr), fails_with(ErrorCode::kInvalidArgument));
}

TEST(Buffers, OfNothingHaveAnAddress) {
  const auto device = Device::open("virtual");
  const auto buffer = Buffer::on_device(*device, 0);
  ASSERT_THAT(buffer, is_ok());
  EXPECT_NE(buffer->data(), nullptr);
  EXPECT_EQ(buffer->size(), 0u);
}

TEST(Buffers, OfMoreThanThereIsRunOutOfMemory) {
  const auto device = Device::open("virtual");
  EXPECT_THAT(Buffer::on_device(*device, std::size_t{1} << 60), fails_with(ErrorCode::kOutOfMemory));
}

TEST(Buffers, PinnedAreTheHostsOwnMemory) {
  const auto device = Device::open("virtual");
  auto buffer = Buffer::pinned(*device, 4);
  ASSERT_THAT(buffer, is_ok());
  EXPECT_TRUE(buffer->is_pinned());
  *static_cast<int*>(buffer->data()) = 7;
  EXPECT_EQ(*static_cast<int*>(buffer->data()), 7);
}

}  // namespace
}  // namespace etrt::test
