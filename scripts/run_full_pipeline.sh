#!/usr/bin/env bash
# scripts/run_full_pipeline.sh FILE [OUT] [--root FOLDER] [--set KEY=VALUE]...: answers the questions
# of a table (csv, jsonl) with the bot of run_full_workflow.sh; the same command continues.
set -euo pipefail
run="$(dirname "$0")/run.sh"
if [[ $# -eq 0 || $1 == -* ]]; then
  sed -n '2,3s/^# //p' "$0" >&2
  exit 2
fi
words=("$1")
shift
if [[ $# -gt 0 && $1 != -* ]]; then
  words+=(--output "$1")
  shift
fi
exec "$run" qna --set qna.infer.ask_as=prompt "$@" infer "${words[@]}"
