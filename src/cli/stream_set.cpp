#include <base/format.h>
#include <base/try.h>
#include <cli/stream_set.h>
#include <cli/text.h>

namespace etrt::cli {

Result<StreamSet> StreamSet::create(const Device& device, int count, std::optional<int> sms) {
  StreamSet set;
  const auto streams = static_cast<std::size_t>(count);
  if (!sms) {
    for (std::size_t i = 0; i < streams; ++i) {
      ETRT_TRY_ASSIGN(Stream stream, Stream::create(device));
      set.streams.push_back(std::move(stream));
    }
    return set;
  }
  auto split = Partition::split(device, std::vector<int>(streams, *sms));
  if (!split.ok() && count > 1) {
    const std::string why = split.error().message();
    split = Partition::split(device, {*sms});
    if (split.ok()) {
      set.note = base::concat("all ", count, " streams share one partition of ",
                              count_text(static_cast<std::uint64_t>(*sms), "SM"), ": ", why);
    }
  }
  if (!split.ok()) return std::move(split).error();
  set.partitions = std::move(split).value();
  for (std::size_t i = 0; i < streams; ++i) {
    ETRT_TRY_ASSIGN(Stream stream, set.partitions[i % set.partitions.size()].create_stream());
    set.streams.push_back(std::move(stream));
  }
  return set;
}

}  // namespace etrt::cli
