#pragma once

#include <cuda/driver.h>
#include <vgpu/machine.h>

namespace etrt::vgpu {

/// Points a slot of the table at a function of this folder, with the machine it works on.
template <auto Function, class Entry>
void bind(Entry& entry, Machine& machine) {
  entry = Entry::template bound<Function>(&machine);
}

// Each fills the slots of one group of entry points: table_<group>.cpp.
void bind_errors(cuda::Driver& table, Machine& machine);
void bind_devices(cuda::Driver& table, Machine& machine);
void bind_contexts(cuda::Driver& table, Machine& machine);
void bind_partitions(cuda::Driver& table, Machine& machine);
void bind_streams(cuda::Driver& table, Machine& machine);
void bind_events(cuda::Driver& table, Machine& machine);
void bind_memory(cuda::Driver& table, Machine& machine);
void bind_pointers(cuda::Driver& table, Machine& machine);
void bind_copies(cuda::Driver& table, Machine& machine);
void bind_graphs(cuda::Driver& table, Machine& machine);
void bind_user_objects(cuda::Driver& table, Machine& machine);
void bind_modules(cuda::Driver& table, Machine& machine);

}  // namespace etrt::vgpu
