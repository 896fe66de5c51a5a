// Which payload of a blob runs, and what is said when none does.

#include <cstring>
#include <delegate_fixture.h>

#include <blob/blob_writer.h>

namespace etrt::test {
namespace {

class Selection : public DelegateTest {
 protected:
  static blob::Metadata metadata_of(const KernelPlan& plan) {
    blob::Metadata metadata;
    for (const auto& input : plan.inputs) metadata.io_bindings.push_back({.name = input.name, .is_input = true});
    for (const auto& output : plan.outputs) metadata.io_bindings.push_back({.name = output.name, .is_input = false});
    return metadata;
  }
};
ETRT_ON_EVERY_DEVICE(Selection);

std::vector<std::byte> bytes_of(const std::string& text) {
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

TEST_P(Selection, TheFirstVariantThatRunsHereIsTaken) {
  const auto plan = KernelPlan::fixed(1, {8});
  const auto bytes = plan.serialize();
  const auto broken = bytes_of("never read");
  const std::vector<blob::Payload> payloads = {{"kernel", "nowhere", broken}, {"kernel", "here", bytes}};
  const auto handle = try_load(must(blob::write_blob(metadata_of(plan), {}, payloads)));
  ASSERT_THAT(handle, is_ok());
  EXPECT_NE((*handle)->variant().find("for here"), std::string::npos) << (*handle)->variant();
}

TEST_P(Selection, WhenNothingRunsHereTheErrorListsEachPayloadAndWhy) {
  const auto plan = KernelPlan::fixed(1, {8});
  const auto bytes = plan.serialize();
  const auto engine = bytes_of("vtrt a TensorRT-RTX engine begins so");
  const std::vector<blob::Payload> payloads = {{"kernel", "nowhere", bytes}, {"quantum", "lab", bytes}};
  const auto handle = try_load(must(blob::write_blob(metadata_of(plan), engine, payloads)));
  ASSERT_THAT(handle, fails_with(ErrorCode::kIncompatible));
  const std::string& message = handle.error().message();
  for (const char* part : {"TensorRT-RTX", "it is for nowhere", "'quantum'", "etrt pack"}) {
    EXPECT_NE(message.find(part), std::string::npos) << "no " << part << " in: " << message;
  }
}

TEST_P(Selection, ADeviceThatIsNotThereIsAnErrorThatNamesTheOption) {
  delegate::Options options;
  options.device = "virtual:99";
  const auto handle = delegate::Handle::create(blob_of(KernelPlan::fixed(1, {8})), options);
  ASSERT_THAT(handle, fails_with(ErrorCode::kNotFound));
  EXPECT_TRUE(handle.error().message().starts_with("option 'device': device virtual:99 is not there"))
      << handle.error().message();
}

TEST_P(Selection, ABlobWithoutAnyPayloadIsRefused) {
  const auto plan = KernelPlan::fixed(1, {8});
  const auto blob = blob::write_blob(metadata_of(plan), {});
  if (!blob.ok()) return;  // a writer that refuses it is as good
  EXPECT_FALSE(try_load(*blob).ok());
}

TEST_P(Selection, AMalformedBlobIsInvalidData) {
  EXPECT_THAT(try_load(bytes_of("TR01")), fails_with(ErrorCode::kInvalidData));
  EXPECT_THAT(try_load(bytes_of(std::string(64, '\0'))), fails_with(ErrorCode::kInvalidData));
}

TEST_P(Selection, BindingsThatTheEngineLacksAreNamed) {
  const auto plan = KernelPlan::fixed(1, {8});
  const auto bytes = plan.serialize();
  blob::Metadata metadata = metadata_of(plan);
  metadata.io_bindings[0].name = "elsewhere";
  const blob::Payload payload{"kernel", "here", bytes};
  const auto handle = try_load(must(blob::write_blob(metadata, {}, {&payload, 1})));
  ASSERT_THAT(handle, fails_with(ErrorCode::kInvalidData));
  EXPECT_NE(handle.error().message().find("'elsewhere'"), std::string::npos) << handle.error().message();
}

TEST_P(Selection, ADeviceThatIsNotThereIsNotFound) {
  delegate::Options options;
  for (const char* name : {"virtual:7", "cuda:99"}) {
    options.device = name;
    EXPECT_THAT(delegate::Handle::create(blob_of(KernelPlan::fixed(1, {8})), options), fails_with(ErrorCode::kNotFound))
        << name;
  }
}

TEST_P(Selection, ANameThatIsNoDeviceIsInvalid) {
  delegate::Options options;
  for (const char* name : {"", "gpu", "cuda:", "cuda:-1", "cuda:x", "virtual:0x1", "cuda:0 "}) {
    options.device = name;
    EXPECT_THAT(delegate::Handle::create(blob_of(KernelPlan::fixed(1, {8})), options),
                fails_with(ErrorCode::kInvalidArgument))
        << name;
  }
}

}  // namespace
}  // namespace etrt::test
