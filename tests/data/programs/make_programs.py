"""Makes the small ExecuTorch programs of this folder, and runs each of them to see that it does what README.md says.

The programs are committed, so tests need neither this script nor torch. To make them again:

    python3 -m venv /tmp/torchenv
    /tmp/torchenv/bin/pip install torch==2.14.0 executorch==1.5.1 numpy
    /tmp/torchenv/bin/python make_programs.py              # every program, into this folder
    /tmp/torchenv/bin/python make_programs.py scalar slow  # these only
    /tmp/torchenv/bin/python make_programs.py --describe   # the inputs and outputs of what is in this folder

With these versions the files come out the same, byte for byte. executorch does not say which torch it wants; 2.14 fits.
"""

import argparse
import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence

import numpy
import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import ExecutorchBackendConfig, to_edge, to_edge_transform_and_lower
from executorch.exir._serialize._program import deserialize_pte_binary
from executorch.exir.passes import MemoryPlanningPass
from executorch.exir.schema import Tensor, TensorShapeDynamism
from executorch.runtime import Runtime, Verification
from torch.export import Dim, export

HERE = pathlib.Path(__file__).resolve().parent

ROUNDS_OF_SLOW = 4
TILES_OF_SLOW = 8

TYPES = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "int8": torch.int8,
    "uint8": torch.uint8,
    "int32": torch.int32,
    "int64": torch.int64,
    "bool": torch.bool,
}


class Function(torch.nn.Module):
    """A module around a plain function of fixed arity: torch.export wants a module."""

    def __init__(self, function: Callable):
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        return self.function(*inputs)


class Linear(torch.nn.Module):
    """A linear layer and a relu, with weights that do not depend on torch's random numbers."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.linear = torch.nn.Linear(inputs, outputs)
        with torch.no_grad():
            self.linear.weight.copy_(torch.sin(torch.arange(inputs * outputs).reshape(outputs, inputs) * 0.7))
            self.linear.bias.copy_(torch.cos(torch.arange(outputs) * 1.3))

    def forward(self, x):
        return torch.relu(self.linear(x))


@dataclasses.dataclass(frozen=True)
class Method:
    """What one method computes, the inputs that it is exported with, and the further inputs that it is run with."""

    module: torch.nn.Module
    example: Sequence
    dynamic: Sequence | None = None
    more: Sequence[Sequence] = ()
    failing: Sequence[Sequence] = ()


@dataclasses.dataclass(frozen=True)
class Program:
    methods: Mapping[str, Method]
    xnnpack: bool = False
    keep_arrays: bool = False
    planned_io: bool = True


def forward(function: Callable, example: Sequence, dynamic: Sequence | None = None, **rest) -> Program:
    """A program of one method, `forward`, on ExecuTorch's own kernels."""
    module = function if isinstance(function, torch.nn.Module) else Function(function)
    return Program({"forward": Method(module, example, dynamic, **rest)})


def values(*shape: int) -> torch.Tensor:
    """Numbers between -1 and 1 that look random and are the same on every run."""
    return torch.sin(torch.arange(1, 1 + torch.Size(shape).numel(), dtype=torch.float32)).reshape(shape)


def eight_io(*inputs):
    return tuple(x * (k + 1) + inputs[(k + 1) % 8] for k, x in enumerate(inputs))


def kv_step(cache, x, pos):
    updated = torch.index_put(cache, (pos,), x.unsqueeze(0))
    return updated, updated.sum(dim=0)


def slow(x):
    """Repeats y = (x + softmax(x) @ y) / 2, which never leaves x's range.

    The same sums are made on a matrix that repeats x in tiles, with the weights divided by the number of tiles: each
    tile of the result is the result for x alone, and a small file holds a lot of work.
    """
    tiled = x.repeat(TILES_OF_SLOW, TILES_OF_SLOW)
    weights = torch.softmax(x, dim=-1).repeat(TILES_OF_SLOW, TILES_OF_SLOW) / TILES_OF_SLOW
    y = tiled
    for _ in range(ROUNDS_OF_SLOW):
        y = (tiled + weights @ y) * 0.5
    return y[:64, :64].clone()


def channels_last() -> Program:
    """A factor of its own for each element, so that a tensor read in the wrong order cannot come out right.

    The factors have the input's size and memory format: the portable kernels refuse to broadcast a [1, 3, 1, 1] here.
    """
    factors = torch.arange(48.0).reshape(1, 3, 4, 4).to(memory_format=torch.channels_last)
    return forward(lambda x: x * factors, [values(1, 3, 4, 4).to(memory_format=torch.channels_last)])


def type_program(dtype: torch.dtype) -> Program:
    x = torch.arange(8) % 2 if dtype == torch.bool else torch.arange(-3, 5).abs()
    function = torch.logical_not if dtype == torch.bool else (lambda x: x + x)
    return forward(function, [x.to(dtype)])


def unplanned_io() -> Program:
    program = forward(
        lambda x: (x + 1, x * 2), [values(5, 4)], [{0: Dim("n", min=1, max=8)}], more=[[values(n, 4)] for n in (1, 8)]
    )
    return dataclasses.replace(program, planned_io=False)


def xnnpack_linear() -> Program:
    rows = [[values(n, 32)] for n in (1, 15)]
    linear = forward(Linear(32, 16), [values(5, 32)], [{0: Dim("n", min=1, max=15)}], more=rows)
    return dataclasses.replace(linear, xnnpack=True, keep_arrays=True)


def programs() -> dict[str, Program]:
    n, m = Dim("n", min=1, max=32), Dim("m", min=1, max=32)
    made = {
        "eight_io": forward(eight_io, [values(4, 8) + k for k in range(8)]),
        "add_one_dynamic": forward(
            lambda x: x + 1,
            [values(5, 16)],
            [{0: Dim("n", min=0, max=64)}],
            more=[[values(n, 16)] for n in (0, 1, 64)],
        ),
        "two_dynamic": forward(
            lambda a, b: a @ b.T,
            [values(3, 8), values(5, 8)],
            [{0: n}, {0: m}],
            more=[[values(1, 8), values(32, 8)], [values(32, 8), values(1, 8)]],
        ),
        "scalar": forward(lambda x: x * 2 + 1, [torch.tensor(3.0)]),
        "channels_last": channels_last(),
        "fails_at_run": forward(
            lambda table, index: torch.index_select(table, 0, index),
            [values(5, 3), torch.tensor([4, 0, 2, 2])],
            failing=[[values(5, 3), torch.tensor([4, 0, 5, 2])], [values(5, 3), torch.tensor([-1, 0, 0, 0])]],
        ),
        "data_dependent": forward(
            lambda x: x[x > 0],
            [values(8)],
            more=[[-values(8)], [torch.zeros(8)], [torch.ones(8)]],
        ),
        "kv_step": forward(
            kv_step,
            [values(4, 8), values(8) + 2, torch.tensor([2])],
            more=[[values(4, 8), values(8) + 2, torch.tensor([0])]],
            failing=[[values(4, 8), values(8) + 2, torch.tensor([4])]],
        ),
        "slow": forward(slow, [values(64, 64) * 3]),
        "two_methods": Program(
            {
                "forward": Method(Function(lambda x: x + 1), [values(4)]),
                "double": Method(Function(lambda x: x * 2), [values(4)]),
            }
        ),
        "no_tensor_input": forward(lambda x, k: x + k, [values(4), 3], failing=[[values(4), 4]]),
        "many_io": forward(lambda *inputs: torch.stack(inputs).sum(dim=0), [values(2) + k for k in range(64)]),
        "unplanned_io": unplanned_io(),
        "xnnpack_linear": xnnpack_linear(),
        "type_float64": type_program(torch.float64),
    }
    return made | {f"types_{name}": type_program(dtype) for name, dtype in TYPES.items()}


def make(program: Program) -> bytes:
    exported = {
        name: export(method.module.eval(), tuple(method.example), dynamic_shapes=dynamic_shapes(method), strict=False)
        for name, method in program.methods.items()
    }
    if program.xnnpack:
        edge = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()])
    else:
        edge = to_edge(exported)
    planning = MemoryPlanningPass(alloc_graph_input=program.planned_io, alloc_graph_output=program.planned_io)
    return edge.to_executorch(ExecutorchBackendConfig(memory_planning_pass=planning)).buffer


def dynamic_shapes(method: Method):
    """torch.export's form of the shapes: *inputs counts as one argument that is a tuple."""
    if method.dynamic is None:
        return None
    return (tuple(method.dynamic),) if isinstance(method.module, Function) else tuple(method.dynamic)


def outputs_of(result) -> list[torch.Tensor]:
    return [result] if isinstance(result, torch.Tensor) else list(result)


def check(name: str, pte: bytes, program: Program) -> None:
    """Runs every method and compares with PyTorch; first the inputs that must fail, which must spoil nothing."""
    loaded = Runtime.get().load_program(pte, verification=Verification.InternalConsistency)
    assert loaded.method_names == set(program.methods), (name, loaded.method_names)
    for method_name, method in program.methods.items():
        runnable = loaded.load_method(method_name)
        for inputs in method.failing:
            try:
                runnable.execute(list(inputs))
            except RuntimeError:
                continue
            raise AssertionError(f"{name}: {inputs} ran, and should have failed")
        for inputs in [method.example, *method.more]:
            found = runnable.execute(list(inputs))
            expected = outputs_of(method.module(*inputs))
            for got, wanted in zip(found, expected, strict=True):
                torch.testing.assert_close(got, wanted, msg=lambda text: f"{name}.{method_name}: {text}")


def save_arrays(name: str, method: Method) -> None:
    numpy.save(HERE / f"{name}_input.npy", method.example[0].numpy())
    numpy.save(HERE / f"{name}_output.npy", method.module(*method.example).detach().numpy())


def describe(pte: bytes) -> str:
    """One line for each input and output of each method, as the file has them."""
    lines = []
    for plan in deserialize_pte_binary(pte).program.execution_plan:
        delegates = ", ".join(delegate.id for delegate in plan.delegates)
        lines.append(f"  {plan.name}: {len(plan.chains[0].instructions)} instructions, delegate: {delegates or 'none'}")
        for kind, indices in (("in", plan.inputs), ("out", plan.outputs)):
            for place, index in enumerate(indices):
                lines.append(f"    {kind} {place}: {describe_value(plan.values[index].val)}")
    return "\n".join(lines)


def describe_value(value) -> str:
    if not isinstance(value, Tensor):
        return repr(value)
    planned = "planned" if value.allocation_info else "unplanned"
    bound = "up to " if value.shape_dynamism != TensorShapeDynamism.STATIC else ""
    return f"{value.scalar_type.name} {bound}{list(value.sizes)} dim_order {list(value.dim_order)} {planned}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="programs to make; all of them by default")
    parser.add_argument("--describe", action="store_true", help="only print what the files of this folder contain")
    options = parser.parse_args()
    everything = programs()
    for name in options.names or everything:
        path = HERE / f"{name}.pte"
        if not options.describe:
            pte = make(everything[name])
            check(name, pte, everything[name])
            path.write_bytes(pte)
            if everything[name].keep_arrays:
                save_arrays(name, everything[name].methods["forward"])
        print(f"{path.name}: {path.stat().st_size} bytes\n{describe(path.read_bytes())}", flush=True)


if __name__ == "__main__":
    main()
