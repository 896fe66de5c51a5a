#include <executorch/extension/memory_allocator/malloc_memory_allocator.h>

#include <base/try.h>
#include <cli/direct_delegate.h>
#include <cli/log_capture.h>
#include <etrt/options.h>

namespace etrt::cli {
namespace {

namespace et = executorch::runtime;

std::vector<et::CompileSpec> compile_specs_of(const pte::DelegateInfo& delegate) {
  std::vector<et::CompileSpec> specs;
  for (const pte::CompileSpec& spec : delegate.compile_specs) {
    specs.push_back({spec.key.c_str(), {const_cast<char*>(spec.value.data()), spec.value.size()}});
  }
  return specs;
}

}  // namespace

Result<std::unique_ptr<DirectDelegate>> DirectDelegate::create(const BenchCase& bench, int max_inflight) {
  et::BackendInterface* backend = et::get_backend_class(kBackendId);
  if (backend == nullptr) return Error(ErrorCode::kInternal, "TensorRTBackend is not registered with ExecuTorch");
  et::BackendOptions<2> options;
  options.set_option(kOptionDevice, bench.device.name().c_str());
  options.set_option(kOptionMaxInflight, max_inflight);
  const auto view = options.view();
  const auto specs = compile_specs_of(*bench.delegate);

  executorch::extension::MallocMemoryAllocator allocator;
  et::BackendInitContext context(&allocator, nullptr, bench.method->name.c_str(), nullptr,
                                 et::Span<const et::BackendOption>(view.data(), view.size()));
  et::FreeableBuffer processed(bench.delegate->data.data, bench.delegate->data.size, nullptr);
  std::unique_ptr<DirectDelegate> direct(new DirectDelegate(*backend));
  const auto handle = backend->init(context, &processed, {specs.data(), specs.size()});
  if (!handle.ok()) return LogCapture::instance().explain(bench.program.name(), handle.error());
  direct->handle_ = *handle;
  return direct;
}

DirectDelegate::~DirectDelegate() {
  if (handle_ != nullptr) backend_.destroy(handle_);
}

Status DirectDelegate::execute(et::Span<et::EValue*> arguments) const {
  et::BackendExecutionContext context;
  const auto code = backend_.execute(context, handle_, arguments);
  return code == et::Error::Ok ? Status() : LogCapture::instance().explain("execute()", code);
}

}  // namespace etrt::cli
