// Libraries and plans as files: what their first bytes and their entry points tell. No device.
#include <dlfcn.h>
#include <filesystem>
#include <fstream>
#include <tensorrt/tensorrt_fixture.h>

#include <engine/tensorrt/library_search.h>
#include <engine/tensorrt/plan_header.h>

namespace etrt::engine::tensorrt {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::HasSubstr;

TEST(TensorRtVersion, IsReadFromTensorRtsNumbers) {
  EXPECT_EQ(to_string(version_of_number(110400)), "11.4.0");
  EXPECT_EQ(to_string(version_of_number(101601)), "10.16.1");
  EXPECT_EQ(to_string(version_of_number(10701)), "1.7.1");
  EXPECT_EQ(to_string(version_of_number(8601)), "8.6.1");
}

TEST(TensorRtPlanHeader, TellsTheWriter) {
  const auto header = must(read_plan_header(fixed_plan({4}).serialize()));
  EXPECT_EQ(header.product, Product::kTensorRt);
  EXPECT_EQ(to_string(header), "TensorRT 11.1.0.106");
}

TEST(TensorRtPlanHeader, TellsTensorRtRtxByTheRealPlanInAProgram) {
  std::ifstream file(ETRT_TEST_DATA "/digits_tensorrt_rtx.pte", std::ios::binary);
  const std::string program{std::istreambuf_iterator<char>(file), {}};
  const auto begin = program.find(std::string("vtrt\0\0\0\0", 8));
  ASSERT_NE(begin, std::string::npos);
  const auto header = must(read_plan_header(std::as_bytes(std::span(program).subspan(begin))));
  EXPECT_EQ(header.product, Product::kTensorRtRtx);
  EXPECT_EQ(to_string(header), "TensorRT-RTX 1.7.1.116");
}

TEST(TensorRtPlanHeader, RefusesForeignAndTruncatedBytes) {
  auto plan = fixed_plan({4}).serialize();
  for (std::size_t size = 0; size < 28; ++size) {
    EXPECT_THAT(read_plan_header(std::span(plan).first(size)),
                fails_with(ErrorCode::kInvalidData, HasSubstr("cut off")));
  }
  plan[0] = std::byte{'x'};
  EXPECT_THAT(read_plan_header(plan), fails_with(ErrorCode::kInvalidData, HasSubstr("no TensorRT plan")));
}

TEST(TensorRtPlanHeader, RefusesLayoutsItDoesNotKnow) {
  auto plan = fixed_plan({4}).serialize();
  plan[4] = std::byte{1};
  EXPECT_THAT(read_plan_header(plan), fails_with(ErrorCode::kIncompatible, HasSubstr("serialization version 1")));
}

TEST(TensorRtLibrary, TellsItsVersionAndItsFile) {
  const auto* library = must(libraries().opened().open(kFakeLibrary));
  EXPECT_EQ(to_string(library->version), "11.1.0");
  EXPECT_TRUE(fs::path(library->path).is_absolute()) << library->path;
}

TEST(TensorRtLibrary, IsOpenedOnce) {
  const auto* library = must(libraries().opened().open(kFakeLibrary));
  EXPECT_EQ(must(libraries().opened().open(library->path)), library);
}

TEST(TensorRtLibrary, ThatIsMissingIsNotFound) {
  EXPECT_THAT(libraries().opened().open("/nowhere/libnvinfer.so.11"),
              fails_with(ErrorCode::kNotFound, HasSubstr("/nowhere/libnvinfer.so.11")));
}

TEST(TensorRtLibrary, WithoutItsEntryPointsIsNone) {
  EXPECT_THAT(libraries().opened().open(fake_library("no_create")),
              fails_with(ErrorCode::kNotSupported, HasSubstr("createInferRuntime_INTERNAL")));
  EXPECT_THAT(libraries().opened().open(fake_library("no_version")),
              fails_with(ErrorCode::kNotSupported, HasSubstr("getInferLibVersion")));
}

/// A site-packages folder with wheels of TensorRT, made of the tests' libraries.
class TensorRtSearch : public ::testing::Test {
 protected:
  void SetUp() override {
    // A folder for each test: dlopen knows libraries that are open by the path they were asked for.
    const std::string test = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    root_ = fs::temp_directory_path() / ("etrt_wheels_" + std::to_string(getpid()) + "_" + test);
    fs::create_directories(packages());
    look_in({{}, {packages().string()}});
  }
  void TearDown() override { fs::remove_all(root_); }

  void look_in(SearchPlaces places) { search_.emplace(std::move(places)); }
  LibrarySearch& search() { return *search_; }

  fs::path packages() const { return root_ / "lib" / "python3.11" / "site-packages"; }
  const fs::path& root() const { return root_; }

  void install(const std::string& fake, const std::string& folder, const std::string& name) const {
    fs::create_directories(packages() / folder);
    fs::create_symlink(must(libraries().opened().open(fake))->path, packages() / folder / name);
  }

  static LibraryRequest tensorrt(std::optional<Version> headers = std::nullopt) {
    return {.product = Product::kTensorRt, .headers = headers};
  }

  /// On a machine with TensorRT the loader finds that first, and the wheels prove nothing.
  static bool is_installed(const char* name) {
    if (void* handle = dlopen(name, RTLD_LAZY | RTLD_LOCAL)) {
      dlclose(handle);
      return true;
    }
    return false;
  }

 private:
  fs::path root_;
  std::optional<LibrarySearch> search_;
};

TEST_F(TensorRtSearch, FindsAPythonWheel) {
  if (is_installed("libnvinfer.so.11")) GTEST_SKIP() << "TensorRT is installed here";
  install(kFakeLibrary, "tensorrt_libs", "libnvinfer.so.11");
  EXPECT_THAT(must(search().find(tensorrt(Version{11, 1})))->path, HasSubstr("libfake_nvinfer_11_1.so"));
}

TEST_F(TensorRtSearch, KnowsTheFoldersOfAVirtualEnvironment) {
  EXPECT_THAT(installed_site_packages(root().string()), Contains(packages().string()));
}

TEST_F(TensorRtSearch, PassesOverLibrariesOfAnotherMajorVersion) {
  if (is_installed("libnvinfer.so.11") || is_installed("libnvinfer.so.10"))
    GTEST_SKIP() << "TensorRT is installed here";
  install(fake_library("10_3"), "tensorrt_libs", "libnvinfer.so.10");
  install(kFakeLibrary, "tensorrt_libs", "libnvinfer.so.11");
  EXPECT_EQ(must(search().find(tensorrt(Version{10, 3})))->version, (Version{10, 3, 0}));
  EXPECT_EQ(must(search().find(tensorrt(Version{11, 1})))->version, (Version{11, 1, 0}));
  EXPECT_THAT(search().find(tensorrt(Version{12, 0})),
              fails_with(ErrorCode::kIncompatible, HasSubstr("headers of TensorRT 12.0")));
}

TEST_F(TensorRtSearch, PassesOverLibrariesOlderThanTheHeaders) {
  if (is_installed("libnvinfer.so.11") || is_installed("libnvinfer.so.10"))
    GTEST_SKIP() << "TensorRT is installed here";
  install(fake_library("11_0"), "tensorrt_libs", "libnvinfer.so.11");
  install(kFakeLibrary, "tensorrt_libs", "libnvinfer.so.10");
  EXPECT_EQ(must(search().find(tensorrt(Version{11, 0, 9})))->version, (Version{11, 0, 0}));
  EXPECT_EQ(must(search().find(tensorrt(Version{11, 1})))->version, (Version{11, 1, 0}));
  EXPECT_THAT(search().find(tensorrt(Version{11, 2})),
              fails_with(ErrorCode::kIncompatible,
                         AllOf(HasSubstr("is TensorRT 11.0.0, older than the headers"),
                               HasSubstr("is TensorRT 11.1.0, older"), HasSubstr("TensorRT 11.2 or a later 11"))));
}

TEST_F(TensorRtSearch, TakesTheLeanRuntimeOnlyWhereItIsAllowed) {
  if (is_installed("libnvinfer.so.11") || is_installed("libnvinfer.so.10"))
    GTEST_SKIP() << "TensorRT is installed here";
  install(kFakeLibrary, "tensorrt_lean_libs", "libnvinfer_lean.so.11");
  EXPECT_THAT(search().find(tensorrt()), fails_with(ErrorCode::kNotFound, HasSubstr("libnvinfer.so.11")));
  LibraryRequest lean = tensorrt();
  lean.lean = true;
  EXPECT_THAT(search().find(lean), is_ok());
}

TEST_F(TensorRtSearch, APathByOptionStandsForEverySearch) {
  look_in({kFakeLibrary, {}});
  LibraryRequest request = tensorrt();
  request.path = "/nowhere/libnvinfer.so.11";
  EXPECT_THAT(search().find(request), fails_with(ErrorCode::kNotFound, HasSubstr("/nowhere/libnvinfer.so.11")));
}

TEST_F(TensorRtSearch, APathByEnvironmentStandsForEverySearchButTheOption) {
  look_in({fake_library("10_3"), {}});
  EXPECT_EQ(must(search().find(tensorrt()))->version, (Version{10, 3, 0}));
  LibraryRequest request = tensorrt();
  request.path = kFakeLibrary;
  EXPECT_EQ(must(search().find(request))->version, (Version{11, 1, 0}));
}

TEST_F(TensorRtSearch, TheOtherProductIsNoneOfThisOne) {
  LibraryRequest request = tensorrt();
  request.path = fake_library("rtx");
  EXPECT_THAT(search().find(request), fails_with(ErrorCode::kIncompatible, HasSubstr("is TensorRT-RTX 1.7.1")));
  request.product = Product::kTensorRtRtx;
  EXPECT_THAT(search().find(request), is_ok());
}

TEST_F(TensorRtSearch, AnOldTensorRtIsToldByItsVersion) {
  LibraryRequest request = tensorrt(Version{11, 1});
  request.path = fake_library("8_6");
  EXPECT_THAT(search().find(request), fails_with(ErrorCode::kIncompatible, HasSubstr("is TensorRT 8.6.1")));
}

TEST_F(TensorRtSearch, ALibraryWithoutEntryPointsIsMoreThanNotFound) {
  LibraryRequest request = tensorrt();
  request.path = fake_library("no_create");
  EXPECT_THAT(search().find(request), fails_with(ErrorCode::kNotSupported, AllOf(HasSubstr("no entry point"),
                                                                                 HasSubstr("ETRT_TENSORRT_LIBRARY"))));
}

}  // namespace
}  // namespace etrt::engine::tensorrt
