# Lockstep. `make` lists what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Where `deploy/go-tool` puts what it builds. pseudo-versions, since MinIO's releases are no versions to Go.
export PATH := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/lockstep/bin:$(PATH)
MINIO_MODULE := github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c
JAEGER_MODULE := github.com/jaegertracing/jaeger/cmd/jaeger@v1.76.0
PROMETHEUS_MODULE := github.com/prometheus/prometheus/cmd/prometheus@v0.316.0
COLLECTOR_BUILDER := go.opentelemetry.io/collector/cmd/builder@v0.165.0
KUSTOMIZE_MODULE := sigs.k8s.io/kustomize/kustomize/v5@v5.7.1

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml deploy/requirements/dev.txt deploy/install
	@deploy/install $(VENV)
	@touch $(STAMP)

.PHONY: install
install: $(STAMP) ## install what is missing: ffmpeg, espeak-ng, a virtual environment

.PHONY: demo
demo: install ## render examples/lighthouse to out/lighthouse.mp4
	@$(BIN)/python examples/lighthouse/make_footage.py
	@$(BIN)/lockstep render examples/lighthouse/project.yaml -o out/lighthouse.mp4

.PHONY: listen
listen: install ## mix the demo's soundtrack and write out/lighthouse.listen.html, a page to hear it on
	@$(BIN)/python examples/lighthouse/make_footage.py
	@$(BIN)/lockstep listen examples/lighthouse/project.yaml --html out/lighthouse.listen.html

.PHONY: test
test: install ## run all tests
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

.PHONY: check
check: install ## what CI checks: lint, types, import rules, locked requirements, known weaknesses, generated docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/contracts tests/architecture
	$(BIN)/python -m deploy.audit

.PHONY: k8s-check
k8s-check: install ## validate the Kubernetes manifests, offline; builds kustomize where there is no kubectl
	@command -v kubectl >/dev/null || deploy/go-tool kustomize $(KUSTOMIZE_MODULE)
	@LOCKSTEP_NEEDS_KUSTOMIZE=1 $(BIN)/python -m pytest tests/architecture/test_deployment.py tests/architecture/test_store_policies.py

.PHONY: minio
minio: ## build a MinIO into ~/.cache/lockstep/bin, for the object store's contract tests (needs Go, takes minutes)
	@deploy/go-tool minio $(MINIO_MODULE)

.PHONY: observability
observability: ## build an OpenTelemetry collector, Prometheus 3 and Jaeger 2 into ~/.cache/lockstep/bin (Go, minutes)
	@deploy/go-tool otelcol $(COLLECTOR_BUILDER) deploy/collector-build.yaml
	@GOFLAGS=-tags=remove_all_sd deploy/go-tool prometheus-3 $(PROMETHEUS_MODULE)
	@deploy/go-tool jaeger $(JAEGER_MODULE)

.PHONY: trace-check
trace-check: install ## spans, measurements and dashboard on a real collector, Prometheus and Jaeger, where they are
	@$(BIN)/python -m pytest tests/integration/test_trace_stack.py tests/integration/test_trace_prometheus.py -rs

.PHONY: store-check
store-check: install ## the object store's contract and permissions, on SeaweedFS and on a MinIO where there is one
	@$(BIN)/python -m pytest tests/integration/test_object_store.py tests/integration/test_store_permissions.py

.PHONY: compose-check
compose-check: install ## run docker-compose.yml with SeaweedFS: deliver a video, scale, and look at how it is confined
	@LOCKSTEP_COMPOSE_TEST=1 $(BIN)/python -m pytest tests/compose

.PHONY: unit
unit: install ## the fast tests only
	@$(BIN)/python -m pytest --numprocesses 2 tests/unit tests/contracts tests/architecture

.PHONY: chaos
chaos: install ## break a running batch of 20 projects in every way, and print what became of it
	@deploy/install-faketime
	@LOCKSTEP_CHAOS_PROJECTS=$${LOCKSTEP_CHAOS_PROJECTS:-20} $(BIN)/python -m pytest tests/chaos tests/journey/test_interrupted_and_killed.py

.PHONY: load
load: install ## put 200 small projects through 1, 2 and 4 fitters (an hour), and compare with the simulation
	@$(BIN)/python -m benchmarks.load $${LOCKSTEP_LOAD:-}
	@$(BIN)/python -m benchmarks.simulate
	@$(BIN)/python -m benchmarks.scene_cost
	@$(BIN)/python -m benchmarks.many_scenes

.PHONY: audit
audit: install ## ask PyPI for known weaknesses of every pinned dependency; fails where it cannot be asked
	@$(BIN)/python -m deploy.audit --required

.PHONY: sbom
sbom: install ## write a bill of materials (CycloneDX) for each service's image to out/sbom
	@mkdir -p out/sbom
	@for service in voiceover transcriber scene-planner clip-fitter mixer assembler; do \
	  $(BIN)/uv tool run --quiet --from cyclonedx-bom cyclonedx-py requirements deploy/requirements/$$service.txt \
	    --output-format JSON --output-file out/sbom/$$service.cdx.json; done
	@ls out/sbom

.PHONY: fmt
fmt: install ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: lock
lock: install ## pin every dependency with its hash, for development and for each service
	deploy/lock $(BIN)/uv

.PHONY: docs
docs: install ## regenerate the generated pages and the README's pictures
	$(BIN)/python -m docs.generate

.PHONY: up
up: install ## keep the embedded stack running
	$(BIN)/lockstep up

.PHONY: clean
clean: ## remove what the demo and the tests made
	rm -rf out .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
