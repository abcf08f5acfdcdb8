# Two environments: .venv holds everything for development, .venv-edge what a kiosk has and no more.
SHELL := bash
.SHELLFLAGS := -eo pipefail -c
PYTHON ?= python3
PIP_QUIET ?= -q --disable-pip-version-check
DEV = .venv/bin
EDGE = .venv-edge/bin
EXPORTS ?= edge/mien/models
WORKERS ?= 2

.PHONY: help setup demo test lint format train export results tables check-results wheel bench test-latency clean

help: ## this list
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 22

setup: .venv/ready ## .venv with everything: train, export, tests (about 2 GB)

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(DEV)/pip install $(PIP_QUIET) -e '.[train,export,onnx,dev]'
	@touch $@

.venv-edge/ready: pyproject.toml
	$(PYTHON) -m venv .venv-edge
	$(EDGE)/pip install $(PIP_QUIET) -e .
	@# For its photograph alone: none of scikit-image's dependencies is needed, or wanted on a kiosk.
	$(EDGE)/pip install $(PIP_QUIET) --no-deps 'scikit-image>=0.25'
	@touch $@

demo: .venv-edge/ready ## the main job on a fresh machine: readings of a moving clip, an annotated clip and picture
	@mkdir -p out/demo && rm -f out/demo/readings.jsonl
	$(EDGE)/mien run --source demo --annotate out/demo --sink text --sink jsonl:out/demo/readings.jsonl 2>&1 | tee out/demo/output.txt

test: .venv/ready ## all tests that need no special machine
	$(DEV)/python -m pytest -n $(WORKERS)

lint: .venv/ready ## formatting, style and types
	$(DEV)/ruff format --check .
	$(DEV)/ruff check .
	$(DEV)/mypy

format: .venv/ready
	$(DEV)/ruff format .
	$(DEV)/ruff check --fix .

# Who teaches the emotion classifiers, and each of these with the seed that is bundled.
TEACHER = teacher-large:12
EMOTIONS = base:0 large:1 nano:0
MODELS_BUNDLED = face-base face-small $(foreach run,$(EMOTIONS),emotion-$(firstword $(subst :, ,$(run))))

train: .venv/ready ## the detectors, then the classifiers and who teaches them; resumes what is begun (an accelerator helps)
	$(DEV)/python -m mien_train face --recipe base --resume
	$(DEV)/python -m mien_train face --recipe small --resume
	for run in $(EMOTIONS); do \
	  $(DEV)/python -m mien_train distil --recipe $${run%:*} --teacher $(TEACHER) \
	    --out runs/emotion-$${run%:*} --seed $${run#*:} --resume; \
	done

export: .venv/ready ## runs/ → the bundled models with their portrait counterparts, proven, with their figures
	$(DEV)/python -m mien_export build runs/face-base --method minmax --out $(EXPORTS)
	$(DEV)/python -m mien_export build runs/face-small --method minmax --calibration-size 1024 --out $(EXPORTS)
	for run in $(EMOTIONS); do \
	  $(DEV)/python -m mien_train align runs/emotion-$${run%:*}; \
	  $(DEV)/python -m mien_train quality runs/emotion-$${run%:*}; \
	  $(DEV)/python -m mien_export build runs/emotion-$${run%:*} --out $(EXPORTS); \
	done
	$(DEV)/python -m mien_export verify $(EXPORTS)

results: .venv/ready ## final report of the bundled models (looks at the test split, and notes it), and the README's tables
	for model in $(MODELS_BUNDLED); do $(DEV)/python -m mien_export results $$model; done
	$(DEV)/python -m mien_train conditions --model $(EXPORTS)/face-base.tflite --out docs/results/face-base-conditions.json
	$(DEV)/python -m mien_train tiles --model $(EXPORTS)/face-base.tflite --out docs/results/face-base-tiles.json
	$(DEV)/python -m mien_train smoothing
	$(DEV)/python -m mien_train explore --out out/explore && cp out/explore/explore.json docs/results/
	$(DEV)/python -m mien_export calibrations runs/emotion-base --sizes 128,512,2048
	for run in $(MODELS_BUNDLED); do cp runs/$$run/history.json docs/results/history-$$run.json; done
	$(MAKE) demo && cp out/demo/output.txt docs/results/demo.txt
	$(MAKE) tables

tables: .venv/ready ## the tables of README.md and docs, and the model cards, from docs/results
	$(DEV)/python -m mien_export frontier
	$(DEV)/python -m mien_export tables
	$(DEV)/python -m mien_export card $(MODELS_BUNDLED)

check-results: .venv/ready ## the committed figures: promises kept, tables and cards up to date, of the bundled models
	$(DEV)/python -m pytest tests/results/check_promises.py tests/results/check_pages.py tests/results/check_crossings.py

.venv-build/ready:
	$(PYTHON) -m venv .venv-build
	.venv-build/bin/pip install $(PIP_QUIET) 'build>=1.2' 'hatchling>=1.27'
	@touch $@

# A wheel's files all bear one time, so that the same sources give the same bytes.
wheel: export SOURCE_DATE_EPOCH ?= 1577836800
wheel: .venv-build/ready ## dist/mien-*.whl, models included; the same bytes each time
	.venv-build/bin/python -m build --wheel --no-isolation --outdir dist

bench: .venv/ready ## latency of every stage, and beside other people's models (../shared/peers), on this machine
	$(DEV)/python -m mien_export peers --out docs/results/bench.json

.PHONY: test-mutations

test-mutations: .venv/ready ## thousands of damaged sidecars, tables, settings, pictures, videos and models, each with its seed
	PYTHONPATH=tests:edge:train $(DEV)/python -m mutations $(MUTATIONS)

.PHONY: test-properties

test-properties: .venv/ready ## thousands of drawn inputs for each property that `make test` tries on forty
	$(DEV)/python -m pytest -n $(WORKERS) tests/properties --hypothesis-profile=many --timeout=1800

.PHONY: test-privacy test-faults

# One line that names what is missing, rather than a test that fails for it.
NEEDS = for need in $(1); do command -v "$${need%%:*}" >/dev/null || missing="$$missing $${need\#\#*:}"; done; \
	[ -z "$$missing" ] || { echo "$@: install first:$$missing (apt install$$missing)" >&2; exit 2; }

test-privacy: .venv/ready ## no socket, no stray file, no pixel: strace bubblewrap util-linux mosquitto openssl, as root; planted ones are caught
	@$(call NEEDS,strace:strace bwrap:bubblewrap unshare:util-linux mosquitto:mosquitto openssl:openssl)
	$(DEV)/python -m pytest -o python_files='test_*.py check_*.py' tests/privacy

test-faults: .venv/ready ## cameras, models and systems that fail, in real processes: bubblewrap util-linux; writes docs/faults.md
	@$(call NEEDS,bwrap:bubblewrap prlimit:util-linux)
	$(DEV)/python -m pytest tests/faults --faults-page docs/faults.md

.PHONY: test-networks
test-networks: .venv/ready ## hundreds of small random networks train ten steps, each in a process of its own: none may crash
	$(DEV)/python tests/train/networks/check_random_networks.py

.PHONY: bench-all
bench-all: .venv/ready ## latency, cold start and counted instructions anew, held against limits and the committed figures (half an hour)
	@mkdir -p out/bench
	$(DEV)/python -m mien_export peers --out out/bench/bench.json
	$(DEV)/python -m mien_export.arm64 --out out/bench/bench-arm64.json --page out/bench/arm64.md
	$(DEV)/python -m mien_export held out/bench

.PHONY: soak
soak: .venv/ready ## half a million frames with faults in between, on a quiet machine: memory, threads, latency (a quarter of an hour)
	PYTHONPATH=tests:edge:train $(DEV)/python -m soak $(if $(FRAMES),--frames $(FRAMES))

test-latency: .venv/ready ## latency tests: ratios within one run, on a quiet desktop
	$(DEV)/python -m pytest tests/latency

.PHONY: test-preview
test-preview: .venv/ready ## the live page in a real Chromium, and what viewers cost: chromium chromium-driver
	@$(call NEEDS,chromium:chromium chromedriver:chromium-driver)
	$(DEV)/python -m pytest -o python_files='test_*.py check_*.py' tests/edge/preview

clean: ## remove environments, caches and outputs; runs/ stays
	rm -rf .venv .venv-build .venv-edge .venv-tflite out dist build .pytest_cache .mypy_cache .ruff_cache

.PHONY: test-tflite-runtime test-constraints test-arm64 bench-arm64

PYTHON311 ?= python3.11
TFLITE = .venv-tflite/bin

.venv-tflite/ready: pyproject.toml edge/constraints/bookworm.txt
	@$(PYTHON311) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { \
	  echo 'test-tflite-runtime: needs Python 3.11, tflite-runtime has no wheel for a newer one;' \
	    'install it, or say where it is: PYTHON311=/path/to/python3.11' >&2; exit 2; }
	$(PYTHON311) -m venv .venv-tflite
	$(TFLITE)/pip install $(PIP_QUIET) -c edge/constraints/bookworm.txt -e '.[tflite]' 'pytest>=8.3' 'pytest-timeout>=2.3'
	$(TFLITE)/pip install $(PIP_QUIET) --no-deps 'scikit-image>=0.25'
	@touch $@

test-tflite-runtime: .venv-tflite/ready ## the third engine, with Python 3.11 and numpy 1 in .venv-tflite
	$(TFLITE)/python -m pytest tests/platform/check_tflite_runtime.py

test-constraints: .venv/ready ## the pins for Raspberry Pi OS resolve to wheels for aarch64 (asks the package index)
	$(DEV)/python -m pytest tests/platform/check_constraints.py

test-arm64: .venv/ready ## the wheel on emulated Raspberry Pi cores (mmdebstrap qemu-user bubblewrap)
	$(DEV)/python -m mien_export.arm64.root
	$(DEV)/python -m pytest tests/platform/check_arm64.py

bench-arm64: .venv/ready ## instructions that Raspberry Pi cores execute (besides: gcc), or of MODELS="a.json b.tflite"
	$(DEV)/python -m mien_export.arm64 $(if $(MODELS),--model $(MODELS))

.PHONY: test-picamera2 test-v4l2
test-picamera2: .venv/ready ## picamera2 itself on libcamera's virtual camera, in a Debian 13 root (mmdebstrap bubblewrap)
	$(DEV)/python tests/contract/contract_root.py

.PHONY: test-mqtt
test-mqtt: .venv/ready ## the MQTT sink against a real broker, which is away for a minute (mosquitto)
	@command -v mosquitto /usr/sbin/mosquitto > /dev/null || { \
	  echo 'test-mqtt: needs the broker mosquitto: apt install mosquitto' >&2; exit 2; }
	$(DEV)/python -m pytest -s tests/platform/check_mqtt.py

.PHONY: lock bundle test-bundle test-systemd

lock: .venv/ready ## edge/constraints/*.lock and docs/licences.md anew, from the pins (asks the package index)
	$(DEV)/python edge/bundle/lock.py

.venv-build/units: .venv-build/ready # the settings are written from the code, whose results are numpy's
	.venv-build/bin/pip install $(PIP_QUIET) 'numpy>=1.26'
	@touch $@

bundle: .venv-build/units wheel ## dist/mien-*-{bookworm,trixie}-aarch64.tar.gz: installs on a Raspberry Pi without internet
	.venv-build/bin/python edge/bundle/build.py $$(ls -t dist/mien-*.whl | head -n 1) $(SUITES)

test-bundle: .venv/ready bundle ## installs, upgrades and rolls back the bundle in an emulated Pi without network (mmdebstrap qemu-user-static)
	$(DEV)/python -m pytest tests/platform/check_bundle.py

test-v4l2: .venv/ready ## USB cameras through OpenCV's own Video4Linux code, on a camera that a library pretends (gcc)
	$(DEV)/python -m pytest tests/contract/test_v4l2.py

test-systemd: .venv/ready wheel ## the service in a Debian that boots (as root: mmdebstrap systemd-container): hangs, stops, upgrades, limits
	$(DEV)/python -m pytest tests/platform/check_systemd.py
