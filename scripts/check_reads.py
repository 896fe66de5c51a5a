#!/usr/bin/env python3
"""Checks that no compile of a build read a file that a machine may lack: a fresh Debian has what its packages bring, and
everything else comes from this tree, its .venv, or a folder that the one who builds has named.

Usage: check_reads.py NINJA BUILD_DIRECTORY [NAMED_FOLDER...]
"""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def reads(ninja, build):
    """Every file that a compile read, with the first object that shows it."""
    found = {}
    target = None
    output = subprocess.run([ninja, "-C", build, "-t", "deps"], check=True, capture_output=True, text=True).stdout
    for line in output.splitlines():
        if line.startswith("    "):
            found.setdefault(os.path.normpath(os.path.join(build, line.strip())), target)
        elif ": #deps" in line:
            target = line.split(":")[0]
    return found


def main():
    ninja, build, *named = sys.argv[1:]
    build = os.path.abspath(build)
    allowed = [str(ROOT), build, "/usr/include", "/usr/lib", *(os.path.abspath(folder) for folder in named)]
    found = reads(ninja, build)
    wrong = [
        f"{target} was compiled with {path}"
        for path, target in sorted(found.items())
        if not any(path.startswith(folder + "/") for folder in allowed)
    ]
    print("\n".join(wrong) or f"{len(found)} files were read, all from {', '.join(allowed)}")
    return 1 if wrong or not found else 0


if __name__ == "__main__":
    sys.exit(main())
