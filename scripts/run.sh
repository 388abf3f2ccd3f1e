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
exec .venv/bin/chatbot "${@:---help}"
