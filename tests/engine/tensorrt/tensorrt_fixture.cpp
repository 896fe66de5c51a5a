#include <dlfcn.h>
#include <stdexcept>
#include <tensorrt/tensorrt_fixture.h>

#include <executorch/runtime/platform/runtime.h>

#include <support/library_path.h>

namespace etrt::engine::tensorrt {

std::string fake_library(const std::string& name) {
  return support::library_path("libfake_nvinfer_" + name + ".so");
}

// Never destroyed, as in a process: the libraries may be unloading when static objects are.
LibrarySearch& libraries() {
  static auto* const search = new LibrarySearch({});
  return *search;
}

const TensorRtLoader& fake_loader() {
  static const auto* const loader = new TensorRtLoader(Product::kTensorRt, &fake::adapter(), libraries());
  return *loader;
}

etrt::fake::State& state_of(const std::string& library) {
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) throw std::runtime_error(dlerror());
  return *reinterpret_cast<etrt::fake::GetState>(dlsym(handle, "etrt_fake_nvinfer_state"))();
}

etrt::fake::Plan fixed_plan(std::vector<std::int64_t> dims, std::size_t outputs) {
  etrt::fake::Plan plan;
  plan.inputs.push_back({.name = "x", .dims = std::move(dims)});
  for (std::size_t i = 0; i < outputs; ++i) {
    plan.outputs.push_back({.name = "y" + std::to_string(i), .add = static_cast<std::uint32_t>(i + 1)});
  }
  return plan;
}

etrt::fake::Plan open_plan(const std::vector<Ends>& profiles) {
  etrt::fake::Plan plan;
  plan.profiles = static_cast<int>(profiles.size());
  auto& input = plan.inputs.emplace_back();
  input.name = "x";
  input.dims.assign(profiles[0].minimum.size(), -1);
  for (const Ends& ends : profiles) input.profiles.push_back({ends.minimum, ends.minimum, ends.maximum});
  plan.outputs.push_back({.name = "y", .add = 1});
  return plan;
}

void TensorRtTest::SetUp() {
  ContextFixture::SetUp();
  if (IsSkipped() || HasFatalFailure()) return;
  executorch::runtime::runtime_init();
  state_ = &state_of(kFakeLibrary);
  state_->driver = &driver();
  state_->kernel_image = provider().kernel_image();
  decorated_.emplace(driver(), calls_);
  device_.emplace(must(cuda::Device::open(decorated_->table(), 0, GetParam().name == "vgpu")));
  stream_.emplace(create_stream());
}

void TensorRtTest::TearDown() {
  if (ready()) {
    EXPECT_EQ(state().engines_alive, 0) << "an engine was left";
    EXPECT_EQ(state().contexts_alive, 0) << "a context was left";
    stream_.reset();
    device_.reset();
  }
  ContextFixture::TearDown();
}

Result<std::unique_ptr<Engine>> TensorRtTest::try_load(const etrt::fake::Plan& plan, EngineOptions options) const {
  if (options.tensorrt_library.empty()) options.tensorrt_library = kFakeLibrary;
  return fake_loader().load(cuda_device(), plan.serialize(), options);
}

DeviceBuffer TensorRtTest::filled(std::uint32_t count, std::uint32_t value) const {
  DeviceBuffer buffer(driver(), count);
  buffer.write(std::vector<std::uint32_t>(count, value));
  return buffer;
}

Status TensorRtTest::run(ExecutionContext& context) const {
  auto enqueued = context.enqueue(stream_->get());
  EXPECT_THAT(synchronize(*stream_), is_ok());
  return enqueued;
}

}  // namespace etrt::engine::tensorrt
