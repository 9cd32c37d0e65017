# Two commands on a fresh machine with Python >= 3.10, Java 17 and make: `make demo`, `make test`.
SHELL := /bin/bash -o pipefail
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PACKAGES := spark_platform spark_emulators spark_testkit spark_fixtures
SOURCES := spark_testkit platform emulators fixtures tests benchmarks examples conftest.py
# the last release of the community edition exists as source only
MINIO_VERSION := v0.0.0-20260212201848-7aac2a2c5b7c
FAKE_GCS_VERSION := v1.56.1
TEST_WORKERS ?= 2
TEST_ARGS ?=

export PATH := $(abspath $(BIN)):$(PATH)
# the environment above is the one meant, not one that happens to be active
unexport VIRTUAL_ENV

.DEFAULT_GOAL := help
.PHONY: help setup engine demo test check format lint types imports lock proto minio gcs kind contracts bench build clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make the locked Python environment in .venv

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python >= 3.10 is needed: make PYTHON=python3.x" if sys.version_info < (3, 10) else 0)'
	@command -v uv >/dev/null || $(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	  { echo "error: no uv, and no venv to fetch it into: install python3-venv, or uv" >&2; exit 1; }
	@command -v uv >/dev/null || { echo "==> uv (a fast pip): the lock's, by its hashes" && \
	  $(PYTHON) -m venv $(VENV) && sed -n '/^uv==/,/[^\\]$$/p' requirements/dev.txt | \
	  $(BIN)/python -m pip install --quiet --require-hashes --requirement /dev/stdin; }
	@echo "==> the locked environment in $(VENV) (about a minute the first time)"
	@uv venv --quiet --allow-existing --python $(PYTHON) $(VENV) && \
	  uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements/dev.txt && \
	  uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

engine: $(READY) ## fetch the default engine's jars and prepare its fast start
	@echo "==> the engine (jars are fetched once and checked by SHA-256)"
	@spark-testkit engines install 4.1

demo: engine ## the platform at work: manifest, Runner, Gateway, SK8, 336,776 flights in Iceberg tables, a query
	@spark-testkit demo

# a worker has a stretch of the suite to itself, so that what a module starts is started once
test: engine ## run all tests
	pytest -n $(TEST_WORKERS) --dist worksteal $(TEST_ARGS)

check: format lint types imports test ## everything a change must pass

format: $(READY) ## is the code formatted? (mend with `make format FIX=1`)
	ruff format $(if $(FIX),,--check) $(SOURCES)

lint: $(READY) ## lint
	ruff check $(if $(FIX),--fix) $(SOURCES)

types: $(READY) ## check types
	mypy $(PACKAGES:%=-p %) -p benchmarks

imports: $(READY) ## check who imports whom
	lint-imports --no-cache

lock: ## resolve the Python lock anew
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
	  --python-version 3.10 --all-extras --group dev pyproject.toml -o requirements/dev.txt

# an older protoc than the newest: what it makes works with protobuf 6 and 7
proto: $(READY) ## make the Python of the published .proto files anew
	cd platform && uv tool run --from grpcio-tools==1.76.0 --with 'setuptools<81' python -m grpc_tools.protoc -I. \
	  --python_out=. --pyi_out=. --grpc_python_out=. spark_platform/runner/grpc/runner.proto

minio: $(READY) ## build MinIO, the reference S3 server, into the cache (needs Go; minutes the first time)
	@$(call go_program,minio,github.com/minio/minio,$(MINIO_VERSION))

gcs: $(READY) ## build fake-gcs-server, the Google Cloud Storage of stacks, into the cache (needs Go)
	@$(call go_program,fake-gcs-server,github.com/fsouza/fake-gcs-server,$(FAKE_GCS_VERSION))

# (name, module, version). GOTOOLCHAIN: some systems' Go is set not to fetch the newer one asked for
define go_program
BIN_DIR="$$(python -c 'import os; from spark_testkit.settings import Settings; \
    print(Settings.from_env(os.environ).cache_dir / "bin")')" && \
  { test -x "$$BIN_DIR/$(1)" || { echo "==> $(1) $(3), from its Go module" && \
  GOTOOLCHAIN="$${GOTOOLCHAIN:-auto}" GOBIN="$$BIN_DIR" go install $(2)@$(3); }; }
endef

kind: $(READY) ## fetch or build what kind clusters start from (needs Docker, Go; a quarter of an hour the first time)
	@python -m spark_testkit.clusters.kind

contracts: engine ## test what Kubernetes promises on every cluster, and write docs/kubernetes_contract.md
	@report="$$(mktemp)" && trap 'rm -f "$$report"' EXIT && \
	  { pytest -n $(TEST_WORKERS) tests/contracts/kubernetes --junitxml="$$report" $(TEST_ARGS); result=$$?; \
	  python tests/support/contract_report.py "$$report" >docs/kubernetes_contract.md && exit $$result; }

bench: engine ## measure, against the stock way in the same run
	@python -m benchmarks

build: $(READY) ## build the wheel into dist/
	@uv build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir dist .

clean: ## delete what the targets above made here
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
