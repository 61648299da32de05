# The portal's commands; `make` alone lists them. Needs Python 3.11 or newer as $(PY).

PY ?= python3
PORT ?= 8000
BENCH ?= /tmp/portal-bench
DEBUG ?= 1
export PORT DEBUG

VENV := .venv
PYTHON := $(VENV)/bin/python
INSTALL := $(PYTHON) -m pip install --quiet --quiet --disable-pip-version-check --require-hashes
LOCK := $(PYTHON) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url

.DEFAULT_GOAL := help
.PHONY: run demo test test-fast check lock help backup bench bench-desk bench-search bench-announcements bench-weight artwork fuzz faults attack

run: $(VENV)/.stamp ## Serve the portal for development, on PORT (8000); emails are shown in it
	@LOG_LEVEL=warning $(PYTHON) manage.py prepare_development
	@exec env SITE_URL="$${SITE_URL:-http://127.0.0.1:$(PORT)}" $(PYTHON) -m honcho start

demo: $(VENV)/.stamp ## Add fictional organizations and people to the development database
	@LOG_LEVEL=warning $(PYTHON) manage.py prepare_development --verbosity 0
	@LOG_LEVEL=warning $(PYTHON) manage.py demo

backup: $(VENV)/.stamp ## Back up the database of DATABASE_URL to BACKUP_DIR (backups)
	@$(PYTHON) manage.py backup

test: $(VENV)/.stamp-dev ## Run all tests, on a real PostgreSQL and, where it matters, on SQLite
	@DEBUG=1 .ci/test $(PYTHON)

test-fast: $(VENV)/.stamp-dev ## Run the tests of members, teams and desk on SQLite, without a browser
	@DEBUG=1 TEST_DATABASE=sqlite $(PYTHON) -m pytest -q -p no:cacheprovider -n auto \
		-m 'not browser' members teams desk

check: $(VENV)/.stamp-dev ## Check style, templates, types, migrations and production settings
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(VENV)/bin/lint-imports --no-logo
	find templates -name '*.html' -exec $(VENV)/bin/djade --check {} +
	DEBUG=1 DATABASE_URL= $(PYTHON) -m mypy .
	DEBUG=1 DATABASE_URL=sqlite://:memory: $(PYTHON) manage.py makemigrations --check --dry-run
	@echo 'manage.py check --deploy, with settings as in production'
	@DEBUG=0 SECRET_KEY="$$($(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(64))')" \
		ALLOWED_HOSTS=portal.example.org SITE_URL=https://portal.example.org \
		CONTACT_EMAIL=help@example.org DEFAULT_FROM_EMAIL=portal@example.org \
		EMAIL_URL=smtp+tls://mail.example.org:587 DATABASE_URL=sqlite://:memory: CACHE_URL= \
		$(PYTHON) manage.py check --deploy --fail-level WARNING

bench: $(VENV)/.stamp-dev ## Measure answers a second beside a bare Django, on both databases
	@$(PYTHON) tools/bench/speed.py $(BENCH)

bench-desk: $(VENV)/.stamp-dev ## Measure the desk with a million memberships, kept in BENCH
	@$(PYTHON) tools/bench/databases.py $(BENCH) tools/bench/desk.py

bench-search: $(VENV)/.stamp-dev ## Measure searches of the site with 10,000 documents
	@$(PYTHON) tools/bench/search.py

bench-announcements: $(VENV)/.stamp-dev ## Measure codes while 2,000 announcements wait, on both databases
	@$(PYTHON) tools/bench/announcements.py $(BENCH)

bench-weight: $(VENV)/.stamp-dev ## Measure bytes and requests of every page, served as in production
	@$(PYTHON) tools/bench/weight.py

artwork: $(VENV)/.stamp-dev ## Draw the touch icon and the preview picture anew, from tools/artwork/
	$(PYTHON) tools/artwork/draw.py

fuzz: $(VENV)/.stamp-dev ## Send every address, form and import FUZZ_EXAMPLES (20) requests, other ones each time
	@FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-20} FUZZ_SEED=$${FUZZ_SEED:-$$(date +%s)} TEST_DATABASE=postgres \
		$(PYTHON) -m pytest -q -p no:cacheprovider --show-capture=no collaborative/tests/test_fuzz.py \
		desk/tests/test_imports_hostile.py collaborative/tests/test_moving_journey.py

faults: $(VENV)/.stamp-dev ## Break processes, databases, disks and email while people join (10 minutes)
	@table=$$(mktemp); failed=0; for database in sqlite postgres; do \
		FAULTS=long FAULTS_TABLE=$$table TEST_DATABASE=$$database \
		$(PYTHON) -m pytest -q -p no:cacheprovider collaborative/tests/faults || failed=1; \
	done; echo; cat $$table; rm $$table; exit $$failed

attack: $(VENV)/.stamp-dev ## Attack the portal in production form, on both databases (10 minutes)
	@failed=0; for database in sqlite postgres; do \
		ATTACKS=1 DEBUG=1 TEST_DATABASE=$$database \
		FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-50} FUZZ_SEED=$${FUZZ_SEED:-$$(date +%s)} \
		$(PYTHON) -m pytest -q -p no:cacheprovider --show-capture=no collaborative/tests/attacks \
		collaborative/tests/test_restore_crafted.py desk/tests/test_imports_hostile.py \
		desk/tests/test_unseen_accounts.py desk/tests/test_unseen_people.py || failed=1; \
	done; exit $$failed

lock: $(VENV)/.stamp-dev ## Write the lock files anew, from requirements.in and requirements-dev.in
	$(LOCK) requirements.in -o requirements.txt
	$(LOCK) -c requirements.txt requirements-dev.in -o requirements-dev.txt

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

$(VENV)/.stamp: requirements.txt
	@$(PY) -c 'import sys; sys.exit("The portal needs Python 3.11 or newer; $(PY) is %d.%d. Name a newer one: make PY=python3.12 ..." % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	@echo 'Installing what the portal needs into $(VENV)'
	@$(PY) -m venv $(VENV)
	@$(INSTALL) -r requirements.txt
	@touch $@

$(VENV)/.stamp-dev: $(VENV)/.stamp requirements-dev.txt
	@echo 'Installing what the tests need into $(VENV)'
	@$(INSTALL) --no-compile -r requirements-dev.txt
	@touch $@
