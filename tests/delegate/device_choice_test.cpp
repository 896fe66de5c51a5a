// Which device runs a program: what "auto" means, what follows when a GPU refuses, and where labelled memory goes.

#include <module_fixture.h>

#include <executorch/extension/data_loader/buffer_data_loader.h>

#include <blob/blob_writer.h>
#include <blob/format.h>
#include <delegate/load/device_choice.h>
#include <delegate/log_lines.h>
#include <etrt/options.h>
#include <process/process.h>

namespace etrt::test {
namespace {

namespace et = executorch::runtime;
using delegate::choose_payload;
using delegate::Fallback;
using ::testing::HasSubstr;
using Values = std::vector<std::int32_t>;

/// The virtual GPU's two devices, in a process where "auto" means them.
class DeviceChoice : public ModuleTest {
 protected:
  void SetUp() override {
    ModuleTest::SetUp();
    if (!IsSkipped() && process::Process::instance().devices().why_no_cuda().empty())
      GTEST_SKIP() << "\"auto\" is a GPU here";
  }

  static std::vector<std::byte> adding_on(std::int32_t device_id, std::uint32_t add = 1) {
    KernelPlan plan = KernelPlan::fixed(1, {16});
    plan.outputs[0].add = add;
    const auto bytes = plan.serialize();
    const blob::Payload payload{support::kKernelEngineKind, "anywhere", bytes};
    return must(blob::write_blob(metadata_of(plan, device_id), {}, {&payload, 1}));
  }

  static blob::Metadata metadata_of(const KernelPlan& plan, std::int32_t device_id = 0) {
    blob::Metadata metadata;
    metadata.device_id = device_id;
    metadata.io_bindings = {{.name = plan.inputs[0].name, .is_input = true},
                            {.name = plan.outputs[0].name, .is_input = false}};
    return metadata;
  }

  /// x to the device of that label, plus 1, and back.
  static Program labelled(std::int8_t label, std::int32_t device_id) {
    Program::Method method;
    method.tensors = {{.sizes = {16}},
                      {.sizes = {16}, .cuda = true, .cuda_device = label},
                      {.sizes = {16}, .cuda = true, .cuda_device = label},
                      {.sizes = {16}}};
    method.inputs = {0};
    method.outputs = {3};
    method.delegates = {{.data = 1, .compile_specs = {{"target_device", "cuda:" + std::to_string(label)}}}};
    method.steps = {support::to_device(0, 1), {.delegate = 0, .args = {1, 2}}, support::to_host(2, 3)};
    return {.methods = {method}, .segments = {{}, adding_on(device_id)}};
  }

  static std::unique_ptr<Module> module_of(const std::vector<std::byte>& file) {
    return std::make_unique<Module>(
        std::make_unique<executorch::extension::BufferDataLoader>(file.data(), file.size()));
  }

  /// Loads the program for "virtual:1", whatever it says itself.
  static et::Error load_on_second(Module& module) {
    et::BackendOptions<1> options;
    options.set_option(kOptionDevice, "virtual:1");
    et::LoadBackendOptionsMap map;
    EXPECT_EQ(map.set_options(kBackendId, options.view()), et::Error::Ok);
    EXPECT_EQ(module.load(map), et::Error::Ok);
    return module.load_method("forward");
  }
};
INSTANTIATE_TEST_SUITE_P(On, DeviceChoice, ::testing::Values("virtual:0"),
                         [](const auto&) { return std::string("virtual"); });

TEST_P(DeviceChoice, AutoIsTheDeviceThatTheBlobNames) {
  for (const int device_id : {0, 1}) {
    const auto handle = delegate::Handle::create(adding_on(device_id), {});
    ASSERT_THAT(handle, is_ok());
    EXPECT_EQ((*handle)->device().label, "virtual:" + std::to_string(device_id));
  }
}

TEST_P(DeviceChoice, TheOptionComesBeforeTheBlobsDevice) {
  const auto handle = try_load(adding_on(1));
  ASSERT_THAT(handle, is_ok());
  EXPECT_EQ((*handle)->device().label, "virtual:0");
}

TEST_P(DeviceChoice, ABlobsDeviceThatTheProcessLacksIsAnErrorThatSaysSo) {
  const auto handle = delegate::Handle::create(adding_on(7), {});
  ASSERT_THAT(handle, fails_with(ErrorCode::kNotFound));
  for (const char* part : {"device_id", "virtual:7 is not there", "option 'device'"}) {
    EXPECT_THAT(handle.error().message(), HasSubstr(part));
  }
}

TEST_P(DeviceChoice, AProgramLabelledForASecondDeviceRunsThere) {
  const auto file = labelled(1, 1).build();
  const auto module = module_of(file);
  ASSERT_EQ(module->load_method("forward"), et::Error::Ok);
  EXPECT_EQ(run(*module, 1), Values(16, 2));
}

TEST_P(DeviceChoice, APipelineOverTwoDevicesNeedsNoOptions) {
  Program::Method method;
  method.tensors = {{.sizes = {16}}, {.sizes = {16}}, {.sizes = {16}}};
  method.inputs = {0};
  method.outputs = {2};
  method.delegates = {{.data = 1, .compile_specs = {{"target_device", "cuda:0"}}},
                      {.data = 2, .compile_specs = {{"target_device", "cuda:1"}}}};
  method.steps = {{.delegate = 0, .args = {0, 1}}, {.delegate = 1, .args = {1, 2}}};
  const auto file = Program{.methods = {method}, .segments = {{}, adding_on(0, 1), adding_on(1, 10)}}.build();
  const auto module = module_of(file);
  ASSERT_EQ(module->load_method("forward"), et::Error::Ok);
  EXPECT_EQ(run(*module, 1), Values(16, 12));
}

TEST_P(DeviceChoice, UnderAGuardALabelledProgramHasItsMemoryOnTheGuardsDevice) {
  const Stream second = must(Stream::create(must(Device::open("virtual:1"))));
  const auto file = labelled(0, 0).build();
  const auto module = module_of(file);
  const StreamGuard guard(second.get());
  ASSERT_EQ(load_on_second(*module), et::Error::Ok);
  EXPECT_EQ(run(*module, 1), Values(16, 2));
}

TEST_P(DeviceChoice, MemoryPlannedOnAnotherDeviceThanTheProgramsIsRefusedAtLoad) {
  const auto file = labelled(0, 0).build();
  const auto refused = module_of(file);
  EXPECT_EQ(load_on_second(*refused), et::Error::InvalidArgument);
  // What that load planned says nothing of the next one's memory.
  Program plain = labelled(0, 0);
  for (auto& tensor : plain.methods[0].tensors) tensor.cuda = false;
  plain.methods[0].steps = {{.delegate = 0, .args = {0, 3}}};
  const auto plain_file = plain.build();
  const auto module = module_of(plain_file);
  ASSERT_EQ(load_on_second(*module), et::Error::Ok);
  EXPECT_EQ(run(*module, 1), Values(16, 2));
}

/// The virtual GPU in the part of a GPU: host programs are not for it.
class DeviceChoiceOfAGpu : public DeviceChoice {
 protected:
  void SetUp() override {
    DeviceChoice::SetUp();
    if (!IsSkipped()) gpu_.emplace(must(cuda::Device::open(driver(), 0, false)));
  }
  void TearDown() override {
    gpu_.reset();
    DeviceChoice::TearDown();
  }

  /// Engines for elsewhere, and a host program if there is to be one.
  std::vector<std::byte> program_of(bool has_engine, bool has_program) const {
    const auto plan = KernelPlan::fixed(1, {16});
    const auto bytes = plan.serialize();
    std::vector<blob::Payload> payloads;
    if (has_engine) payloads.push_back({support::kKernelEngineKind, "nowhere", bytes});
    if (has_program) payloads.push_back({std::string(blob::kVariantProgram), "host", bytes});
    return must(blob::write_blob(metadata_of(plan), {}, payloads));
  }

  Result<delegate::DeviceChoice> choose(const std::vector<std::byte>& bytes, delegate::Options options = {}) const {
    const auto blob = must(blob::BlobView::parse(bytes));
    auto chosen = choose_payload(blob, options, *gpu_);
    if (!chosen.ok()) return std::move(chosen).error();
    label_ = chosen->device->label;
    return chosen;
  }

  std::optional<cuda::Device> gpu_;
  mutable std::string label_;
};
INSTANTIATE_TEST_SUITE_P(On, DeviceChoiceOfAGpu, ::testing::Values("virtual:0"),
                         [](const auto&) { return std::string("virtual"); });

TEST_P(DeviceChoiceOfAGpu, ThatRefusedEveryEngineIsAnErrorThatNamesTheOption) {
  const auto chosen = choose(program_of(true, true));
  ASSERT_THAT(chosen, fails_with(ErrorCode::kIncompatible));
  for (const char* part : {"nothing in this program runs on cuda:0", "it is for nowhere", "option 'fallback' = virtual",
                           "a host program for host"}) {
    EXPECT_THAT(chosen.error().message(), HasSubstr(part));
  }
  const auto no_program = choose(program_of(true, false));
  ASSERT_THAT(no_program, fails_with(ErrorCode::kIncompatible));
  EXPECT_THAT(no_program.error().message(), ::testing::Not(HasSubstr("fallback"))) << "it would not help";
}

TEST_P(DeviceChoiceOfAGpu, FallsBackToTheVirtualGpuWhenToldSo) {
  delegate::Options options;
  options.fallback = Fallback::kVirtual;
  ASSERT_THAT(choose(program_of(true, true), options), is_ok());
  EXPECT_EQ(label_, "virtual:0");
  EXPECT_THAT(choose(program_of(true, false), options), fails_with(ErrorCode::kIncompatible));
}

TEST_P(DeviceChoiceOfAGpu, LeavesAProgramWithoutAnyEngineToTheVirtualGpu) {
  ASSERT_THAT(choose(program_of(false, true)), is_ok());
  EXPECT_EQ(label_, "virtual:0");
  delegate::Options options;
  options.device = "cuda:0";
  EXPECT_THAT(choose(program_of(false, true), options), fails_with(ErrorCode::kIncompatible)) << "asked for by name";
}

TEST(LogLines, HoldAllOfAMessageWhateverItsLength) {
  const auto joined = [](const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) {
      EXPECT_LE(line.size(), delegate::kLogLine);
      text += line.starts_with(delegate::kLogContinues) ? line.substr(delegate::kLogContinues.size()) : line;
    }
    return text;
  };
  for (const std::size_t size : {0u, 1u, 230u, 237u, 238u, 239u, 500u, 4000u}) {
    std::string sentences;
    while (sentences.size() < size) sentences += "a payload is not for this device; ";
    for (const std::string& text : {sentences.substr(0, size), std::string(size, 'x')}) {
      EXPECT_EQ(joined(delegate::to_log_lines("init", text)), "TensorRTBackend::init: " + text);
    }
  }
  std::string umlauts;
  while (umlauts.size() < 1000) umlauts += "ä";
  const auto lines = delegate::to_log_lines("init", umlauts);
  EXPECT_EQ(joined(lines), "TensorRTBackend::init: " + umlauts);
  for (const std::string& line : lines) EXPECT_NE(static_cast<unsigned char>(line.back()), 0xC3u) << "half a character";
}

}  // namespace
}  // namespace etrt::test
