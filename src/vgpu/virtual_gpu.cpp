#include <vgpu/machine.h>
#include <vgpu/table.h>
#include <vgpu/virtual_gpu.h>

namespace etrt::vgpu {

class VirtualGpu::Impl {
 public:
  explicit Impl(const Config& config) : machine(config) {
    bind_errors(table, machine);
    bind_devices(table, machine);
    bind_contexts(table, machine);
    bind_partitions(table, machine);
    bind_streams(table, machine);
    bind_events(table, machine);
    bind_memory(table, machine);
    bind_pointers(table, machine);
    bind_copies(table, machine);
    bind_graphs(table, machine);
    bind_user_objects(table, machine);
    bind_modules(table, machine);
  }

  Machine machine;
  cuda::Driver table;
};

VirtualGpu::VirtualGpu(const Config& config) : impl_(std::make_unique<Impl>(config)) {}

VirtualGpu::~VirtualGpu() {
  // A forked child has none of the threads that the machine would wait for.
  if (impl_->machine.forked()) static_cast<void>(impl_.release());
}

const cuda::Driver& VirtualGpu::driver() const noexcept {
  return impl_->table;
}

std::vector<OrderReport> VirtualGpu::take_order_reports() {
  const std::lock_guard lock(impl_->machine.mutex);
  if (impl_->machine.checker == nullptr) return {};
  return impl_->machine.checker->take_reports();
}

void VirtualGpu::on_order_report(std::function<void(const OrderReport&)> callback) {
  const std::lock_guard lock(impl_->machine.mutex);
  if (callback == nullptr) {
    impl_->machine.on_report.reset();
  } else {
    impl_->machine.on_report = std::make_shared<const std::function<void(const OrderReport&)>>(std::move(callback));
  }
}

void VirtualGpu::set_observer(Observer* observer) {
  impl_->machine.observer = observer;
}

int VirtualGpu::core_of(unsigned sm) const {
  return impl_->machine.sms.core_of(sm);
}

std::size_t VirtualGpu::live_allocations() const {
  const std::lock_guard lock(impl_->machine.mutex);
  return impl_->machine.live_allocations();
}

std::size_t VirtualGpu::live_handles() const {
  const std::lock_guard lock(impl_->machine.mutex);
  return impl_->machine.live_handles();
}

}  // namespace etrt::vgpu
