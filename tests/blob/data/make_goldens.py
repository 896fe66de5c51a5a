"""Writes the goldens of this folder with pytorch/TensorRT's serializer. See README.md."""

import pathlib

from serialization import TensorRTBlobMetadata, TensorRTIOBinding, serialize_engine


def write(name, engine, metadata):
    (pathlib.Path(__file__).parent / name).write_bytes(serialize_engine(engine, metadata))


write(
    "plain_tr01.blob",
    bytes(range(256)) * 2,
    TensorRTBlobMetadata(
        io_bindings=[TensorRTIOBinding("x"), TensorRTIOBinding("y", is_input=False)],
        target_platform="linux_x86_64",
    ),
)
write(
    "aliased_tr02.blob",
    b"engine-bytes",
    TensorRTBlobMetadata(
        io_bindings=[
            TensorRTIOBinding("x", "float32", [1, 32], True),
            TensorRTIOBinding("k_in", "float16", [-1, 16, 32], True),
            TensorRTIOBinding("u_in", is_input=True),
            TensorRTIOBinding("y", is_input=False),
            TensorRTIOBinding("k_out", "float16", [-1, 16, 32], False),
            TensorRTIOBinding("u_out", is_input=False),
        ],
        aliased_io={"k_out": ("k_in", "kv_cache_update"), "u_out": ("u_in", "user")},
        hardware_compatible=True,
        device_id=3,
        serialized_metadata='gASV"\\/\n\t\x7f==',
        target_platform="linux_x86_64",
    ),
)
write(
    "unicode_tr01.blob",
    b"",
    TensorRTBlobMetadata(
        io_bindings=[TensorRTIOBinding("entr\u00e9e"), TensorRTIOBinding("\u51fa\u529b\U0001f600", is_input=False)],
        serialized_metadata="\x01\x1f\u2028",
    ),
)
