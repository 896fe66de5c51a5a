#!/usr/bin/env python3
"""Checks that a shared library exports the public API and nothing of its inside.

Usage: check_symbols.py LIBRARY...
"""

import re
import subprocess
import sys

PUBLIC = re.compile(
    r"((typeinfo|typeinfo name|vtable) for )?"
    r"(etrt::(pte::)?[A-Za-z_]+(::|\(|\[)|torch_tensorrt::executorch_backend::TensorRTBackend)"
)
INSIDE = re.compile(r"etrt::(base|cuda|vgpu|memory|blob|engine|process|api|delegate|cli|detail)::")


def exported(library):
    command = ["nm", "--dynamic", "--defined-only", "--demangle", library]
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        yield line.split(maxsplit=2)[2]


def main():
    libraries = sys.argv[1:]
    wrong = [
        f"{library} exports {symbol}"
        for library in libraries
        for symbol in exported(library)
        if not PUBLIC.match(symbol) or INSIDE.search(symbol)
    ]
    print("\n".join(wrong) or "only the public API is exported")
    return 1 if wrong or not libraries else 0


if __name__ == "__main__":
    sys.exit(main())
