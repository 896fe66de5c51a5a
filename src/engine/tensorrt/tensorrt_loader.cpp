#include <charconv>
#include <optional>

#include <base/format.h>
#include <base/try.h>
#include <cuda/current_context.h>
#include <engine/tensorrt/plan_header.h>
#include <engine/tensorrt/tensorrt_loader.h>

namespace etrt::engine::tensorrt {
namespace {

std::string capability(const cuda::Device& device) {
  return base::concat("compute capability ", device.compute_major, ".", device.compute_minor);
}

std::string gpu(const cuda::Device& device) {
  return base::concat(device.label, " (", device.description, ") has ", capability(device));
}

/// The GPU here, and before it those that the product runs on where these are not all.
std::string gpu_for(const ProductInfo& product, const cuda::Device& device) {
  if (product.gpus.empty()) return gpu(device);
  return base::concat(product.name, " runs on compute capability ", product.gpus, ", ", gpu(device));
}

/// The compute capability that a target names: 89 for "sm_89". Other targets say nothing of it.
std::optional<int> capability_of_target(std::string_view target) {
  if (!target.starts_with("sm_")) return std::nullopt;
  target.remove_prefix(3);
  int number = 0;
  const auto [end, error] = std::from_chars(target.data(), target.data() + target.size(), number);
  if (error != std::errc() || end != target.data() + target.size()) return std::nullopt;
  return number;
}

Status check_target(const cuda::Device& device, const Target& target) {
  const auto wanted = capability_of_target(target.name);
  if (!wanted) return {};
  // A hardware-compatible plan runs either on Ampere and all newer GPUs, or on GPUs of its own compute capability. The
  // blob does not say which of the two: TensorRT itself refuses a newer GPU in the second case.
  constexpr int kAmpere = 80;
  const bool or_newer = target.hardware_compatible && *wanted >= kAmpere;
  const int here = device.compute_major * 10 + device.compute_minor;
  if (here == *wanted || (or_newer && here > *wanted)) return {};
  return Error(ErrorCode::kIncompatible, base::concat("the plan is for compute capability ", *wanted / 10, ".",
                                                      *wanted % 10, or_newer ? " and later, " : ", ", gpu(device)));
}

/// Whether the lean runtime that an older plan needs may be there.
bool runs_older_plans(const EngineOptions& options) {
  return options.allow_engine_code || !options.lean_runtime_library.empty();
}

/// TensorRT runs plans of its own version, and older ones that are version-compatible: they need the lean runtime of
/// their version, which the application gives, or the plan brings and the application allows. TensorRT-RTX decides
/// itself among the plans of its major version.
Status check_plan_version(const PlanHeader& plan, const Library& library, const EngineOptions& options) {
  const bool rtx = plan.product == Product::kTensorRtRtx;
  if (rtx ? plan.version.major == library.version.major : plan.version == library.version) return {};
  if (!rtx && runs_older_plans(options) && plan.version <= library.version) return {};
  const bool older = !rtx && plan.version < library.version;
  return Error(ErrorCode::kIncompatible,
               base::concat("the plan was written by ", to_string(plan), ", the library here is ",
                            info(plan.product).name, " ", to_string(library.version), " (", library.path,
                            "): build the engine again with this version, or install the plan's",
                            older ? base::concat("; a version-compatible plan runs with the option "
                                                 "lean_runtime_library, which names libnvinfer_lean.so.",
                                                 plan.version.major,
                                                 " of its version, or with allow_engine_code where that is in the plan")
                                  : std::string()));
}

}  // namespace

TensorRtLoader::TensorRtLoader(Product product, const Adapter* adapter, LibrarySearch& libraries)
    : product_(product),
      adapter_(adapter),
      libraries_(libraries),
      runtimes_(adapter == nullptr ? nullptr : adapter->create_runtimes()) {}

Status TensorRtLoader::supports(const cuda::Device& device, const Target& target, std::span<const std::byte> bytes,
                                const EngineOptions& options) const {
  if (device.is_virtual && (adapter_ == nullptr || adapter_->needs_gpu)) {
    return Error(ErrorCode::kIncompatible,
                 base::concat("it needs an NVIDIA GPU; the device here is ", device.label, ", the virtual GPU"));
  }
  ETRT_TRY(check_target(device, target));
  const auto library = library_for(device, bytes, completed(options));
  return library.ok() ? Status() : Status(library.error());
}

EngineOptions TensorRtLoader::completed(const EngineOptions& options) const {
  EngineOptions all = options;
  if (all.lean_runtime_library.empty()) all.lean_runtime_library = libraries_.lean_runtime();
  return all;
}

Result<const Library*> TensorRtLoader::library_for(const cuda::Device& device, std::span<const std::byte> bytes,
                                                   const EngineOptions& options) const {
  ETRT_TRY_ASSIGN(const PlanHeader plan, read_plan_header(bytes));
  const ProductInfo& product = info(product_);
  if (plan.product != product_) {
    return Error(ErrorCode::kInvalidData, base::concat("the plan was written by ", to_string(plan),
                                                       ", the blob says that it is one of ", product.name));
  }
  LibraryRequest request{product_, options.tensorrt_library, runs_older_plans(options)};
  if (adapter_ != nullptr) request.headers = adapter_->headers;
  auto library = libraries_.find(request);
  if (adapter_ == nullptr) {
    const std::string found = library.ok() ? base::concat(product.name, " ", to_string((*library)->version), " (",
                                                          (*library)->path, ") is installed")
                                           : base::concat("none is installed");
    return Error(ErrorCode::kNotSupported,
                 base::concat("this etrt was built without the headers of ", product.name, ". The plan was written by ",
                              to_string(plan), ", ", found, ". ", gpu_for(product, device),
                              ". Remedy: build etrt with -D", product.headers_option, "=DIRECTORY"));
  }
  if (!library.ok()) {
    return std::move(library).error().within(
        base::concat("the plan was written by ", to_string(plan), ", ", gpu_for(product, device)));
  }
  if (auto fits = check_plan_version(plan, **library, options); !fits.ok()) {
    return Error(fits.error().code(), base::concat(fits.error().message(), ". ", gpu_for(product, device)));
  }
  return library;
}

Result<std::unique_ptr<Engine>> TensorRtLoader::load(const cuda::Device& device, std::span<const std::byte> bytes,
                                                     const EngineOptions& chosen) const {
  const EngineOptions options = completed(chosen);
  ETRT_TRY_ASSIGN(const Library* library, library_for(device, bytes, options));
  // The primary context: what TensorRT allocates for the engine must not go with a green context of the caller.
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::push(device.driver, device.primary));
  auto engine = runtimes_->load(*library, device, bytes, options);
  if (engine.ok()) return engine;
  ETRT_TRY_ASSIGN(const PlanHeader plan, read_plan_header(bytes));
  return Error(
      engine.error().code(),
      base::concat(engine.error().message(), ". The plan was written by ", to_string(plan), ", the library is ",
                   info(product_).name, " ", to_string(library->version), " (", library->path, "), ", gpu(device)));
}

}  // namespace etrt::engine::tensorrt
