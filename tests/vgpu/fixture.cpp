#include <sched.h>

#include <vgpu/fixture.h>

namespace etrt::vgpu::test {
namespace {

void run_add_one(const BlockContext& block, const std::byte* parameters) {
  const auto& arguments = *reinterpret_cast<const AddOne*>(parameters);
  auto* words = static_cast<std::uint32_t*>(block.memory(arguments.data));
  for (std::uint64_t i = block.block_index(); i < arguments.count; i += block.block_count()) words[i] += 1;
}

void declare_add_one(const std::byte* parameters, AccessSink& accesses) {
  const auto& arguments = *reinterpret_cast<const AddOne*>(parameters);
  accesses.read(arguments.data, arguments.count * 4);
  accesses.write(arguments.data, arguments.count * 4);
}

void run_nothing(const BlockContext&, const std::byte*) {}

void run_places(const BlockContext& block, const std::byte* parameters) {
  const auto& arguments = *reinterpret_cast<const Places*>(parameters);
  auto* words = static_cast<std::uint32_t*>(block.memory(arguments.out)) + 2 * block.block_index();
  words[0] = block.sm_id();
  words[1] = static_cast<std::uint32_t>(sched_getcpu());
}

constexpr std::size_t kAddOneSizes[] = {sizeof(CUdeviceptr), sizeof(std::uint64_t)};
constexpr std::size_t kPlacesSizes[] = {sizeof(CUdeviceptr)};

const Kernel kKernels[] = {
    {"add_one", run_add_one, declare_add_one, kAddOneSizes},
    {"name_words", run_nothing, declare_add_one, kAddOneSizes},
    {"places", run_places, nullptr, kPlacesSizes},
};

}  // namespace

const ModuleImage& test_image() {
  static const ModuleImage image{{'V', 'G', 'P', 'U', 'M', 'O', 'D', '1'}, kKernels};
  return image;
}

HostGate::HostGate(const cuda::Driver& driver, CUstream stream) : state_(std::make_shared<State>()) {
  auto held = std::make_unique<std::shared_ptr<State>>(state_);
  EXPECT_EQ(driver.cuLaunchHostFunc(stream, &HostGate::run, held.get()), CUDA_SUCCESS);
  static_cast<void>(held.release());  // `run` takes it back.
}

HostGate::~HostGate() {
  open();
}

void CUDA_CB HostGate::run(void* argument) {
  const std::unique_ptr<std::shared_ptr<State>> held(static_cast<std::shared_ptr<State>*>(argument));
  State& state = **held;
  std::unique_lock lock(state.mutex);
  state.reached = true;
  state.changed.notify_all();
  state.changed.wait(lock, [&] { return state.opened; });
}

void HostGate::open() {
  const std::lock_guard lock(state_->mutex);
  state_->opened = true;
  state_->changed.notify_all();
}

void HostGate::wait_until_reached() {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [&] { return state_->reached; });
}

Standstill::Standstill(const cuda::Driver& driver, std::vector<CUstream> streams)
    : driver_(driver), streams_(std::move(streams)) {
  for (const CUstream stream : streams_) gates_.push_back(std::make_unique<HostGate>(driver, stream));
}

Standstill::~Standstill() {
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    gates_[i]->open();
    EXPECT_EQ(driver_.cuStreamSynchronize(streams_[i]), CUDA_SUCCESS);
  }
}

Config VgpuTest::checked_config() {
  Config config;
  config.sm_count = 8;
  config.memory_bytes = std::size_t{64} << 20;
  config.check_order = true;
  return config;
}

VgpuTest::VgpuTest(const Config& config) : gpu_(std::make_unique<VirtualGpu>(config)) {
  EXPECT_EQ(driver().cuInit(0), CUDA_SUCCESS);
  EXPECT_EQ(driver().cuDevicePrimaryCtxRetain(&primary_, 0), CUDA_SUCCESS);
  EXPECT_EQ(driver().cuCtxSetCurrent(primary_), CUDA_SUCCESS);
  EXPECT_EQ(driver().cuModuleLoadData(&module_, &test_image()), CUDA_SUCCESS);
}

VgpuTest::~VgpuTest() {
  for (const auto& report : reports()) ADD_FAILURE() << "unexpected order report: " << report.message;
}

CUstream VgpuTest::make_stream(unsigned flags) {
  CUstream stream = nullptr;
  EXPECT_EQ(driver().cuStreamCreate(&stream, flags), CUDA_SUCCESS);
  return stream;
}

CUevent VgpuTest::make_event(unsigned flags) {
  CUevent event = nullptr;
  EXPECT_EQ(driver().cuEventCreate(&event, flags), CUDA_SUCCESS);
  return event;
}

CUdeviceptr VgpuTest::make_buffer(std::size_t bytes) {
  CUdeviceptr address = 0;
  EXPECT_EQ(driver().cuMemAlloc(&address, bytes), CUDA_SUCCESS);
  return address;
}

void* VgpuTest::make_pinned(std::size_t bytes) {
  void* memory = nullptr;
  EXPECT_EQ(driver().cuMemHostAlloc(&memory, bytes, 0), CUDA_SUCCESS);
  return memory;
}

CUfunction VgpuTest::function(const char* name) {
  CUfunction function = nullptr;
  EXPECT_EQ(driver().cuModuleGetFunction(&function, module_, name), CUDA_SUCCESS);
  return function;
}

CUresult VgpuTest::add_one(CUstream stream, CUdeviceptr data, std::uint64_t count) {
  return launch("add_one", stream, data, count);
}

CUresult VgpuTest::launch(const char* kernel, CUstream stream, CUdeviceptr data, std::uint64_t count) {
  void* parameters[] = {&data, &count};
  return driver().cuLaunchKernel(function(kernel), 4, 1, 1, 1, 1, 1, 0, stream, parameters, nullptr);
}

CUresult VgpuTest::fill(CUstream stream, CUdeviceptr data, std::size_t bytes) {
  return driver().cuMemsetD8Async(data, 7, bytes, stream);
}

void VgpuTest::order(CUstream first, CUstream second) {
  const CUevent event = make_event();
  EXPECT_EQ(driver().cuEventRecord(event, first), CUDA_SUCCESS);
  EXPECT_EQ(driver().cuStreamWaitEvent(second, event, 0), CUDA_SUCCESS);
  EXPECT_EQ(driver().cuEventDestroy(event), CUDA_SUCCESS);
}

std::vector<CUgreenCtx> VgpuTest::make_partitions(unsigned count, unsigned sm_count) {
  CUdevResource all{};
  EXPECT_EQ(driver().cuDeviceGetDevResource(0, &all, CU_DEV_RESOURCE_TYPE_SM), CUDA_SUCCESS);
  std::vector<CUdevResource> groups(count);
  unsigned made = count;
  EXPECT_EQ(driver().cuDevSmResourceSplitByCount(groups.data(), &made, &all, nullptr, 0, sm_count), CUDA_SUCCESS);
  EXPECT_EQ(made, count);
  std::vector<CUgreenCtx> partitions;
  for (CUdevResource& group : groups) {
    CUdevResourceDesc description = nullptr;
    EXPECT_EQ(driver().cuDevResourceGenerateDesc(&description, &group, 1), CUDA_SUCCESS);
    CUgreenCtx partition = nullptr;
    EXPECT_EQ(driver().cuGreenCtxCreate(&partition, description, 0, CU_GREEN_CTX_DEFAULT_STREAM), CUDA_SUCCESS);
    partitions.push_back(partition);
  }
  return partitions;
}

CUstream VgpuTest::make_stream_in(CUgreenCtx partition) {
  CUstream stream = nullptr;
  EXPECT_EQ(driver().cuGreenCtxStreamCreate(&stream, partition, CU_STREAM_NON_BLOCKING, 0), CUDA_SUCCESS);
  return stream;
}

CUcontext make_current(const cuda::Driver& driver) {
  CUcontext context = nullptr;
  EXPECT_EQ(driver.cuInit(0), CUDA_SUCCESS);
  EXPECT_EQ(driver.cuDevicePrimaryCtxRetain(&context, 0), CUDA_SUCCESS);
  EXPECT_EQ(driver.cuCtxSetCurrent(context), CUDA_SUCCESS);
  return context;
}

}  // namespace etrt::vgpu::test
