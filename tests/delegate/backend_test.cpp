// The edge to ExecuTorch: registration, init, execute and destroy as the runtime calls them.

#include <cstring>
#include <delegate_fixture.h>

#include <etrt/backend.h>
#include <etrt/options.h>
#include <torch_tensorrt/executorch/TensorRTBackend.h>

namespace etrt::test {
namespace {

namespace et = executorch::runtime;

class Backend : public DelegateTest {
 protected:
  static et::BackendInterface& backend() { return *et::get_backend_class(kBackendId); }

  et::Result<et::DelegateHandle*> init(const std::vector<std::byte>& blob, const char* device) {
    et::BackendOption option;
    std::strncpy(option.key, kOptionDevice, sizeof(option.key) - 1);
    std::array<char, et::kMaxOptionValueLength> text{};
    std::strncpy(text.data(), device, text.size() - 1);
    option.value = text;
    et::BackendInitContext context(nullptr, nullptr, "forward", nullptr, {&option, 1});
    et::FreeableBuffer processed(blob.data(), blob.size(), nullptr);
    return backend().init(context, &processed, {});
  }
};
ETRT_ON_EVERY_DEVICE(Backend);

TEST_P(Backend, IsRegisteredAndAvailable) {
  EXPECT_TRUE(is_registered());
  ASSERT_NE(et::get_backend_class(kBackendId), nullptr);
  EXPECT_TRUE(backend().is_available());
}

TEST_P(Backend, RunsAProgramFromInitToDestroy) {
  const auto blob = blob_of(KernelPlan::fixed(1, {8}));
  auto handle = init(blob, GetParam().c_str());
  ASSERT_EQ(handle.error(), et::Error::Ok);
  HostTensor in({8}, 5);
  HostTensor out({8}, 0);
  EValue* arguments[] = {in.tensor.value(), out.tensor.value()};
  et::BackendExecutionContext context;
  EXPECT_EQ(backend().execute(context, *handle, {arguments, 2}), et::Error::Ok);
  EXPECT_EQ(out.values, std::vector<std::int32_t>(8, 6));
  backend().destroy(*handle);
}

TEST_P(Backend, FreesTheBlobAsSoonAsItIsLoaded) {
  const auto blob = blob_of(KernelPlan::fixed(1, {8}));
  bool freed = false;
  et::BackendInitContext context(nullptr);
  et::FreeableBuffer processed(
      blob.data(), blob.size(), [](void* flag, void*, std::size_t) { *static_cast<bool*>(flag) = true; }, &freed);
  const auto handle = backend().init(context, &processed, {});
  ASSERT_EQ(handle.error(), et::Error::Ok);
  EXPECT_TRUE(freed);
  backend().destroy(*handle);
}

TEST_P(Backend, MapsEachKindOfErrorToExecuTorchs) {
  const auto blob = blob_of(KernelPlan::fixed(1, {8}));
  EXPECT_EQ(init(blob, "gpu").error(), et::Error::InvalidArgument);
  EXPECT_EQ(init(blob, "virtual:7").error(), et::Error::NotFound);
  EXPECT_EQ(init(std::vector<std::byte>(64), "virtual").error(), et::Error::InvalidProgram);
}

TEST_P(Backend, SurvivesNullPointers) {
  et::BackendInitContext init_context(nullptr);
  EXPECT_EQ(backend().init(init_context, nullptr, {}).error(), et::Error::InvalidProgram);
  et::BackendExecutionContext context;
  EXPECT_EQ(backend().execute(context, nullptr, {}), et::Error::InvalidArgument);
  backend().destroy(nullptr);
}

}  // namespace
}  // namespace etrt::test
