#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cli/packed.h>

namespace etrt::cli_test {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;

/// The same count in every call.
nlohmann::json exactly(int count) {
  return {{"least", count}, {"most", count}};
}

TEST(Bench, CountsOfBothExamplesAreGivenPerCall) {
  const Outcome outcome = run_etrt({"bench", "--counts", "--iterations", "20", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome;
  EXPECT_THAT(outcome.err, IsEmpty());
  const auto json = outcome.json();
  EXPECT_EQ(json["device"], "virtual:0");
  ASSERT_EQ(json["cases"].size(), 4u) << "two programs, without CUDA labels and with them";
  EXPECT_EQ(json["cases"][0]["inputs"], 1);
  EXPECT_EQ(json["cases"][2]["inputs"], 8);
  EXPECT_EQ(json["cases"][2]["outputs"], 8);
  for (const auto& one : json["cases"]) EXPECT_EQ(one["through"]["TensorRTBackend::execute()"]["calls"], 20);
}

TEST(Bench, ACallIsAnEnqueueARecordTwoChecksAndAQueryForEachUnlabelledTensor) {
  const auto json = run_etrt({"bench", "--counts", "--iterations", "20", "--json"}).json();
  ASSERT_TRUE(json.is_object());
  for (const auto& one : json["cases"]) {
    const int tensors = one["inputs"].get<int>() + one["outputs"].get<int>();
    const int queries = one["labelled_cuda"].get<bool>() ? 0 : tensors;
    const auto& call = one["through"]["TensorRTBackend::execute()"];
    EXPECT_EQ(call["driver_calls"], exactly(4 + queries)) << one["program"];
    nlohmann::json expected{{"cuLaunchKernel", exactly(1)},
                            {"cuEventRecord", exactly(1)},
                            {"cuCtxGetCurrent", exactly(1)},
                            {"cuStreamIsCapturing", exactly(1)}};
    if (queries > 0) expected["cuPointerGetAttributes"] = exactly(queries);
    EXPECT_EQ(call["by_entry_point"], expected) << one["program"];
  }
}

TEST(Bench, SteadyStateHasNoHostWaitNoRebindingAndNoNewShapes) {
  const auto json = run_etrt({"bench", "--counts", "--iterations", "20", "--json"}).json();
  ASSERT_TRUE(json.is_object());
  for (const auto& one : json["cases"]) {
    EXPECT_EQ(one["bindings_set"], exactly(0));
    EXPECT_EQ(one["shapes_set"], exactly(0));
    ASSERT_EQ(one["through"].size(), 4u);
    for (const auto& call : one["through"]) EXPECT_EQ(call["host_waits"], exactly(0));
  }
}

TEST(Bench, AllocationsAreCountedWhereTheHeapIsOurs) {
  const auto json = run_etrt({"bench", "--counts", "--iterations", "20", "--json"}).json();
  ASSERT_TRUE(json.is_object());
  for (const auto& one : json["cases"]) {
    const auto& calls = one["through"];
    if (!json["allocations_counted"]) {
      EXPECT_TRUE(calls["Module::execute()"]["heap_allocations"].is_null());
      continue;
    }
    EXPECT_EQ(calls["TensorRTBackend::execute()"]["heap_allocations"], exactly(0));
    EXPECT_EQ(calls["Method::execute()"]["heap_allocations"], exactly(0));
    EXPECT_GT(calls["Module::execute()"]["heap_allocations"]["least"], 0) << "ExecuTorch returns a vector";
  }
}

TEST(Bench, CountsAreATableToo) {
  const Outcome outcome =
      run_etrt({"bench", "--counts", "--iterations", "5", "--program", program("types_float32.pte")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome;
  for (const char* text :
       {"driver calls", "heap allocations", "host waits", "bindings set", "1+1 types_float32.pte", "cuEventRecord"}) {
    EXPECT_THAT(outcome.out, HasSubstr(text));
  }
}

TEST(Bench, TimesAreComparedWithinOneRun) {
  const Outcome outcome = run_etrt({"bench", "--iterations", "3", "--program", program("eight_io.pte"), "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome;
  const auto comparisons = outcome.json()["programs"][0]["comparisons"];
  ASSERT_EQ(comparisons.size(), 2u);
  for (const auto& comparison : comparisons) {
    ASSERT_GE(comparison["variants"].size(), 2u);
    EXPECT_EQ(comparison["variants"][0]["ratio"]["p50"], 1.0);
    for (const auto& variant : comparison["variants"]) {
      EXPECT_EQ(variant["time"]["count"], 3);
      EXPECT_GT(variant["time"]["p99_us"], 0);
    }
  }
}

TEST(Bench, TimesAreATableToo) {
  const Outcome outcome = run_etrt({"bench", "--iterations", "2", "--program", program("types_float32.pte")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome;
  EXPECT_THAT(outcome.out, HasSubstr("max_inflight=1"));
  EXPECT_THAT(outcome.out, HasSubstr("guard, device memory: until execute() returns       1.000"));
}

TEST(Bench, WhatCannotBeMeasuredIsAClearError) {
  const Outcome engine = run_etrt({"bench", "--counts", "--program", data("digits_tensorrt_rtx.pte")});
  EXPECT_EQ(engine.exit_code, 1);
  EXPECT_THAT(engine.err, HasSubstr("nothing in this program runs on virtual:0"));
  const Outcome none = run_etrt({"bench", "--program", "/none.pte"});
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_THAT(none.err, HasSubstr("cannot open '/none.pte'"));
  const Outcome gpu = run_etrt({"bench", "--counts", "--device", "cuda"});
  EXPECT_EQ(gpu.exit_code, 1);
  EXPECT_THAT(gpu.err, HasSubstr("hidden by ETRT_CUDA_LIBRARY=none"));
}

}  // namespace
}  // namespace etrt::cli_test
