# Everything works on a fresh clone with Python 3.10 to 3.13 and make; nothing needs an activated environment.
PYTHON ?= python3
UV_VERSION := 0.13.9

# A network with a certificate authority of its own has it in the system's store, where pip looks and uv does only if told.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem),)
export UV_SYSTEM_CERTS ?= true
endif

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BENCH_VENV := build/bench/venv
BENCH_STAMP := $(BENCH_VENV)/.installed
PYTEST_WORKERS ?= 2

# A venv of its own: the S3 client wants older versions of what constraints.txt pins. Celery 5.7 has dropped a name that
# the provider still imports.
CELERY := build/e2e-celery
CELERY_PACKAGES := "$$(grep '^apache-airflow==' constraints.txt)" 'apache-airflow-providers-celery[redis]' 'celery<5.7' \
	asyncpg 'moto[server]' psutil psycopg2-binary pytest
OLDEST_TESTS := tests/unit/hooks tests/unit/operators tests/unit/triggers tests/unit/test_compat.py \
	tests/unit/test_package.py tests/unit/test_wheel.py tests/airflow/test_operators.py tests/airflow/test_assets.py

.DEFAULT_GOAL := help
.PHONY: help install demo stop test test-matrix test-oldest e2e e2e-celery bench docs lint format constraints clean

help: ## show what can be made
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## make .venv from constraints.txt

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 10) <= v <= (3, 13) else "Python 3.10 to 3.13 is needed; %d.%d is $(PYTHON). Choose another: make install PYTHON=python3.12" % v)'
	@echo "Installing into $(VENV); the first time this takes a minute or more."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv==$(UV_VERSION)'
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --constraints constraints.txt --editable '.[sandbox,report]' --group dev
	@touch $@

demo: install ## a real Airflow runs the nightly DAG against the sandbox (KEEP=1 leaves both up)
	@$(BIN)/python scripts/demo.py $(if $(KEEP),--keep)

stop: install ## end what `make demo KEEP=1` has left up
	@$(BIN)/python scripts/demo.py --stop

test: install ## every test but the slow end-to-end ones
	$(BIN)/python -m pytest --numprocesses $(PYTEST_WORKERS) --dist loadfile

test-matrix: install ## the same tests on Airflow 3.1, 3.2 and 3.3 (one: PAIR=airflow-3.1.8-py3.10; some: TESTS=tests/unit)
	$(BIN)/python scripts/matrix.py $(if $(PAIR),--pair $(PAIR)) -- --numprocesses $(PYTEST_WORKERS) --dist loadfile $(TESTS)

test-oldest: ## what Airflow itself could break, on the oldest pair
	@$(MAKE) --no-print-directory test-matrix PAIR=airflow-3.1.8-py3.10 TESTS='$(OLDEST_TESTS)'

e2e: install ## the slow truths, on a real Airflow
	$(BIN)/python -m pytest -m e2e tests

e2e-celery: install ## the same on CeleryExecutor, Redis and PostgreSQL, with workers that share nothing but S3
	@{ command -v redis-server && { ls /usr/lib/postgresql/*/bin/initdb || command -v initdb; }; } >/dev/null 2>&1 \
		|| { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes redis-server postgresql >/dev/null; }
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(CELERY)/venv
	@$(BIN)/uv pip install --quiet --python $(CELERY)/venv/bin/python --editable '.[sandbox,report,s3]' $(CELERY_PACKAGES)
	CELERY_FOLDER=$(CELERY)/run $(CELERY)/venv/bin/python -m pytest -m e2e -s tests/e2e/celery

bench: $(BENCH_STAMP) ## the measurements in benchmarks/ (BENCH="client compare" for some, BENCH=--quick to try them)
	@$(BENCH_VENV)/bin/python -m benchmarks $(BENCH)

# An environment of its own: the peers that we measure against are no part of ours.
$(BENCH_STAMP): $(STAMP)
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(BENCH_VENV)
	@$(BIN)/uv pip install --quiet --python $(BENCH_VENV)/bin/python --constraints constraints.txt --editable '.[sandbox,report]' --group bench
	@touch $@

docs: install ## the documentation as a static site, in build/docs
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --constraints constraints.txt --group docs
	$(BIN)/mkdocs build --strict
	@echo "Open build/docs/index.html"

lint: install ## format, lint, types, and which room may know which
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy scripts dags_examples
	$(BIN)/lint-imports

format: install ## rewrite the code as the formatter wants it
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

constraints: install ## choose the newest versions again, for every Python we support
	$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --upgrade --no-header --no-annotate --no-emit-index-url \
		--extra sandbox --extra report --group dev --group docs --group bench pyproject.toml --output-file constraints.txt
	$(BIN)/python scripts/matrix.py --constraints

clean: ## remove what was built; .venv stays
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
