#include <algorithm>
#include <array>
#include <cstring>

#include <vgpu/sm_resource.h>

namespace etrt::vgpu {
namespace {

constexpr std::uint32_t kMagic = 0x76534d31;

struct Tag {
  std::uint32_t magic;
  std::uint32_t instance;
  std::uint16_t device;
  bool may_split;
  bool coscheduled;
  std::array<std::uint8_t, SmMap::kMaximum / 8> sms;
};
static_assert(sizeof(Tag) <= sizeof(CUdevResource::_internal_padding));

}  // namespace

void write_resource(const Machine& machine, const SmSet& set, CUdevResource& resource) {
  resource = {};
  if (set.sms.empty()) return;
  Tag tag{kMagic,
          static_cast<std::uint32_t>(machine.instance),
          static_cast<std::uint16_t>(set.device),
          set.may_split,
          set.coscheduled,
          {}};
  for (const unsigned sm : set.sms) tag.sms[sm / 8] |= static_cast<std::uint8_t>(1u << sm % 8);
  std::memcpy(resource._internal_padding, &tag, sizeof(tag));
  resource.type = CU_DEV_RESOURCE_TYPE_SM;
  resource.sm.smCount = static_cast<unsigned>(set.sms.size());
  const auto unit = [&](int of_device) {
    return static_cast<unsigned>(set.coscheduled ? of_device : std::min(of_device, kLooseSms));
  };
  resource.sm.minSmPartitionSize = unit(machine.config.sm_partition_minimum);
  resource.sm.smCoscheduledAlignment = unit(machine.config.sm_partition_alignment);
}

std::optional<SmSet> read_resource(const Machine& machine, const CUdevResource& resource) {
  Tag tag;
  std::memcpy(&tag, resource._internal_padding, sizeof(tag));
  if (resource.type != CU_DEV_RESOURCE_TYPE_SM || tag.magic != kMagic) return std::nullopt;
  if (tag.instance != static_cast<std::uint32_t>(machine.instance)) return std::nullopt;
  SmSet set{tag.device, tag.may_split, tag.coscheduled, {}};
  for (unsigned sm = 0; sm < static_cast<unsigned>(machine.sms.sm_count()); ++sm) {
    if (tag.sms[sm / 8] >> sm % 8 & 1u) set.sms.push_back(sm);
  }
  if (set.sms.empty() || set.sms.size() != resource.sm.smCount) return std::nullopt;
  return set;
}

}  // namespace etrt::vgpu
