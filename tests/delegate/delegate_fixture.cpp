#include <cstring>
#include <delegate_fixture.h>

#include <blob/blob_writer.h>
#include <process/process.h>
#include <support/environment.h>

namespace etrt::test {
namespace {

std::size_t product(const std::vector<std::int32_t>& sizes) {
  std::size_t count = 1;
  for (const std::int32_t size : sizes) count *= static_cast<std::size_t>(size);
  return count;
}

CUdeviceptr address(const void* pointer) {
  return reinterpret_cast<CUdeviceptr>(pointer);
}

}  // namespace

void copy_now(const Device& device, void* target, const void* source, std::size_t bytes) {
  if (bytes == 0) return;
  const cuda::Driver& driver = device.native().driver;
  const auto scope = must(cuda::CurrentContext::ensure(driver, device.native().ordinal, device.native().primary));
  EXPECT_THAT(driver.cuMemcpy(address(target), address(source), bytes), is_ok());
}

DeviceTensor::DeviceTensor(const Device& owner, std::vector<std::int32_t> sizes, std::int32_t value)
    : device(owner),
      count(product(sizes)),
      buffer(must(Buffer::on_device(device, count * sizeof(std::int32_t)))),
      tensor(std::move(sizes), buffer.data()) {
  const std::vector<std::int32_t> values(count, value);
  copy_now(device, buffer.data(), values.data(), buffer.size());
}

std::vector<std::int32_t> DeviceTensor::read() const {
  std::vector<std::int32_t> values(count);
  copy_now(device, values.data(), buffer.data(), buffer.size());
  return values;
}

HostTensor::HostTensor(std::vector<std::int32_t> sizes, std::int32_t value, TensorShapeDynamism dynamism)
    : values(product(sizes), value),
      tensor(std::move(sizes), values.data(), TestTensor::Kind{.type = ScalarType::Int, .dynamism = dynamism}) {}

void DelegateTest::SetUp() {
  auto opened = Device::open(GetParam());
  if (!opened.ok() && opened.error().code() == ErrorCode::kNotFound && !support::device_required("cuda")) {
    GTEST_SKIP() << opened.error().message();
  }
  device_ = must(std::move(opened));
  const cuda::Device& native = device_->native();
  ASSERT_THAT(native.driver.cuCtxSetCurrent(native.primary), is_ok());
  const void* image = native.is_virtual ? support::vgpu_kernels() : support::kKernelsPtx;
  kernels_.emplace(must(support::KernelLibrary::load(native.driver, image)));
  gates_ = native.is_virtual ? support::create_host_gates(native.driver)
                             : must(support::create_kernel_gates(native.driver, *kernels_));
  if (native.is_virtual) static_cast<void>(process::Process::instance().devices().virtual_gpu().take_order_reports());
  // What earlier tests left idle would go in the middle of this one.
  process::Process::instance().memory().of(native).trim();
  before_ = support::kernel_engine_counts();
  hook().faults.clear();
  hook().counter.reset();
}

void DelegateTest::TearDown() {
  hook().faults.clear();
  if (!before_) return;
  const auto after = support::kernel_engine_counts();
  if (!abandons_expected_) {
    EXPECT_EQ(after.engines_alive, before_->engines_alive) << "an engine was leaked";
    EXPECT_EQ(after.contexts_alive, before_->contexts_alive) << "an execution context was leaked";
  }
  CUcontext current = nullptr;
  EXPECT_THAT(driver().cuCtxGetCurrent(&current), is_ok());
  EXPECT_EQ(current, device().native().primary) << "the test's context was not restored";
  EXPECT_THAT(driver().cuCtxSynchronize(), is_ok());
  gates_.reset();
  kernels_.reset();
  if (!device().is_virtual() || order_reports_expected_) return;
  for (const auto& report : process::Process::instance().devices().virtual_gpu().take_order_reports()) {
    ADD_FAILURE() << "the order checker found: " << report.message;
  }
}

DelegateTest::Held DelegateTest::held_by_virtual_gpu() {
  const auto& gpu = process::Process::instance().devices().virtual_gpu();
  return {gpu.live_allocations(), gpu.live_handles()};
}

std::optional<Device> DelegateTest::second_device() const {
  auto opened = Device::open(device().is_virtual() ? "virtual:1" : "cuda:1");
  if (!opened.ok()) return std::nullopt;
  return must(std::move(opened));
}

std::vector<std::byte> DelegateTest::blob_of(const KernelPlan& plan,
                                             const std::vector<blob::AliasedIo>& aliases) const {
  blob::Metadata metadata;
  for (const auto& input : plan.inputs) metadata.io_bindings.push_back({.name = input.name, .is_input = true});
  for (const auto& output : plan.outputs) {
    blob::Binding binding{.name = output.name, .is_input = false};
    if (output.data_dependent) {
      const auto& bound = plan.inputs[output.of].maximum;
      binding.max_shape.assign(bound.begin(), bound.end());
      binding.min_shape.assign(bound.size(), 0);
      binding.shape.assign(bound.size(), -1);
    }
    metadata.io_bindings.push_back(binding);
  }
  metadata.aliased_io = aliases;
  const auto bytes = plan.serialize();
  const blob::Payload payload{support::kKernelEngineKind, "anywhere", bytes};
  return must(blob::write_blob(metadata, {}, {&payload, 1}));
}

Result<std::unique_ptr<delegate::Handle>> DelegateTest::try_load(const std::vector<std::byte>& blob,
                                                                 delegate::Options options) const {
  options.device = GetParam();
  return delegate::Handle::create(blob, options);
}

std::unique_ptr<delegate::Handle> DelegateTest::load(const KernelPlan& plan, delegate::GraphMode mode) const {
  delegate::Options options;
  options.cuda_graph = mode;
  return must(try_load(blob_of(plan), options));
}

std::unique_ptr<delegate::Handle> DelegateTest::load(const KernelPlan& plan, int max_inflight) const {
  delegate::Options options;
  options.max_inflight = max_inflight;
  return must(try_load(blob_of(plan), options));
}

cuda::GraphExec DelegateTest::capture(const Stream& stream, const std::function<void()>& body) const {
  begin_capture(stream);
  body();
  return must(cuda::create_graph_exec(driver(), end_capture(stream)));
}

void DelegateTest::begin_capture(const Stream& stream) const {
  EXPECT_THAT(driver().cuStreamBeginCapture(stream.get(), CU_STREAM_CAPTURE_MODE_GLOBAL), is_ok());
}

cuda::Graph DelegateTest::end_capture(const Stream& stream) const {
  CUgraph graph = nullptr;
  EXPECT_THAT(driver().cuStreamEndCapture(stream.get(), &graph), is_ok()) << "the capture was not left valid";
  return cuda::Graph(driver(), graph);
}

Status DelegateTest::execute(delegate::Handle& handle, std::vector<EValue*> arguments) {
  return handle.execute({arguments.data(), arguments.size()});
}

}  // namespace etrt::test
