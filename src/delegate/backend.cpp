#include <delegate/boundary.h>
#include <delegate/handle.h>
#include <delegate/load/options.h>
#include <delegate/load/planned_memory.h>
#include <torch_tensorrt/executorch/TensorRTBackend.h>

namespace torch_tensorrt::executorch_backend {
namespace {

namespace et = executorch::runtime;
using etrt::delegate::contained;
using etrt::delegate::Handle;
using etrt::delegate::told;

}  // namespace

bool TensorRTBackend::is_available() const {
  // The virtual GPU is always there; which variant of a program runs is decided when it is loaded.
  return true;
}

et::Result<et::DelegateHandle*> TensorRTBackend::init(et::BackendInitContext& context, et::FreeableBuffer* processed,
                                                      et::ArrayRef<et::CompileSpec> compile_specs) const {
  return contained("init", [&]() -> et::Result<et::DelegateHandle*> {
    if (processed == nullptr || processed->data() == nullptr) {
      return told("init", etrt::Error(etrt::ErrorCode::kInvalidData, "the program has no blob for this delegate"));
    }
    const auto options = etrt::delegate::read_options(context.runtime_specs(), compile_specs);
    if (!options.ok()) return told("init", options.error());
    auto handle = Handle::create({static_cast<const std::byte*>(processed->data()), processed->size()}, *options);
    if (!handle.ok()) return told("init", handle.error());
    const etrt::Status placed =
        etrt::delegate::check_planned_memory(context.get_runtime_allocator(), (*handle)->device(), *options);
    if (!placed.ok()) return told("init", placed.error());
    processed->Free();
    return std::move(handle).value().release();
  });
}

et::Error TensorRTBackend::execute(et::BackendExecutionContext& /*context*/, et::DelegateHandle* handle,
                                   et::Span<et::EValue*> args) const {
  return contained("execute", [&]() -> et::Error {
    if (handle == nullptr) {
      return told("execute", etrt::Error(etrt::ErrorCode::kInvalidArgument, "null handle"));
    }
    const etrt::Status status = static_cast<Handle*>(handle)->execute(args);
    return status.ok() ? et::Error::Ok : told("execute", status.error());
  });
}

void TensorRTBackend::destroy(et::DelegateHandle* handle) const {
  const std::unique_ptr<Handle> owned(static_cast<Handle*>(handle));
}

}  // namespace torch_tensorrt::executorch_backend
