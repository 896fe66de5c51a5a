#!/usr/bin/env python3
"""Compares what applications are linked with, the exported symbols and the sizes of public types, with the list in
tests/repository/abi.txt. A difference is a choice: --update writes the list anew, to be committed with the change.

Usage: check_abi.py [--update] [BUILD_DIRECTORY]
"""

import argparse
import difflib
import pathlib
import subprocess
import sys

from check_symbols import exported

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIST = ROOT / "tests/repository/abi.txt"
LIBRARIES = ("libexecutorch_backend_tensorrt.so", "libetrt_pte.so")


def actual(build):
    for library in LIBRARIES:
        yield from sorted({f"{library} {symbol}" for symbol in exported(str(build / "lib" / library))})
    sizes = subprocess.run([build / "bin/public_sizes"], check=True, capture_output=True, text=True).stdout
    yield from sizes.splitlines()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--update", action="store_true")
    parser.add_argument("build", nargs="?", type=pathlib.Path, default=ROOT / "build")
    arguments = parser.parse_args()
    found = list(actual(arguments.build))
    if arguments.update:
        LIST.write_text("\n".join(found) + "\n")
        return 0
    listed = LIST.read_text().splitlines()
    difference = list(difflib.unified_diff(listed, found, str(LIST.relative_to(ROOT)), "this build", lineterm="", n=0))
    print("\n".join(difference) or f"{len(found)} symbols and sizes are as listed")
    if difference:
        print("If that is meant: scripts/check_abi.py --update, and a line in CHANGELOG.md")
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())
