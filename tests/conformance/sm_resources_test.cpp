// What CUDA promises about SM resources: how a device's SMs are split, and what a green context may be made of.
#include <conformance/partitioning.h>

namespace etrt::conformance {
namespace {

/// What a split gave.
struct Split {
  std::vector<CUdevResource> groups;
  CUdevResource rest;
};

class SmResources : public PartitionFixture {
 protected:
  CUdevResource device_sms() const {
    CUdevResource resource{};
    EXPECT_THAT(driver().cuDeviceGetDevResource(device(), &resource, CU_DEV_RESOURCE_TYPE_SM), is_ok());
    return resource;
  }

  CUdevResource sms_of(const cuda::GreenContext& green) const {
    CUdevResource resource{};
    EXPECT_THAT(driver().cuGreenCtxGetDevResource(green.get(), &resource, CU_DEV_RESOURCE_TYPE_SM), is_ok());
    return resource;
  }

  /// Splits `from` into `count` of the smallest groups.
  Split split(const CUdevResource& from, unsigned count) const {
    Split made{std::vector<CUdevResource>(count), {}};
    unsigned groups = count;
    EXPECT_THAT(
        driver().cuDevSmResourceSplitByCount(made.groups.data(), &groups, &from, &made.rest, 0, layout().minimum),
        is_ok());
    EXPECT_EQ(groups, count);
    return made;
  }

  CUresult split_again(const CUdevResource& part, CUdevResource& group) const {
    unsigned groups = 1;
    return driver().cuDevSmResourceSplitByCount(&group, &groups, &part, nullptr, 0, layout().minimum);
  }

  /// A green context of all `parts` together.
  cuda::GreenContext combine(std::vector<CUdevResource> parts) const {
    CUdevResourceDesc description = nullptr;
    EXPECT_THAT(driver().cuDevResourceGenerateDesc(&description, parts.data(), static_cast<unsigned>(parts.size())),
                is_ok());
    CUgreenCtx green = nullptr;
    EXPECT_THAT(driver().cuGreenCtxCreate(&green, description, device(), CU_GREEN_CTX_DEFAULT_STREAM), is_ok());
    return {driver(), green};
  }
};
ETRT_ON_EVERY_PROVIDER(SmResources);

// Splitting.

TEST_P(SmResources, TheSmsOfADeviceAreItsMultiprocessors) {
  int count = 0;
  ASSERT_THAT(driver().cuDeviceGetAttribute(&count, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, device()), is_ok());
  const auto resource = device_sms();
  EXPECT_EQ(resource.type, CU_DEV_RESOURCE_TYPE_SM);
  EXPECT_EQ(resource.sm.smCount, static_cast<unsigned>(count));
}

TEST_P(SmResources, ASplitGivesGroupsOfAtLeastWhatWasAsked) {
  const auto all = device_sms();
  for (const unsigned asked : {1u, layout().minimum, layout().minimum + 1, 2 * layout().minimum}) {
    CUdevResource group{};
    unsigned groups = 1;
    ASSERT_THAT(driver().cuDevSmResourceSplitByCount(&group, &groups, &all, nullptr, 0, asked), is_ok());
    EXPECT_EQ(groups, 1u);
    EXPECT_GE(group.sm.smCount, asked);
  }
}

TEST_P(SmResources, ASplitRoundsUpToTheAlignment) {
  const auto all = device_sms();
  CUdevResource group{};
  unsigned groups = 1;
  ASSERT_THAT(driver().cuDevSmResourceSplitByCount(&group, &groups, &all, nullptr, 0, layout().minimum + 1), is_ok());
  EXPECT_EQ(group.sm.smCount, 2 * layout().minimum);
}

TEST_P(SmResources, ASplitLosesNoSm) {
  const auto all = device_sms();
  CUdevResource groups[2] = {};
  CUdevResource rest{};
  unsigned count = 2;
  ASSERT_THAT(driver().cuDevSmResourceSplitByCount(groups, &count, &all, &rest, 0, layout().minimum), is_ok());
  ASSERT_EQ(count, 2u);
  EXPECT_EQ(groups[0].sm.smCount + groups[1].sm.smCount + rest.sm.smCount, all.sm.smCount);
}

TEST_P(SmResources, ASplitTellsHowManyGroupsItCouldMake) {
  const auto all = device_sms();
  unsigned count = 0;
  ASSERT_THAT(driver().cuDevSmResourceSplitByCount(nullptr, &count, &all, nullptr, 0, layout().minimum), is_ok());
  EXPECT_GE(count, 2u);
  EXPECT_LE(count * layout().minimum, all.sm.smCount);
}

TEST_P(SmResources, ASplitMakesNoMoreGroupsThanFit) {
  const auto all = device_sms();
  std::vector<CUdevResource> groups(all.sm.smCount + 1);
  unsigned count = static_cast<unsigned>(groups.size());
  ASSERT_THAT(driver().cuDevSmResourceSplitByCount(groups.data(), &count, &all, nullptr, 0, layout().minimum), is_ok());
  EXPECT_LE(count * layout().minimum, all.sm.smCount);
}

TEST_P(SmResources, ASplitGivesAsManyGroupsAsFitWhenMoreAreAsked) {
  const auto all = device_sms();
  unsigned fitting = 0;
  ASSERT_THAT(driver().cuDevSmResourceSplitByCount(nullptr, &fitting, &all, nullptr, 0, layout().minimum), is_ok());
  std::vector<CUdevResource> groups(all.sm.smCount + 1);
  unsigned count = static_cast<unsigned>(groups.size());
  ASSERT_THAT(driver().cuDevSmResourceSplitByCount(groups.data(), &count, &all, nullptr, 0, layout().minimum), is_ok());
  EXPECT_EQ(count, fitting);
}

TEST_P(SmResources, ASplitMayGiveTheWholeDevice) {
  const auto all = device_sms();
  CUdevResource group{};
  CUdevResource rest{};
  unsigned count = 1;
  ASSERT_THAT(driver().cuDevSmResourceSplitByCount(&group, &count, &all, &rest, 0, all.sm.smCount), is_ok());
  EXPECT_EQ(group.sm.smCount, all.sm.smCount);
  EXPECT_EQ(rest.type, CU_DEV_RESOURCE_TYPE_INVALID);
}

TEST_P(SmResources, ASplitCannotAskForMoreThanThereIs) {
  const auto all = device_sms();
  CUdevResource group{};
  unsigned count = 1;
  EXPECT_THAT(driver().cuDevSmResourceSplitByCount(&group, &count, &all, nullptr, 0, all.sm.smCount + 1),
              fails_with(CUDA_ERROR_INVALID_RESOURCE_CONFIGURATION));
  EXPECT_EQ(group.sm.smCount, 0u);
}

TEST_P(SmResources, ASplitTakesOneFlagAtATime) {
  const auto all = device_sms();
  CUdevResource group{};
  for (const unsigned flags : {1u, 2u, 3u}) {
    unsigned count = 1;
    const CUresult result = driver().cuDevSmResourceSplitByCount(&group, &count, &all, nullptr, flags, 8);
    EXPECT_EQ(result, flags == 3 ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS) << flags;
  }
}

TEST_P(SmResources, WhatASplitGaveCannotBeSplitAgain) {
  const auto made = split(device_sms(), 1);
  for (const auto& part : {made.groups[0], made.rest}) {
    CUdevResource group{};
    EXPECT_THAT(split_again(part, group), fails_with(CUDA_ERROR_INVALID_RESOURCE_CONFIGURATION));
  }
}

TEST_P(SmResources, OfAGreenContextCanBeSplit) {
  const auto green = combine(split(device_sms(), 2).groups);
  CUdevResource group{};
  EXPECT_THAT(split_again(sms_of(green), group), is_ok());
}

// Combining.

TEST_P(SmResources, GroupsOfOneSplitMakeOneGreenContext) {
  for (const unsigned count : {2u, 3u}) {
    const auto green = combine(split(device_sms(), count).groups);
    EXPECT_EQ(sms_of(green).sm.smCount, count * layout().minimum);
  }
}

TEST_P(SmResources, AGroupAndTheRestMakeOneGreenContext) {
  const auto made = split(device_sms(), 2);
  const auto green = combine({made.groups[0], made.rest});
  EXPECT_EQ(sms_of(green).sm.smCount, made.groups[0].sm.smCount + made.rest.sm.smCount);
}

TEST_P(SmResources, TheWorkOfACombinationMayUseAllOfIt) {
  const auto green = combine(split(device_sms(), 2).groups);
  const auto stream = must(cuda::create_green_stream(driver(), green.get()));
  EXPECT_LE(sms_used_on(stream.get()).size(), 2 * layout().minimum);
  EXPECT_GT(sms_used_on(stream.get()).size(), layout().minimum);
}

TEST_P(SmResources, ACombinationOfGroupsKeepsTheDevicesMinimum) {
  const auto all = device_sms();
  const auto green = combine(split(all, 2).groups);
  EXPECT_EQ(sms_of(green).sm.minSmPartitionSize, all.sm.minSmPartitionSize);
  EXPECT_EQ(sms_of(green).sm.smCoscheduledAlignment, all.sm.smCoscheduledAlignment);
}

TEST_P(SmResources, ACombinationWithTheRestComesInPairs) {
  const auto made = split(device_sms(), 2);
  const auto green = combine({made.groups[0], made.rest});
  EXPECT_EQ(sms_of(green).sm.minSmPartitionSize, 2u);
  EXPECT_EQ(sms_of(green).sm.smCoscheduledAlignment, 2u);
}

TEST_P(SmResources, GroupsOfTwoSplitsMayBeCombined) {
  const auto first = split(device_sms(), 1);
  const auto second = split(device_sms(), 2);
  EXPECT_TRUE(combine({first.groups[0], second.groups[1]}));
}

TEST_P(SmResources, OneGroupMayBeNamedTwice) {
  const auto made = split(device_sms(), 1);
  EXPECT_TRUE(combine({made.groups[0], made.groups[0]}));
}

TEST_P(SmResources, NoneMakeNoGreenContext) {
  // Null: given an array and a count of 0, libcuda 580 crashes.
  CUdevResourceDesc description = nullptr;
  EXPECT_THAT(driver().cuDevResourceGenerateDesc(&description, nullptr, 0), fails_with(CUDA_ERROR_INVALID_VALUE));
}

}  // namespace
}  // namespace etrt::conformance
