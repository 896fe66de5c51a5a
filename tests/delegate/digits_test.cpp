// The digits model as an exporter labels it for CUDA: its engine is for another GPU, so it gets a host program beside
// it and runs on the virtual GPU, with ExecuTorch's own copies around the delegate.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <module_fixture.h>
#include <program_fixture.h>

#include <executorch/extension/tensor/tensor.h>

#include <etrt/pte.h>

namespace etrt::test {
namespace {

constexpr std::size_t kPixels = 64;
constexpr std::size_t kClasses = 10;
constexpr std::size_t kBatch = 15;  ///< the program's bound

/// The elements of a .npy file of version 1 whose type is T.
template <class T>
std::vector<T> read_npy(const std::string& name) {
  const auto file = read_file(std::string(ETRT_EXAMPLES) + "/digits/" + name);
  std::uint16_t header = 0;
  std::memcpy(&header, file.data() + 8, sizeof(header));
  std::vector<T> values((file.size() - 10 - header) / sizeof(T));
  std::memcpy(values.data(), file.data() + 10 + header, values.size() * sizeof(T));
  return values;
}

class LabelledDigits : public ModuleTest {
 protected:
  std::unique_ptr<Module> load() {
    const auto exported = read_file(ETRT_TEST_DATA "/digits_tensorrt_rtx_cuda_io.pte");
    const auto host = read_file(ETRT_EXAMPLES "/digits/digits_xnnpack.pte");
    program_ = must(pte::add_variants(exported, {{"program", "host", host}}));
    return load_module(program_);
  }

 private:
  std::vector<std::byte> program_;  ///< which the module borrows
};
INSTANTIATE_TEST_SUITE_P(On, LabelledDigits, ::testing::Values("virtual:0"),
                         [](const auto&) { return std::string("virtual"); });

TEST_P(LabelledDigits, AreRecognisedAsByPyTorch) {
  const auto images = read_npy<float>("digits_images.npy");
  const auto labels = read_npy<std::int64_t>("digits_labels.npy");
  const auto expected = read_npy<float>("digits_logits.npy");
  ASSERT_EQ(labels.size(), 360u);
  const auto module = load();
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  std::vector<float> logits;
  for (std::size_t first = 0; first < labels.size(); first += kBatch) {
    const auto* begin = images.data() + first * kPixels;
    const auto input =
        executorch::extension::make_tensor_ptr({kBatch, 1, 8, 8}, std::vector<float>(begin, begin + kBatch * kPixels));
    const auto outputs = module->forward(input);
    ASSERT_TRUE(outputs.ok());
    const auto* data = outputs->at(0).toTensor().const_data_ptr<float>();
    logits.insert(logits.end(), data, data + kBatch * kClasses);
  }
  int right = 0;
  float worst = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto row = logits.begin() + static_cast<std::ptrdiff_t>(i * kClasses);
    right += std::max_element(row, row + kClasses) - row == labels[i];
  }
  for (std::size_t i = 0; i < logits.size(); ++i) worst = std::max(worst, std::abs(logits[i] - expected[i]));
  EXPECT_EQ(right, 353);
  EXPECT_LT(worst, 1e-4f);
}

}  // namespace
}  // namespace etrt::test
