#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <etrt/pte.h>
#include <pte/program_files.h>

namespace etrt::pte {
namespace {

using ::testing::HasSubstr;
using namespace testing;

TEST(NestedProgram, ThatDelegatesToOurselvesIsRefused) {
  const Image program = read_file(test_data("digits_tensorrt_rtx.pte"));
  const auto written = write({{"program", "host", program}});
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().code(), ErrorCode::kNotSupported);
  EXPECT_THAT(written.error().message(), HasSubstr("itself a program for TensorRTBackend"));
}

TEST(NestedProgram, ThatIsNoProgramIsRefused) {
  const Image garbage = to_image(std::string(100, 'x'));
  const auto written = write({{"program", "host", garbage}});
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().code(), ErrorCode::kInvalidData);
}

TEST(NestedProgram, ThatIsTruncatedIsRefused) {
  const Image program = read_file(example("digits_xnnpack.pte"));
  for (const std::size_t size : {std::size_t{0}, std::size_t{8}, std::size_t{40}, std::size_t{1000}}) {
    EXPECT_FALSE(write({{"program", "host", Bytes(program.data(), size)}}).ok()) << size;
  }
}

}  // namespace
}  // namespace etrt::pte
