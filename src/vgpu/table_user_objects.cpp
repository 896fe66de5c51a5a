#include <algorithm>

#include <climits>

#include <vgpu/call.h>
#include <vgpu/table.h>

namespace etrt::vgpu {
namespace {

bool is_count(unsigned count) {
  return count > 0 && count <= INT_MAX;
}

CUresult create(Machine& machine, CUuserObject* out, void* argument, CUhostFn destroy, unsigned references,
                unsigned flags) {
  return enter(machine, Needs::kInit, [&](Call&) {
    if (out == nullptr || destroy == nullptr || !is_count(references)) return CUDA_ERROR_INVALID_VALUE;
    if (flags != CU_USER_OBJECT_NO_DESTRUCTOR_SYNC) return CUDA_ERROR_INVALID_VALUE;
    machine.user_objects.destructors.start([&machine] {
      const std::lock_guard lock(machine.mutex);
      machine.this_thread().is_worker = true;
    });
    *out = machine.user_objects.create(destroy, argument, references);
    return CUDA_SUCCESS;
  });
}

CUresult release(Machine& machine, CUuserObject object, unsigned count) {
  return enter(machine, Needs::kInit, [&](Call&) {
    const bool released = is_count(count) && machine.user_objects.release(object, count);
    return released ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
  });
}

/// What the graph behind `handle` keeps; a graph that is being captured too. Null: there is no such graph.
UserReferences* references_of(const Machine& machine, CUgraph handle) {
  if (const auto graph = lookup(machine.graphs, handle)) return graph->references.get();
  const auto capture = std::find_if(machine.captures.begin(), machine.captures.end(),
                                    [&](const auto& candidate) { return candidate->graph == handle; });
  return capture != machine.captures.end() ? (*capture)->references.get() : nullptr;
}

CUresult retain(Machine& machine, CUgraph graph, CUuserObject object, unsigned count, unsigned flags) {
  return enter(machine, Needs::kInit, [&](Call&) {
    const bool move = flags == CU_GRAPH_USER_OBJECT_MOVE;
    if (!is_count(count) || (flags != 0 && !move)) return CUDA_ERROR_INVALID_VALUE;
    UserReferences* references = references_of(machine, graph);
    if (references == nullptr || !machine.user_objects.contains(object)) return CUDA_ERROR_INVALID_VALUE;
    return references->add(object, count, move) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
  });
}

}  // namespace

void bind_user_objects(cuda::Driver& table, Machine& machine) {
  bind<&create>(table.cuUserObjectCreate, machine);
  bind<&release>(table.cuUserObjectRelease, machine);
  bind<&retain>(table.cuGraphRetainUserObject, machine);
}

}  // namespace etrt::vgpu
