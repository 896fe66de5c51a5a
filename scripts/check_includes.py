#!/usr/bin/env python3
"""Checks that includes point the way docs/architecture.md says, and that vendor headers stay in their folders."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# part: what it may include besides itself and the public headers of its own library
ALLOWED = {
    "base": set(),
    "cuda": {"base"},
    "vgpu": {"base", "cuda"},
    "blob": {"base"},
    "pte": {"base", "blob"},
    "program_facts": {"base"},
    "engine": {"base", "cuda", "program_facts"},
    "api": {"base", "cuda", "vgpu"},
    "delegate": {"base", "cuda", "vgpu", "blob", "program_facts", "engine", "api"},
    "cli": {"base", "cuda", "vgpu", "blob", "pte", "program_facts", "engine", "api", "delegate"},
}
EXCEPTIONS = {("engine/program", "vgpu/kernel.h"), ("engine", "engine/program/program_loader.h")}
VENDORS = {
    "executorch/": ("delegate", "engine/program", "engine/tensorrt", "cli"),
    "NvInfer": ("engine/tensorrt",),
    "flatbuffers/": ("pte", "program_facts"),
    "nlohmann/": ("blob", "pte", "cli"),
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def problems():
    for path in sorted((ROOT / "src").rglob("*")):
        if path.suffix not in {".h", ".cpp"}:
            continue
        folder = path.parent.relative_to(ROOT / "src").as_posix()
        part = folder.split("/")[0]
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            where = f"{path.relative_to(ROOT)}:{number}"
            target = match.group(2)
            if match.group(1) == '"':
                yield f'{where}: include with angle brackets, from src/ or include/: "{target}"'
            other = target.split("/")[0]
            if other in ALLOWED and "/" in target and other != part and other not in ALLOWED[part]:
                if (folder, target) not in EXCEPTIONS:
                    yield f"{where}: {part} may not include {target}"
            for vendor, folders in VENDORS.items():
                if target.startswith(vendor) and not folder.startswith(folders):
                    yield f"{where}: {target} belongs in {', '.join(folders)}"


def main():
    found = list(problems())
    print("\n".join(found) or "includes point the way they should")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
