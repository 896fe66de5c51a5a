#include <base/format.h>
#include <base/try.h>
#include <cli/lanes.h>
#include <cli/text.h>

namespace etrt::cli {

Result<Lanes> Lanes::create(const Device& device, int count, std::optional<int> sms) {
  Lanes lanes;
  const auto streams = static_cast<std::size_t>(count);
  if (!sms) {
    for (std::size_t i = 0; i < streams; ++i) {
      ETRT_TRY_ASSIGN(Stream stream, Stream::create(device));
      lanes.streams.push_back(std::move(stream));
    }
    return lanes;
  }
  auto split = Partition::split(device, std::vector<int>(streams, *sms));
  if (!split.ok() && count > 1) {
    const std::string why = split.error().message();
    split = Partition::split(device, {*sms});
    if (split.ok()) {
      lanes.note = base::concat("all ", count, " streams share one partition of ",
                                count_text(static_cast<std::uint64_t>(*sms), "SM"), ": ", why);
    }
  }
  if (!split.ok()) return std::move(split).error();
  lanes.partitions = std::move(split).value();
  for (std::size_t i = 0; i < streams; ++i) {
    ETRT_TRY_ASSIGN(Stream stream, lanes.partitions[i % lanes.partitions.size()].create_stream());
    lanes.streams.push_back(std::move(stream));
  }
  return lanes;
}

}  // namespace etrt::cli
