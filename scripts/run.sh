#!/usr/bin/env bash
# scripts/run.sh CMD ...: any command of the program, setting up what it needs. Without make.
set -euo pipefail
# Paths in the arguments are of where the caller is; without --root the project is this folder.
home=$(cd "$(dirname "$0")/.." && pwd)
export CHATBOT_CALLED_BY=$0
setup() { (cd "$home" && .venv/bin/python -m pip install --quiet --constraint constraints.txt --editable "$1"); }
if [ ! -e "$home/.venv/installed" ]; then
  "${SYSTEM_PYTHON:-python3}" -m venv "$home/.venv"
  setup '.[train]'
  touch "$home/.venv/installed"
fi
run=("$home/.venv/bin/chatbot")
case ${1:-} in
  test)
    setup '.[dev]'
    cd "$home"
    exec .venv/bin/python -m pytest -q
    ;;
  serve)
    "$home/.venv/bin/python" -c 'import starlette, uvicorn' 2>/dev/null || setup '.[serve]'
    ;;
  sft)
    shift
    "$home/.venv/bin/python" -c 'import peft' 2>/dev/null || setup '.[lora]'
    run=("$home/.venv/bin/python" -m chatbot.sft_ops)
    ;;
esac
command=${1:---help}
shift || true
case $command in
  -*) exec "${run[@]}" "$command" "$@" ;;
esac
exec "${run[@]}" "$command" --root "$home" "$@"  # a --root that follows counts
