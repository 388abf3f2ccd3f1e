# `make demo` shows everything, `make test` tests everything; each sets up what it needs.
# Folder of the project to work on (the demo's: make chat ROOT=data/demo).
ROOT ?= .
# More words for any command: make publish ARGS="--encrypt", make train ARGS="--set training=quick".
ARGS ?=
# What to answer goes to the command as it is typed: quotes and $ included.
TEXT ?= 오늘 뭐함
export CHATBOT_TEXT := $(value TEXT)
unexport TEXT
# How hints call the commands.
export CHATBOT_CALLED_BY := make
SYSTEM_PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/chatbot
SFT := $(BIN)/python -m chatbot.sft_ops
# BASE: the folder or hub name of a pretrained base, if configs/sft.yaml does not name it.
TUNING = --root "$(ROOT)" $(if $(BASE),--set model.base_model="$(BASE)")

# Tests in one process more than there are cores, for many wait for a browser, a server or a disk;
# those of a file in one: they share what they set up.
EVERY_CORE = -n $(shell $(SYSTEM_PYTHON) -c 'import os; print(os.cpu_count() + 1)') --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help install install-dev install-lora install-serve install-db tune sft format kernel docs demo desk test test-fast test-faults test-attacks check bench compare init blind archive organize doctor preprocess plan train \
        password seal unseal clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | expand -t 14

$(VENV)/installed: pyproject.toml constraints.txt
	@$(SYSTEM_PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: Python 3.11 or newer is needed"; echo "hint: make demo SYSTEM_PYTHON=python3.12"; exit 2; }
	$(SYSTEM_PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[train]'
	@touch $@

$(VENV)/installed-lora: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[lora]'
	@touch $@

$(VENV)/installed-serve: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[serve]'
	@touch $@

$(VENV)/installed-db: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[db]'
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

install: $(VENV)/installed  ## make the environment
install-lora: $(VENV)/installed-lora  ## make the environment with what a pretrained base needs
install-serve: $(VENV)/installed-serve  ## make the environment with what the server needs
install-db: $(VENV)/installed-db  ## make the environment with what a database server needs
install-dev: $(VENV)/installed-dev  ## make the environment with what tests need

format: install-dev  ## write the code in one style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: install-dev  ## style, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

kernel: install-dev  ## compile the page's kernel.c to kernel.wasm
	$(BIN)/python scripts/build_kernel.py

docs: install  ## write docs/settings.md, docs/settings.ko.md from the schema
	$(BIN)/python scripts/settings_reference.py

test: check  ## style, types, all tests
	$(BIN)/python -m pytest -q $(EVERY_CORE)

test-fast: install-dev  ## the tests for every edit, in seconds
	$(BIN)/python -m pytest -q $(EVERY_CORE) -m 'not slow and not faults'

test-faults: install-dev  ## kills, failing calls, full disks: minutes
	$(BIN)/python -m pytest -q -s -m faults tests/faults
	N_FUZZ=5000 $(BIN)/python -m pytest -q tests/faults/test_fuzz.py
	N_FUZZ=1000 $(BIN)/python -m pytest -q tests/ingest/readers/test_exports.py

test-attacks: install-dev  ## what a shared file gives away, what a received one can do: minutes
	N_FUZZ=2000 $(BIN)/python -m pytest -q tests/attacks

bench: install  ## measure what the README states
	$(BIN)/python benchmarks/reading.py
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/replying.py

compare: install  ## our training beside two others: make compare ROOT=data/demo
	$(BIN)/python benchmarks/compare.py --root "$(ROOT)"
	$(BIN)/python benchmarks/picture.py benchmarks/results/compare.json

demo: install  ## the whole thing on an invented room, in minutes
	$(RUN) demo --root "$(ROOT)" $(value ARGS)

desk: install  ## a customer-service desk on an invented shop: database to answers, in minutes
	$(RUN) qna --root "$(ROOT)" demo $(value ARGS)

tune: install-lora  ## a pretrained base, all of it: make tune BASE=FOLDER
	$(SFT) organize $(TUNING)
	$(SFT) preprocess $(TUNING)
	$(SFT) train $(TUNING)
	$(SFT) smoke $(TUNING)
sft: install-lora  ## a command on a pretrained base: make sft CMD=chat
	@$(SFT) $(CMD) $(TUNING) $(value ARGS)

init: install  ## write configs/ and the folders of a new project
	$(RUN) init --root "$(ROOT)" $(value ARGS)
archive: install  ## move old data and models to data/archive/
	$(RUN) archive --root "$(ROOT)" $(value ARGS)
organize: install  ## file exports from data/raw/inbox/
	$(RUN) organize --root "$(ROOT)" $(value ARGS)
doctor: install  ## examine exports and this computer: make doctor ARGS="chat.txt"
	@$(RUN) doctor --root "$(ROOT)" $(value ARGS)
room: install  ## who writes how much, when and how; or ARGS="--simulate": its members talk by themselves
	@$(RUN) room --root "$(ROOT)" $(value ARGS)
preprocess: install  ## exports -> tokens
	$(RUN) preprocess --root "$(ROOT)" $(value ARGS)
plan: install  ## say before training what will happen
	$(RUN) plan --root "$(ROOT)" $(value ARGS)
train: install  ## train, or continue
	$(RUN) train --root "$(ROOT)" $(value ARGS)
status: install  ## where training is
	$(RUN) status --root "$(ROOT)" $(value ARGS)
stop: install  ## end training after a save
	$(RUN) stop --root "$(ROOT)" $(value ARGS)
leaderboard: install  ## every run beside the others: make leaderboard ARGS="--html runs.html"
	$(RUN) leaderboard --root "$(ROOT)" $(value ARGS)
smoke: install  ## three questions to the model
	$(RUN) smoke --root "$(ROOT)" $(value ARGS)
reply: install  ## one answer: make reply TEXT="오늘 뭐함"
	@$(RUN) reply --root "$(ROOT)" $(value ARGS) -- "$$CHATBOT_TEXT"
chat: install  ## talk
	@$(RUN) chat --root "$(ROOT)" $(value ARGS)
why: install  ## the training messages nearest to a reply: make why TEXT="나도 갈래"
	@$(RUN) why --root "$(ROOT)" $(value ARGS) -- "$$CHATBOT_TEXT"
bridge: install  ## type a room, see what would be sent
	@$(RUN) bridge $(if $(ARGS),,--dry) --root "$(ROOT)" $(value ARGS)
prefer: install  ## learn from what /retry and /edit said: make prefer ARGS=--list
	$(RUN) prefer --root "$(ROOT)" $(value ARGS)

serve: install-serve  ## a page and an interface for others
	@$(RUN) serve --root "$(ROOT)" $(value ARGS)
qna: install-db  ## a desk and its database: make qna ARGS=inspect, extract, prepare, index, eval
	@$(RUN) qna --root "$(ROOT)" $(value ARGS)
export: install  ## for other programs: make export, make export ARGS="--to gguf"
	$(RUN) export --root "$(ROOT)" $(if $(findstring --to,$(ARGS)),,--to hf) $(value ARGS) $(if $(TARGET),"$(TARGET)")
deploy: install-serve  ## a folder for a host: make deploy TARGET=site, make deploy ARGS="--kind docker"
	$(RUN) deploy --root "$(ROOT)" $(value ARGS) $(if $(TARGET),--to "$(TARGET)")
import: install  ## take such a folder back: make import TARGET=my-model
	$(RUN) import --root "$(ROOT)" $(value ARGS) "$(or $(TARGET),$(ROOT)/artifacts/hf)"
forget: install  ## take messages out: make forget ARGS="--speaker NAME"
	@$(RUN) forget --root "$(ROOT)" $(WHAT) $(value ARGS)
eval: install  ## how good models are: make eval, make eval ARGS="RUN MODEL --json"
	@$(RUN) eval --root "$(ROOT)" $(value ARGS)
blind: install  ## friends guess: real or bot? make blind ARGS="--file blind.html"
	@$(RUN) blind --root "$(ROOT)" $(value ARGS)
privacy: install  ## what the model remembers of the chat
	$(RUN) privacy --root "$(ROOT)" $(value ARGS)
publish: install  ## one model file in artifacts/
	$(RUN) publish --root "$(ROOT)" $(value ARGS)
encrypt-model: install  ## encrypt the published model
	@$(RUN) encrypt-model --root "$(ROOT)" $(value ARGS)
decrypt-model: install  ## the other way, for other programs
	@$(RUN) decrypt-model --root "$(ROOT)" $(value ARGS)
keygen: install  ## make a key for encrypted models
	@$(RUN) keygen --root "$(ROOT)" $(value ARGS)
password: install  ## make a password line for .env
	@$(RUN) password --root "$(ROOT)" $(value ARGS)
seal: install  ## encrypt everything private behind a passphrase
	@$(RUN) seal --root "$(ROOT)" $(value ARGS)
unseal: install  ## bring it back
	@$(RUN) unseal --root "$(ROOT)" $(value ARGS)

clean:  ## remove the environment and caches, never data or models
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
