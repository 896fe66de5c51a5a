// Rewritten programs, loaded and run by a stock ExecuTorch with a fake backend in our place.
#include <array>

#include <executorch/extension/module/module.h>
#include <executorch/extension/tensor/tensor.h>
#include <gtest/gtest.h>

#include <etrt/pte.h>
#include <pte/fake_backend.h>
#include <pte/program_files.h>

namespace etrt::pte {
namespace {

using namespace testing;
using executorch::extension::make_tensor_ptr;
using executorch::extension::Module;
using executorch::runtime::Error;
using executorch::runtime::Program;

Image rewritten(int times) {
  Image pte = write_or_fail({{"", "", to_image(std::string(5000, 'e'))}}, with_io(kDigitsIo));
  for (int i = 0; i < times; ++i) {
    auto added = add_variants(pte, {{"program", "host", read_file(example("digits_portable.pte"))}});
    EXPECT_TRUE(added.ok()) << (added.ok() ? "" : added.error().message());
    if (added.ok()) pte = *std::move(added);
  }
  return pte;
}

TEST(RewrittenPte, PassesTheStrictestVerificationAndItsBlobIsMapped) {
  for (const int times : {1, 2}) {
    FakeBackend& fake = FakeBackend::reset();
    const TemporaryFile file(rewritten(times));
    Module module(file.path(), Module::LoadMode::Mmap);
    ASSERT_EQ(module.load(Program::Verification::InternalConsistency), Error::Ok);
    fake.mapped_file = file.path();
    ASSERT_EQ(module.load_forward(), Error::Ok);
    EXPECT_EQ(fake.blob_address % 16, 0U);
    EXPECT_TRUE(fake.blob_in_mapped_file);
    EXPECT_GT(fake.blob.size(), static_cast<std::size_t>(times) * 60000);
  }
}

TEST(RewrittenPte, RunsAsBefore) {
  const FakeBackend& fake = FakeBackend::reset();
  const TemporaryFile file(rewritten(2));
  Module module(file.path());
  const auto outputs = module.forward(make_tensor_ptr({2, 1, 8, 8}, std::vector<float>(128, 1)));
  ASSERT_TRUE(outputs.ok());
  ASSERT_EQ(fake.args.size(), 2U);
  EXPECT_EQ(fake.args[0].sizes, (std::vector<std::int32_t>{2, 1, 8, 8}));
}

TEST(RewrittenPte, OfTheExporterLoadsLikeTheOriginal) {
  const Image before = read_file(test_data("digits_tensorrt_rtx.pte"));
  const auto after = add_variants(before, {{"program", "host", read_file(example("digits_xnnpack.pte"))}});
  ASSERT_TRUE(after.ok()) << after.error().message();
  const FakeBackend& fake = FakeBackend::reset();
  const TemporaryFile file(*after);
  Module module(file.path(), Module::LoadMode::Mmap);
  ASSERT_EQ(module.load(Program::Verification::InternalConsistency), Error::Ok);
  ASSERT_EQ(module.load_forward(), Error::Ok);
  EXPECT_EQ(fake.blob_address % 16, 0U);
}

}  // namespace
}  // namespace etrt::pte
