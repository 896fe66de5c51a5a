#include <string>

#include <cuda/library.h>
#include <support/matchers.h>

namespace etrt::cuda {
namespace {

using support::fails_with;
using support::is_ok;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::string fake(const std::string& name) {
  return std::string(ETRT_FAKE_DRIVERS) + "/libfake_cuda_" + name + ".so";
}

std::string message_of(const Result<std::unique_ptr<const Driver>>& loaded) {
  return loaded.ok() ? "" : loaded.error().message();
}

TEST(Library, ACompleteDriverIsLoaded) {
  const auto driver = load_library(fake("complete"));
  ASSERT_THAT(driver, is_ok());
  int count = 0;
  EXPECT_THAT((*driver)->cuDeviceGetCount(&count), is_ok());
  EXPECT_EQ(count, 2);
  EXPECT_TRUE((*driver)->has_partitions());
}

TEST(Library, AMissingLibraryIsNotFoundAndTheMessageSaysWhatToDo) {
  const auto driver = load_library("/nowhere/libcuda.so.1");
  EXPECT_THAT(driver, fails_with(ErrorCode::kNotFound));
  EXPECT_THAT(message_of(driver), AllOf(HasSubstr("/nowhere/libcuda.so.1"), HasSubstr("device=virtual")));
}

TEST(Library, AMissingEntryPointIsNotSupportedAndNamed) {
  const auto driver = load_library(fake("too_old"));
  EXPECT_THAT(driver, fails_with(ErrorCode::kNotSupported));
  EXPECT_THAT(message_of(driver), AllOf(HasSubstr("cuGraphDestroy"), HasSubstr("CUDA 10.0"), HasSubstr("too old")));
}

TEST(Library, ALibraryWithoutCuGetProcAddressIsNotSupported) {
  const auto driver = load_library(fake("no_proc_address"));
  EXPECT_THAT(driver, fails_with(ErrorCode::kNotSupported));
  EXPECT_THAT(message_of(driver), HasSubstr("cuGetProcAddress"));
}

TEST(Library, ADriverThatSeesNoDeviceIsNotFound) {
  const auto driver = load_library(fake("no_device"));
  EXPECT_THAT(driver, fails_with(ErrorCode::kNotFound));
  EXPECT_THAT(message_of(driver), HasSubstr("no CUDA device"));
}

TEST(Library, ADriverThatListsNoDeviceIsNotFound) {
  const auto driver = load_library(fake("zero_devices"));
  EXPECT_THAT(driver, fails_with(ErrorCode::kNotFound));
  EXPECT_THAT(message_of(driver), HasSubstr("no CUDA device"));
}

TEST(Library, AnyOtherFailureToInitialiseIsADriverError) {
  const auto driver = load_library(fake("broken_init"));
  EXPECT_THAT(driver, fails_with(ErrorCode::kDriver));
  EXPECT_THAT(message_of(driver), AllOf(HasSubstr("cuInit"), HasSubstr("CUDA_ERROR_OF_THE_FAKE (999)")));
}

TEST(Library, ADriverWithoutGreenContextsLosesPartitionsOnly) {
  const auto driver = load_library(fake("no_partitions"));
  ASSERT_THAT(driver, is_ok());
  EXPECT_FALSE((*driver)->has_partitions());
  EXPECT_FALSE((*driver)->cuGreenCtxCreate);
  EXPECT_TRUE((*driver)->cuLaunchKernel);
}

TEST(Library, ADriverWithoutGreenStreamsHasNoPartitions) {
  const auto driver = load_library(fake("cuda_12_4"));
  ASSERT_THAT(driver, is_ok());
  EXPECT_TRUE((*driver)->cuGreenCtxCreate);
  EXPECT_FALSE((*driver)->cuGreenCtxStreamCreate);
  EXPECT_FALSE((*driver)->has_partitions());
}

TEST(Library, ADriverWithoutUserObjectsLosesThemOnly) {
  const auto complete = load_library(fake("complete"));
  const auto driver = load_library(fake("no_user_objects"));
  ASSERT_THAT(complete, is_ok());
  ASSERT_THAT(driver, is_ok());
  EXPECT_TRUE((*complete)->has_user_objects());
  EXPECT_FALSE((*driver)->has_user_objects());
  EXPECT_TRUE((*driver)->has_partitions());
}

TEST(Library, WhatEtrtItselfNeverCallsMayBeMissing) {
  const auto driver = load_library(fake("bare"));
  ASSERT_THAT(driver, is_ok());
  EXPECT_FALSE((*driver)->cuGraphLaunch);
  EXPECT_TRUE((*driver)->cuLaunchKernel);
}

TEST(Library, TheOldCuGetProcAddressWillDo) {
  const auto driver = load_library(fake("old_proc_address"));
  ASSERT_THAT(driver, is_ok());
  EXPECT_TRUE((*driver)->cuLaunchKernel);
}

TEST(Library, EachLoadHasATableOfItsOwn) {
  const auto first = load_library(fake("complete"));
  const auto second = load_library(fake("complete"));
  ASSERT_THAT(first, is_ok());
  ASSERT_THAT(second, is_ok());
  EXPECT_NE(first->get(), second->get());
}

}  // namespace
}  // namespace etrt::cuda
