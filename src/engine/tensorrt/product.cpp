#include <engine/tensorrt/product.h>
#include <engine/tensorrt/version.h>

namespace etrt::engine::tensorrt {
namespace {

using Strings = std::string_view[];

constexpr Strings kTags = {"ftrt", "ptrt"};
constexpr Strings kLibraries = {"libnvinfer.so.11", "libnvinfer.so.10"};
constexpr Strings kLeanLibraries = {"libnvinfer_lean.so.11", "libnvinfer_lean.so.10"};
constexpr Strings kFolders = {"tensorrt_libs"};
constexpr Strings kLeanFolders = {"tensorrt_lean_libs"};

constexpr Strings kRtxTags = {"vtrt"};
constexpr Strings kRtxLibraries = {"libtensorrt_rtx.so.1"};
constexpr Strings kRtxFolders = {"tensorrt_rtx_libs"};

constexpr ProductInfo kTensorRt{
    .kind = "tensorrt",
    .name = "TensorRT",
    .plan_tags = kTags,
    .libraries = kLibraries,
    .lean_libraries = kLeanLibraries,
    .wheel_folders = kFolders,
    .lean_wheel_folders = kLeanFolders,
    .gpus = {},
    .headers_option = "TensorRT_ROOT",
};
constexpr ProductInfo kTensorRtRtx{
    .kind = "tensorrt_rtx",
    .name = "TensorRT-RTX",
    .plan_tags = kRtxTags,
    .libraries = kRtxLibraries,
    .lean_libraries = {},
    .wheel_folders = kRtxFolders,
    .lean_wheel_folders = {},
    .gpus = "7.5, 8.0, 8.6, 8.9, 12.0 and 12.1 as of version 1.7",
    .headers_option = "TensorRT_RTX_ROOT",
};

}  // namespace

const ProductInfo& info(Product product) {
  return product == Product::kTensorRt ? kTensorRt : kTensorRtRtx;
}

std::string to_string(const Version& version) {
  return std::to_string(version.major) + "." + std::to_string(version.minor) + "." + std::to_string(version.patch);
}

}  // namespace etrt::engine::tensorrt
