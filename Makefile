# The two commands: make run, make test. Everything else serves them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export CFLAGS ?= -O2 -g -fno-strict-aliasing -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-unused-function -Wno-missing-field-initializers

.PHONY: build
build:
	@mkdir -p build
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || true
	$(BIN)/python -c "import setuptools; from setuptools import setup; setup()" build_ext --inplace 2>&1 | tee build/native.log
	@! grep -n "performance hint" build/native.log
