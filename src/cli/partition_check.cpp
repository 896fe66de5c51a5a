#include <algorithm>
#include <future>
#include <set>

#include <base/format.h>
#include <base/try.h>
#include <cli/partition_check.h>
#include <cli/partition_probe.h>
#include <cli/probe_kernel.h>
#include <etrt/timeline.h>
#include <process/process.h>

namespace etrt::cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

/// What the SMs stay full beyond the time that the check needs, should its thread be kept waiting.
constexpr std::chrono::seconds kGrace{10};

std::string milliseconds(nanoseconds time) {
  return base::concat(std::chrono::duration<double, std::milli>(time).count(), " ms");
}

Result<nanoseconds> time_of(const std::function<Status()>& run) {
  const auto start = Clock::now();
  ETRT_TRY(run());
  return nanoseconds(Clock::now() - start);
}

/// Runs the program while the SMs are full. Whatever happens, they are released before the program is waited for.
Result<bool> finishes_while_full(PartitionProbe& probe, const std::function<Status()>& run, nanoseconds hold) {
  auto running = std::async(std::launch::async, run);
  const bool finished = running.wait_for(hold) == std::future_status::ready;
  probe.release();
  ETRT_TRY(running.get());
  return finished;
}

Result<PartitionCheck> check_by_filling(const Partition& partition, const std::function<Status()>& run,
                                        nanoseconds hold) {
  PartitionCheck check;
  ETRT_TRY_ASSIGN(const nanoseconds usual, time_of(run));
  check.held = std::max(hold, 3 * usual);
  ETRT_TRY_ASSIGN(PartitionProbe probe, PartitionProbe::create(partition, check.held + kGrace));
  ETRT_TRY(probe.fill());
  check.sms = probe.sms();
  if (partition.sm_count() < partition.device().sm_count()) {
    ETRT_TRY_ASSIGN(const bool others_run, probe.runs_outside());
    if (!others_run) {
      return Error(ErrorCode::kInvalidState,
                   "while the partition's SMs are full no other kernel runs on the GPU either, so that the check tells "
                   "nothing here: something runs kernels one at a time, as debuggers and sanitizers do");
    }
  }
  ETRT_TRY_ASSIGN(const bool finished, finishes_while_full(probe, run, check.held));
  ETRT_TRY(probe.finish());
  check.confined = !finished;
  check.finding =
      finished ? base::concat("the program finished while all SMs of its partition were full: its work ran elsewhere")
               : base::concat("while all SMs of its partition were full, for ", milliseconds(check.held),
                              ", the program did not finish; it did when they were free. Alone it takes ",
                              milliseconds(usual));
  return check;
}

bool is_probe(const TimelineSpan& span) {
  return span.name == base::concat("kernel ", kProbeKernel);
}

std::string where(const TimelineSpan& span) {
  const char* whole = span.partition == 0 ? " on a stream of the whole device" : " on a stream of another partition";
  return base::concat("'", span.name, "' ran", whole, ", on core ", span.core);
}

/// Tells from a recording of the probe and the program.
Status judge(const std::vector<TimelineSpan>& spans, PartitionCheck& check) {
  const auto probe = std::find_if(spans.begin(), spans.end(), is_probe);
  if (probe == spans.end()) return Error(ErrorCode::kInternal, "the timeline does not show the check's own kernel");
  std::set<int> cores;
  for (const unsigned sm : check.sms) cores.insert(process::Process::instance().devices().virtual_gpu().core_of(sm));
  std::size_t operations = 0;
  std::size_t strays = 0;
  std::string first;
  for (const TimelineSpan& span : spans) {
    if (is_probe(span)) continue;
    ++operations;
    const bool in_partition = span.partition == probe->partition;
    if (in_partition && cores.contains(span.core)) continue;
    if (strays++ == 0) {
      first = in_partition ? base::concat("'", span.name, "' ran on core ", span.core, ", which is not one of its SMs")
                           : where(span);
    }
  }
  if (operations == 0) {
    return Error(ErrorCode::kInvalidState, "the program put no work on the device of the partition");
  }
  check.confined = strays == 0;
  check.finding = strays == 0
                      ? base::concat("all ", operations, " operations of the program ran in its partition")
                      : base::concat(strays, " of ", operations,
                                     " operations of the program ran outside of its partition; the first: ", first);
  return {};
}

Result<PartitionCheck> check_by_timeline(const Partition& partition, const std::function<Status()>& run) {
  PartitionCheck check;
  ETRT_TRY(run());
  ETRT_TRY_ASSIGN(PartitionProbe probe, PartitionProbe::create(partition, kGrace));
  ETRT_TRY(partition.device().synchronize());
  ETRT_TRY_ASSIGN(Timeline timeline, Timeline::start(partition.device()));
  Status ran = probe.fill();
  if (ran.ok()) ran = run();
  // Work that the program left behind on other streams belongs to it as well.
  ETRT_TRY(partition.device().synchronize());
  const std::vector<TimelineSpan> spans = timeline.stop();
  ETRT_TRY(std::move(ran));
  check.sms = probe.sms();
  ETRT_TRY(judge(spans, check));
  return check;
}

}  // namespace

Result<PartitionCheck> check_partition(const Partition& partition, const std::function<Status()>& run,
                                       nanoseconds hold) {
  return partition.device().is_virtual() ? check_by_timeline(partition, run) : check_by_filling(partition, run, hold);
}

}  // namespace etrt::cli
