# Everything a newcomer needs. Each target does its own set-up; a second run does no work twice.
PREFIX ?= /usr/local
PYTHON := .venv/bin/python
CTEST := PATH="$(CURDIR)/.venv/bin:$$PATH" ctest --output-on-failure -j $(shell nproc)

.PHONY: demo test asan tsan fresh bench lint tensorrt-check install build setup clean

demo: setup
	scripts/build release etrt digits executorch_backend_tensorrt
	scripts/demo

test: build
	$(CTEST) --test-dir build

build: setup
	scripts/build release

setup:
	scripts/setup

# The process's virtual GPU is never destroyed: threads of streams that ended since its last call are not joined.
tsan: export TSAN_OPTIONS := report_thread_leaks=0 atexit_sleep_ms=50 $(TSAN_OPTIONS)
asan tsan: setup
	scripts/build $@
	$(CTEST) --test-dir build-$@

# The README's commands on a fresh Debian, as root and as a user with sudo. Needs root; an hour.
fresh:
	scripts/fresh-machine

bench: build
	build/bin/etrt bench --counts

lint: setup
	scripts/setup clang-format clang-tidy
	scripts/build release
	scripts/lint

# TensorRT_ROOT: where NvInfer.h is; LIBRARIES: what to open, by default what the wheels in .venv have.
tensorrt-check: setup
	TensorRT_ROOT="$(TensorRT_ROOT)" TensorRT_RTX_ROOT="$(TensorRT_RTX_ROOT)" LIBRARIES="$(LIBRARIES)" scripts/tensorrt-check

install: setup
	scripts/build release etrt executorch_backend_tensorrt etrt_pte
	.venv/bin/cmake --install build --prefix "$(PREFIX)"

clean:
	rm -rf build build-*
