// Whether a program keeps state from call to call: what it reads before it has written it, in one call.

#include <gtest/gtest.h>

#include <program_facts/facts_of.h>

namespace etrt::test {
namespace {

using support::ProgramSpec;

/// x and y, one input and one output, and further tensors of the same shape, all planned in memory of their own.
struct Program : ProgramSpec::Method {
  explicit Program(std::size_t further) {
    tensors.assign(2 + further, {.sizes = {4}});
    inputs = {0};
    outputs = {1};
  }
  Program& call(const std::string& op, std::vector<std::int32_t> args, const std::string& overload = "out") {
    steps.push_back({.op = op, .args = std::move(args), .overload = overload});
    return *this;
  }
  Program& delegate(std::vector<std::int32_t> args) {
    if (delegates.empty()) delegates.push_back({.data = 0, .id = "XnnpackBackend"});
    steps.push_back({.args = std::move(args)});
    return *this;
  }
  Program& jump(std::int32_t target) {
    steps.push_back({.args = {0}, .jump_to = target});
    return *this;
  }
  Program& move(std::int32_t from, std::int32_t to) {
    steps.push_back({.args = {from, to}, .moves = true});
    return *this;
  }
  bool keeps_state() const { return facts_of(*this).keeps_state; }
};

constexpr std::int32_t kX = 0, kY = 1, kA = 2, kB = 3;

TEST(ProgramState, IsAbsentWhereEverythingIsWrittenFirst) {
  EXPECT_FALSE(Program(1).call("aten::relu", {kX, kA, kA}).call("aten::relu", {kA, kY, kY}).keeps_state());
}

TEST(ProgramState, IsABufferThatIsReadAndThenUpdatedByACopy) {
  EXPECT_TRUE(Program(2)
                  .call("aten::maximum", {kA, kX, kB, kB})
                  .call("aten::copy_", {kA, kB, kX, kA}, "")
                  .call("aten::relu", {kB, kY, kY})
                  .keeps_state());
}

TEST(ProgramState, IsABufferThatIsUpdatedInPlace) {
  EXPECT_TRUE(Program(1).call("aten::maximum", {kA, kX, kA, kA}).call("aten::relu", {kA, kY, kY}).keeps_state());
  EXPECT_TRUE(Program(1).call("aten::index_put_", {kA, kX, kX, kA}, "").call("aten::relu", {kA, kY, kY}).keeps_state());
}

TEST(ProgramState, IsNotABufferThatACopyOverwritesBeforeItIsRead) {
  EXPECT_FALSE(Program(1).call("aten::copy_", {kA, kX, kX, kA}, "").call("aten::relu", {kA, kY, kY}).keeps_state());
}

TEST(ProgramState, IsABufferWithInitialContents) {
  Program program(1);
  program.tensors[kA].constant = 1;
  program.tensors[kA].is_state = true;
  EXPECT_TRUE(program.call("aten::maximum", {kA, kX, kY, kY}).keeps_state());
}

TEST(ProgramState, IsNoConstant) {
  Program program(1);
  program.tensors[kA].constant = 1;
  EXPECT_FALSE(program.call("aten::maximum", {kA, kX, kY, kY}).keeps_state());
}

TEST(ProgramState, IsAConstantThatIsWritten) {
  Program program(1);
  program.tensors[kA].constant = 1;
  EXPECT_TRUE(program.call("aten::maximum", {kX, kX, kA, kA}).call("aten::relu", {kX, kY, kY}).keeps_state());
}

TEST(ProgramState, IsAnOutputThatNothingWrites) {
  EXPECT_TRUE(Program(1).call("aten::relu", {kX, kA, kA}).keeps_state());
}

TEST(ProgramState, IsUnplannedMemoryThatIsReadFirst) {
  Program program(0);
  program.tensors[kY].planned = false;
  EXPECT_TRUE(program.call("aten::maximum", {kX, kY, kY, kY}).keeps_state());
}

TEST(ProgramState, IsInTheElementsOfAList) {
  Program program(1);
  program.lists = {{-1, kA}};
  EXPECT_TRUE(program.call("aten::index", {kX, 3, kY, kY}, "Tensor_out").keeps_state());
}

// A delegate's call does not say which of its arguments it writes.

TEST(ProgramState, IsNotWhatADelegateGives) {
  EXPECT_FALSE(Program(2).delegate({kX, kA, kB}).call("aten::maximum", {kA, kB, kY, kY}).keeps_state());
}

TEST(ProgramState, IsABufferThatADelegateTakesBeforeAnotherInput) {
  EXPECT_TRUE(Program(1).delegate({kA, kX, kY}).keeps_state());
}

TEST(ProgramState, IsABufferThatADelegateTakesAndAKernelUpdates) {
  EXPECT_TRUE(Program(2).delegate({kX, kA, kB, kY}).call("aten::copy_", {kA, kB, kX, kA}, "").keeps_state());
}

// Jumps may skip what would have been written.

TEST(ProgramState, IsWhatOnlyOneBranchWrites) {
  EXPECT_TRUE(Program(1).jump(2).call("aten::relu", {kX, kA, kA}).call("aten::relu", {kA, kY, kY}).keeps_state());
}

TEST(ProgramState, IsNotWhatABranchWritesForItself) {
  EXPECT_FALSE(Program(1)
                   .call("aten::relu", {kX, kY, kY})
                   .jump(4)
                   .call("aten::relu", {kX, kA, kA})
                   .call("aten::relu", {kA, kY, kY})
                   .keeps_state());
}

TEST(ProgramState, IsNotWhatBothBranchesMoveToOnePlace) {
  Program program(3);
  constexpr std::int32_t kResult = 4;
  program.jump(4).call("aten::relu", {kX, kA, kA}).move(kA, kResult);
  program.jump(6).call("aten::abs", {kX, kB, kB}).move(kB, kResult);
  EXPECT_FALSE(program.call("aten::relu", {kResult, kY, kY}).keeps_state());
}

TEST(ProgramState, IsNotWhatEveryRoundOfALoopWritesFirst) {
  EXPECT_FALSE(Program(1).call("aten::relu", {kX, kA, kA}).call("aten::relu", {kA, kY, kY}).jump(1).keeps_state());
}

TEST(ProgramState, IsWhatALaterRoundOfALoopMayHaveLeft) {
  EXPECT_TRUE(Program(1).call("aten::relu", {kA, kY, kY}).call("aten::relu", {kX, kA, kA}).jump(0).keeps_state());
}

}  // namespace
}  // namespace etrt::test
