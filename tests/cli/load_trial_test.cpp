// What cannot load is said by `etrt pack` and `etrt inspect`, in ExecuTorch's own words.

#include <cstring>
#include <filesystem>
#include <span>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <blob/blob.h>
#include <blob/blob_writer.h>
#include <cli/packed.h>
#include <etrt/pte.h>
#include <support/must.h>
#include <support/program_builder.h>

namespace etrt::cli_test {
namespace {

using support::must;
using support::ProgramSpec;
using testing::HasSubstr;

constexpr std::int8_t kFloat64 = 7;

/// y = op(x, w), which is of four elements.
ProgramSpec program_of(const std::string& op, ProgramSpec::Tensor weights = {.sizes = {4}}, std::int8_t type = 3) {
  ProgramSpec::Method method;
  method.tensors = {{.sizes = {4}, .type = type}, std::move(weights), {.sizes = {4}, .type = type}};
  method.inputs = {0};
  method.outputs = {2};
  method.steps = {{.op = op, .args = {0, 1, 2, 2}}};
  return {.methods = {method}};
}

ProgramSpec foreign_backend() {
  ProgramSpec program = program_of("aten::maximum");
  program.methods[0].delegates = {{.data = 1, .id = "QuantumBackend"}};
  program.methods[0].steps = {{.delegate = 0, .args = {0, 2}}};
  program.segments.push_back(ProgramSpec::Bytes(16));
  return program;
}

ProgramSpec external_weights() {
  return program_of("aten::maximum", {.sizes = {4}, .planned = false, .external = "layer.weight"});
}

/// Packs a file of that name, and gives how it went.
Outcome pack(const TemporaryDirectory& directory, const std::string& program,
             const std::vector<std::string>& options = {}) {
  std::vector<std::string> arguments{"pack", "--program", program, "-o", directory.path("packed.pte")};
  arguments.insert(arguments.end(), options.begin(), options.end());
  return run_etrt(arguments);
}

nlohmann::json method_of(const std::string& path) {
  return run_etrt({"inspect", path, "--json"}).json()["methods"][0];
}

TEST(LoadTrial, WhatAnApplicationMayHaveIsNamedAndPacked) {
  const TemporaryDirectory directory;
  const std::tuple<ProgramSpec, const char*, const char*> cases[] = {
      {program_of("aten::quantum_leap"), "this etrt lacks the operators aten::quantum_leap.out",
       "no kernels for aten::quantum_leap.out"},
      {foreign_backend(), "Backend QuantumBackend is not registered.", "no backend QuantumBackend"}};
  for (const auto& [program, alone, reason] : cases) {
    const std::string path = directory.file("program.pte", program.build());
    const Outcome inspect = run_etrt({"inspect", path});
    EXPECT_EQ(inspect.exit_code, 0) << inspect;
    EXPECT_THAT(inspect.out, HasSubstr(alone));
    EXPECT_EQ(method_of(path)["loads"], false);

    const Outcome packed = pack(directory, path);
    EXPECT_EQ(packed.exit_code, 0) << packed;
    EXPECT_THAT(packed.err, HasSubstr("note: payload 0 does not load in this etrt: "));
    EXPECT_THAT(packed.err, HasSubstr(reason));
    const auto blob = method_of(directory.path("packed.pte"))["delegates"][0]["blob"];
    EXPECT_EQ(blob["chosen"]["virtual:0"], nullptr);
    EXPECT_THAT(blob["payloads"][0]["devices"][0]["why_not"].get<std::string>(), HasSubstr(reason));
    const Outcome run = run_etrt({"run", directory.path("packed.pte")});
    EXPECT_EQ(run.exit_code, 1);
    EXPECT_THAT(run.err, HasSubstr(reason));
  }
}

TEST(LoadTrial, WhatNoProcessCouldLoadIsNotPacked) {
  const TemporaryDirectory directory;
  const std::pair<ProgramSpec, const char*> cases[] = {
      {program_of("aten::maximum", {.sizes = {4}, .type = kFloat64}, kFloat64), "element type Double"},
      {external_weights(), "its weights 'layer.weight' are in a .ptd file"}};
  for (const auto& [program, reason] : cases) {
    const Outcome packed = pack(directory, directory.file("program.pte", program.build()));
    EXPECT_EQ(packed.exit_code, 1) << packed;
    EXPECT_THAT(packed.err, HasSubstr("packed.pte': payload 0: "));
    EXPECT_THAT(packed.err, HasSubstr(reason));
    EXPECT_FALSE(std::filesystem::exists(directory.path("packed.pte")));
  }
}

TEST(LoadTrial, WeightsOfTheirOwnFileAreGivenByName) {
  const TemporaryDirectory directory;
  const std::string program = directory.file("program.pte", external_weights().build());
  const std::int32_t weights[] = {7, 7, 7, 7};
  const std::string data = directory.file(
      "weights.ptd", support::build_data_file("layer.weight", {.sizes = {4}}, std::as_bytes(std::span(weights))));
  const std::string out = directory.path("out");
  const Outcome without = run_etrt({"run", program});
  EXPECT_EQ(without.exit_code, 1);
  EXPECT_THAT(without.err, HasSubstr("--data"));
  EXPECT_EQ(run_etrt({"inspect", program, "--data", data, "--json"}).json()["methods"][0]["loads"], true);
  const Outcome run = run_etrt({"run", program, "--data", data, "--output-dir", out});
  ASSERT_EQ(run.exit_code, 0) << run;
  const auto array = read_bytes(out + "/0.npy");
  ASSERT_GE(array.size(), sizeof(weights));
  EXPECT_EQ(std::memcmp(array.data() + array.size() - sizeof(weights), weights, sizeof(weights)), 0)
      << "the larger of an input of 0 or 1 and 7";
  EXPECT_THAT(run_etrt({"run", program, "--data", directory.path("none")}).err, HasSubstr("cannot open"));
}

TEST(LoadTrial, InspectTellsWhatAProgramKeepsAndNeeds) {
  const TemporaryDirectory directory;
  const std::string external = directory.file("external.pte", external_weights().build());
  EXPECT_THAT(run_etrt({"inspect", external}).out, HasSubstr("external data (layer.weight)"));
  EXPECT_EQ(method_of(external)["external_data"][0], "layer.weight");
  ProgramSpec unknown = program_of("aten::quantum_leap");
  const std::string path = directory.file("unknown.pte", unknown.build());
  EXPECT_THAT(run_etrt({"inspect", path}).out, HasSubstr("data-dependent outputs (aten::quantum_leap.out)"));
  EXPECT_EQ(pack(directory, path).exit_code, 0);
  const auto blob = method_of(directory.path("packed.pte"))["delegates"][0]["blob"];
  EXPECT_EQ(blob["payloads"][0]["data_dependent"][0], "aten::quantum_leap.out");
  EXPECT_EQ(blob["payloads"][0]["keeps_state"], true) << "nobody knows what an unknown operator reads";
  EXPECT_EQ(method_of(program("types_float32.pte"))["keeps_state"], false);
  EXPECT_EQ(method_of(program("types_float32.pte"))["data_dependent"].size(), 0u);
}

TEST(LoadTrial, CompileSpecsThatFailAtLoadAreNotPacked) {
  const TemporaryDirectory directory;
  const std::string program = cli_test::program("types_float32.pte");
  for (const char* spec : {"max_inflight=many", "device=gpu", "tensorrt_library=/tmp/x.so", "warm_up=2by4"}) {
    const Outcome packed = pack(directory, program, {"--compile-spec", spec});
    EXPECT_EQ(packed.exit_code, 1) << packed;
    EXPECT_THAT(packed.err, HasSubstr("option '" + std::string(spec).substr(0, std::string(spec).find('=')) + "'"));
  }
  const Outcome unknown = pack(directory, program, {"--compile-spec", "refit_cache=1"});
  EXPECT_EQ(unknown.exit_code, 0) << unknown;
  EXPECT_THAT(unknown.err, HasSubstr("note: compile spec 'refit_cache' is unknown"));
  EXPECT_EQ(run_etrt({"run", directory.path("packed.pte")}).exit_code, 0);
}

/// A method that passes tensors of up to [64, 16] to a host program of that shape, behind a blob that says otherwise.
std::vector<std::byte> contradicting(const TemporaryDirectory& directory, std::vector<std::int64_t> shape,
                                     std::vector<std::int64_t> maximum) {
  std::vector<std::byte> file = read_bytes(packed(directory, program("add_one_dynamic.pte")));
  const auto info = must(pte::inspect(file));
  const pte::DelegateInfo& delegate = info.methods[0].delegates[0];
  const auto view =
      must(blob::BlobView::parse({static_cast<const std::byte*>(delegate.data.data), delegate.data.size}));
  blob::Metadata metadata = view.metadata();
  for (blob::Binding& binding : metadata.io_bindings) {
    binding.shape = shape;
    binding.min_shape.clear();
    binding.max_shape = maximum;
    binding.dim_order.clear();
  }
  const auto variant = view.variants().at(0);
  const blob::Payload payload{variant.kind, variant.target, view.payload(variant)};
  ProgramSpec::Method method;
  for (const pte::ValueInfo& value : delegate.arguments) {
    method.tensors.push_back({.sizes = value.tensor.sizes, .type = 6});
  }
  method.inputs = {0};
  method.outputs = {1};
  method.delegates = {{.data = 1}};
  method.steps = {{.delegate = 0, .args = {0, 1}}};
  return ProgramSpec{.methods = {method}, .segments = {{}, must(blob::write_blob(metadata, {}, {&payload, 1}))}}
      .build();
}

TEST(LoadTrial, MetadataThatContradictsTheProgramIsMalformed) {
  const TemporaryDirectory directory;
  const std::int64_t huge = INT64_MAX;
  const std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>> cases[] = {
      {{-1, -1, -1, -1}, {huge, huge, huge, huge}},
      {std::vector<std::int64_t>(16, -1), std::vector<std::int64_t>(16, 65536)},
      {{5, 7}, {}},
      {{-1, -1}, {32, 16}},
      {{5, 7, 9}, {}}};
  for (const auto& [shape, maximum] : cases) {
    const std::string path = directory.file("contradicting.pte", contradicting(directory, shape, maximum));
    const Outcome inspect = run_etrt({"inspect", path});
    EXPECT_EQ(inspect.exit_code, 1) << inspect;
    EXPECT_THAT(inspect.err, HasSubstr("method 'forward', delegate 0: binding 'input_0' is "));
    EXPECT_EQ(run_etrt({"run", path}).exit_code, 1);
  }
}

}  // namespace
}  // namespace etrt::cli_test
