#include <engine/tensorrt/product.h>
#include <engine/tensorrt/version.h>

namespace etrt::engine::tensorrt {
namespace {

using Names = std::string_view[];

constexpr Names kTags = {"ftrt", "ptrt"};
constexpr Names kLibraries = {"libnvinfer.so.11", "libnvinfer.so.10"};
constexpr Names kLeanLibraries = {"libnvinfer_lean.so.11", "libnvinfer_lean.so.10"};
constexpr Names kFolders = {"tensorrt_libs"};
constexpr Names kLeanFolders = {"tensorrt_lean_libs"};

constexpr Names kRtxTags = {"vtrt"};
constexpr Names kRtxLibraries = {"libtensorrt_rtx.so.1"};
constexpr Names kRtxFolders = {"tensorrt_rtx_libs"};

constexpr ProductInfo kTensorRt{"tensorrt",     "TensorRT", kTags,        kLibraries,
                                kLeanLibraries, kFolders,   kLeanFolders, "TensorRT_ROOT"};
constexpr ProductInfo kTensorRtRtx{"tensorrt_rtx",     "TensorRT-RTX", kRtxTags, kRtxLibraries, {}, kRtxFolders, {},
                                   "TensorRT_RTX_ROOT"};

}  // namespace

const ProductInfo& info(Product product) {
  return product == Product::kTensorRt ? kTensorRt : kTensorRtRtx;
}

std::string to_string(const Version& version) {
  return std::to_string(version.major) + "." + std::to_string(version.minor) + "." + std::to_string(version.patch);
}

}  // namespace etrt::engine::tensorrt
