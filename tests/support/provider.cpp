#include <utility>

#include <gtest/gtest.h>

#include <support/environment.h>
#include <support/provider.h>

namespace etrt::support {
namespace {

// In functions of their own: the gtest macros return from where they stand.
void skip(const std::string& reason) {
  GTEST_SKIP() << reason;
}
void fail(const std::string& reason) {
  FAIL() << reason;
}

}  // namespace

const std::vector<ProviderInfo>& providers() {
  static const std::vector<ProviderInfo> all = {{"vgpu", &open_vgpu_provider}, {"cuda", &open_cuda_provider}};
  return all;
}

std::unique_ptr<Provider> open_or_skip(const ProviderInfo& info) {
  auto opened = info.open();
  if (opened.ok()) return std::move(opened).value();
  if (opened.error().code() == ErrorCode::kNotFound && !device_required(info.name)) {
    skip(opened.error().message());
  } else {
    fail("provider " + info.name + ": " + opened.error().message());
  }
  return nullptr;
}

}  // namespace etrt::support
