#!/usr/bin/env bash
# scripts/run.sh CMD ...: any command of the program, setting up what it needs. Without make.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ ! -e .venv/installed ]; then
  "${SYSTEM_PYTHON:-python3}" -m venv .venv
  .venv/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[train]'
  touch .venv/installed
fi
if [ "${1:-}" = test ]; then
  .venv/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
  exec .venv/bin/python -m pytest -q
fi
if [ "${1:-}" = sft ]; then
  shift
  .venv/bin/python -c 'import peft' 2>/dev/null || \
    .venv/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[lora]'
  exec .venv/bin/python -m chatbot.sft_ops "${@:---help}"
fi
exec .venv/bin/chatbot "${@:---help}"
