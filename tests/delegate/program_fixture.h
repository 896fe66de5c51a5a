#pragma once

#include <delegate_fixture.h>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <base/try.h>
#include <blob/blob_writer.h>
#include <support/program_builder.h>

namespace etrt::test {

inline std::vector<std::byte> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

inline std::string program(const std::string& name) {
  return std::string(ETRT_TEST_DATA "/programs/") + name;
}

/// Tests of nested programs, which run on the virtual GPU alone.
class ProgramEngine : public DelegateTest {
 protected:
  Result<std::unique_ptr<delegate::Handle>> try_load_program(const std::string& path, std::size_t inputs,
                                                             std::size_t outputs, int max_inflight = 4) const {
    return try_load_bytes(read_file(path), inputs, outputs, max_inflight);
  }

  Result<std::unique_ptr<delegate::Handle>> try_load_bytes(const std::vector<std::byte>& bytes, std::size_t inputs,
                                                           std::size_t outputs, int max_inflight = 4) const {
    blob::Metadata metadata;
    for (std::size_t i = 0; i < inputs; ++i) metadata.io_bindings.push_back({.name = "in" + std::to_string(i)});
    for (std::size_t i = 0; i < outputs; ++i) {
      metadata.io_bindings.push_back({.name = "out" + std::to_string(i), .is_input = false});
    }
    const blob::Payload payload{"program", "host", bytes};
    ETRT_TRY_ASSIGN(const auto blob, blob::write_blob(metadata, {}, {&payload, 1}));
    delegate::Options options;
    options.max_inflight = max_inflight;
    return try_load(blob, options);
  }

  std::unique_ptr<delegate::Handle> load_method(const support::ProgramSpec::Method& method,
                                                int max_inflight = 4) const {
    const auto bytes = support::ProgramSpec{.methods = {method}}.build();
    return must(try_load_bytes(bytes, method.inputs.size(), method.outputs.size(), max_inflight));
  }

  std::unique_ptr<delegate::Handle> load_program(const std::string& path, std::size_t inputs, std::size_t outputs,
                                                 int max_inflight = 4) const {
    return must(try_load_program(path, inputs, outputs, max_inflight));
  }
};

/// Pageable host memory of floats and a tensor over it.
struct Floats {
  Floats(std::vector<std::int32_t> sizes, float value, TensorShapeDynamism dynamism = TensorShapeDynamism::STATIC)
      : values(count(sizes), value),
        tensor(sizes, values.data(), TestTensor::Kind{.type = ScalarType::Float, .dynamism = dynamism}) {}
  static std::size_t count(const std::vector<std::int32_t>& sizes) {
    std::size_t product = 1;
    for (const auto size : sizes) product *= static_cast<std::size_t>(size);
    return product;
  }

  std::vector<float> values;
  TestTensor tensor;
};

}  // namespace etrt::test

#define ETRT_ON_THE_VIRTUAL_GPU(suite)                                \
  INSTANTIATE_TEST_SUITE_P(On, suite, ::testing::Values("virtual:0"), \
                           [](const auto&) { return std::string("virtual"); })
