# Everything a newcomer needs. Each target does its own set-up; a second run does no work twice.
PREFIX ?= /usr/local
PYTHON := .venv/bin/python
CTEST := PATH="$(CURDIR)/.venv/bin:$$PATH" ctest --output-on-failure -j $(shell nproc)

.PHONY: demo test asan tsan bench lint install build setup clean

demo: setup
	scripts/build release etrt digits executorch_backend_tensorrt
	scripts/demo

test: build
	$(CTEST) --test-dir build

build: setup
	scripts/build release

setup:
	scripts/setup

asan tsan: setup
	scripts/build $@
	$(CTEST) --test-dir build-$@

bench: build
	build/bin/etrt bench --counts

lint: setup
	scripts/setup clang-format clang-tidy
	scripts/build release
	scripts/lint

install: build
	.venv/bin/cmake --install build --prefix "$(PREFIX)"

clean:
	rm -rf build build-*
