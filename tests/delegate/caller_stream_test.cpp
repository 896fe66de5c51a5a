// ExecuTorch's own caller-stream guard, whose library is found at run time.

#include <delegate_fixture.h>
#include <dlfcn.h>

#include <support/library_path.h>

namespace etrt::test {
namespace {

class CallerStream : public DelegateTest {
 protected:
  void SetUp() override {
    DelegateTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    // A program that was there before the extension: the next one that is loaded finds it all the same.
    static_cast<void>(load(KernelPlan::fixed(1, {8})));
    // As Python loads extensions, and applications plugins.
    library_ = dlopen(support::library_path("libfake_executorch_cuda.so").c_str(), RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library_, nullptr) << dlerror();
    set_ = reinterpret_cast<void (*)(CUstream)>(dlsym(library_, "set_caller_stream"));
    clear_ = reinterpret_cast<void (*)()>(dlsym(library_, "clear_caller_stream"));
  }
  void TearDown() override {
    if (clear_ != nullptr) clear_();
    DelegateTest::TearDown();
  }

  void* library_ = nullptr;
  void (*set_)(CUstream) = nullptr;
  void (*clear_)() = nullptr;
};
ETRT_ON_EVERY_DEVICE(CallerStream);

TEST_P(CallerStream, OfExecuTorchIsHonoured) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream stream = create_stream();
  set_(stream.get());
  auto gate = close_gate(stream);
  const auto waits = host_waits();
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  EXPECT_EQ(host_waits(), waits) << "the call chose the per-thread stream, for which it waits";
  EXPECT_FALSE(must(stream.is_done()));
  gate.open();
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(out.read(), std::vector<std::int32_t>(8, 6));
}

TEST_P(CallerStream, OfExecuTorchComesAfterEtrtsOwnGuard) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream theirs = create_stream();
  const Stream ours = create_stream();
  set_(theirs.get());
  const StreamGuard guard(ours.get());
  auto gate = close_gate(ours);
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  EXPECT_THAT(theirs.synchronize(), is_ok());
  EXPECT_FALSE(must(ours.is_done()));
  gate.open();
  ASSERT_THAT(ours.synchronize(), is_ok());
}

TEST_P(CallerStream, OfAnotherDeviceIsRefused) {
  const auto second = second_device();
  const Device other = second ? *second : must(Device::open("virtual:0"));
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream foreign = must(Stream::create(other));
  set_(foreign.get());
  EXPECT_THAT(execute(*handle, in.tensor, out.tensor), fails_with(ErrorCode::kInvalidArgument));
}

}  // namespace
}  // namespace etrt::test
