// What a program's file tells of itself: operators, backends, data that it lacks, shapes that depend on data.

#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <program_facts/facts_of.h>

namespace etrt::test {
namespace {

using program_facts::MethodFacts;
using support::ProgramSpec;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::byte> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

MethodFacts facts_of_file(const std::string& path) {
  const auto facts = program_facts::read(read_file(path));
  EXPECT_TRUE(facts.ok()) << path << ": " << facts.error().message();
  if (!facts.ok() || facts->entry() == nullptr) return {};
  return *facts->entry();
}

const std::string kPrograms = ETRT_TEST_DATA "/programs/";

TEST(ProgramFacts, NameOperatorsAndBackendsInOrderOnceEach) {
  EXPECT_THAT(facts_of_file(kPrograms + "kv_step.pte").operators,
              ElementsAre("aten::unsqueeze_copy.out", "aten::index_put.out", "aten::sum.IntList_out"));
  EXPECT_THAT(facts_of_file(kPrograms + "xnnpack_linear.pte").backends, ElementsAre("XnnpackBackend"));
}

TEST(ProgramFacts, AreOfTheMethodThatRunsWhenNested) {
  const auto facts = program_facts::read(read_file(kPrograms + "two_methods.pte"));
  ASSERT_TRUE(facts.ok());
  ASSERT_EQ(facts->methods.size(), 2u);
  EXPECT_EQ(facts->entry()->name, "forward");
  EXPECT_EQ(facts->find("double")->name, "double");
  EXPECT_EQ(facts->find("none"), nullptr);
}

TEST(ProgramFacts, ExportedProgramsWithoutStateAreKnownAsSuch) {
  for (const char* name :
       {"add_one_dynamic", "channels_last", "data_dependent", "eight_io", "fails_at_run", "kv_step", "many_io",
        "no_tensor_input", "scalar", "slow", "two_dynamic", "types_float16", "unplanned_io", "xnnpack_linear"}) {
    EXPECT_FALSE(facts_of_file(kPrograms + name + ".pte").keeps_state) << name;
  }
  for (const char* name : {"digits_portable", "digits_xnnpack"}) {
    const MethodFacts facts = facts_of_file(ETRT_EXAMPLES "/digits/" + std::string(name) + ".pte");
    EXPECT_FALSE(facts.keeps_state) << name;
    EXPECT_THAT(facts.data_dependent, IsEmpty()) << name;
  }
  EXPECT_FALSE(facts_of_file(ETRT_TEST_DATA "/decode_step.pte").keeps_state);
}

TEST(ProgramFacts, ShapesDependOnDataWhereAMaskChooses) {
  EXPECT_THAT(facts_of_file(kPrograms + "data_dependent.pte").data_dependent, ElementsAre("aten::index.Tensor_out"));
}

/// y = x[indices], for indices of one element type.
MethodFacts indexing(std::int8_t type) {
  ProgramSpec::Method method;
  method.tensors = {{.sizes = {4}}, {.sizes = {4}, .type = type}, {.sizes = {4}, .dynamic = true}};
  method.lists = {{-1, 1}};
  method.inputs = {0, 1};
  method.outputs = {2};
  method.steps = {{.op = "aten::index", .args = {0, 3, 2, 2}, .overload = "Tensor_out"}};
  return facts_of(method);
}

TEST(ProgramFacts, IndicesThatAreNumbersDecideNoShape) {
  EXPECT_THAT(indexing(4).data_dependent, IsEmpty());
  EXPECT_THAT(indexing(11).data_dependent, ElementsAre("aten::index.Tensor_out"));
  EXPECT_THAT(indexing(0).data_dependent, ElementsAre("aten::index.Tensor_out"));
}

MethodFacts calling(const std::string& op, const std::string& overload) {
  ProgramSpec::Method method;
  method.tensors = {{.sizes = {4}}, {.sizes = {4}, .dynamic = true}};
  method.inputs = {0};
  method.outputs = {1};
  method.steps = {{.op = op, .args = {0, 1, 1}, .overload = overload}};
  return facts_of(method);
}

TEST(ProgramFacts, ShapesMayDependOnDataForOperatorsThatSayOrThatNobodyKnows) {
  EXPECT_THAT(calling("aten::nonzero", "out").data_dependent, ElementsAre("aten::nonzero.out"));
  EXPECT_THAT(calling("aten::_local_scalar_dense", "").data_dependent, ElementsAre("aten::_local_scalar_dense"));
  EXPECT_THAT(calling("mine::detect", "out").data_dependent, ElementsAre("mine::detect.out"));
  EXPECT_THAT(calling("aten::unique2", "out").data_dependent, ElementsAre("aten::unique2.out"));
  EXPECT_THAT(calling("aten::relu", "out").data_dependent, IsEmpty());
  EXPECT_THAT(calling("executorch_prim::et_view", "default").data_dependent, IsEmpty());
  EXPECT_THAT(calling("dim_order_ops::_to_dim_order_copy", "out").data_dependent, IsEmpty());
  EXPECT_THAT(calling("llama::custom_sdpa", "out").data_dependent, IsEmpty());
}

TEST(ProgramFacts, TellOfQuantizedOperators) {
  const MethodFacts facts = calling("quantized_decomposed::quantize_per_tensor", "out");
  EXPECT_THAT(facts.quantized_operators(), ElementsAre("quantized_decomposed::quantize_per_tensor.out"));
  EXPECT_THAT(facts.data_dependent, IsEmpty());
  EXPECT_THAT(calling("aten::relu", "out").quantized_operators(), IsEmpty());
}

TEST(ProgramFacts, NameDataThatTheFileLacks) {
  ProgramSpec::Method method;
  method.tensors = {{.sizes = {4}},
                    {.sizes = {4}, .planned = false, .external = "linear.weight"},
                    {.sizes = {4}, .planned = false, .external = "linear.bias"},
                    {.sizes = {4}, .planned = false, .external = "linear.weight"},
                    {.sizes = {4}}};
  method.inputs = {0};
  method.outputs = {4};
  method.steps = {{.op = "aten::maximum", .args = {0, 1, 4, 4}}};
  const MethodFacts facts = facts_of(method);
  EXPECT_THAT(facts.external_data, ElementsAre("linear.weight", "linear.bias"));
  EXPECT_FALSE(facts.keeps_state) << "what is outside of the file is constant all the same";
}

TEST(ProgramFacts, AreReadAtAnyAddress) {
  const auto intact = read_file(kPrograms + "kv_step.pte");
  std::vector<std::byte> shifted(intact.size() + 1);
  std::memcpy(shifted.data() + 1, intact.data(), intact.size());
  const auto facts = program_facts::read(std::span(shifted).subspan(1));
  ASSERT_TRUE(facts.ok()) << facts.error().message();
  EXPECT_EQ(facts->entry()->operators.size(), 3u);
}

TEST(ProgramFacts, IndicesOutOfRangeAreErrors) {
  ProgramSpec::Method method;
  method.tensors = {{.sizes = {4}}};
  for (const ProgramSpec::Step& step : {ProgramSpec::Step{.op = "aten::relu", .args = {0, 9, 9}},
                                        {.op = "aten::relu", .args = {0, -1}},
                                        {.args = {7}, .jump_to = 0},
                                        {.args = {0}, .jump_to = 5},
                                        {.args = {0, 8}, .moves = true},
                                        {.delegate = 3}}) {
    method.steps = {step};
    const auto facts = program_facts::read(ProgramSpec{.methods = {method}}.build());
    ASSERT_FALSE(facts.ok());
    EXPECT_EQ(facts.error().code(), ErrorCode::kInvalidData);
  }
}

TEST(ProgramFacts, OfBytesThatAreNoProgramAreErrors) {
  const auto intact = read_file(kPrograms + "kv_step.pte");
  for (std::size_t size = 0; size < intact.size(); size += 7) {
    EXPECT_FALSE(program_facts::read(std::span(intact).first(size)).ok() && size < 200) << size;
  }
  EXPECT_FALSE(program_facts::read(std::vector<std::byte>(300, std::byte{0x5a})).ok());
}

TEST(ProgramFacts, FlippedBitsAreAnErrorOrAnAnswer) {
  for (const char* name : {"data_dependent", "xnnpack_linear", "many_io"}) {
    const auto intact = read_file(kPrograms + name + ".pte");
    std::mt19937 random(1);
    for (int i = 0; i < 3000; ++i) {
      auto flipped = intact;
      const std::size_t bit = random() % (std::min<std::size_t>(flipped.size(), 2000) * 8);
      flipped[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
      const auto facts = program_facts::read(flipped);
      EXPECT_TRUE(facts.ok() || !facts.error().message().empty());
    }
  }
}

}  // namespace
}  // namespace etrt::test
