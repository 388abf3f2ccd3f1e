#!/usr/bin/env bash
# scripts/run_full_workflow.sh [FILE] [--root FOLDER] [--set KEY=VALUE]...: a desk's questions and
# answers to a trained bot: extract (from the database of .env, or take FILE instead: csv, jsonl),
# prepare, preprocess, train. What was done before is continued; rooms are not read.
set -euo pipefail
run="$(dirname "$0")/run.sh"
source=""
if [[ $# -gt 0 && $1 != -* ]]; then
  # A relative setting is of the project's folder, a word typed here is of this one.
  source="qna.source.path=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")"
  shift
fi
if [[ -z $source ]]; then
  "$run" qna "$@" extract
  "$run" qna "$@" prepare
else
  "$run" qna "$@" --set "$source" prepare
fi
tables=(--set "processed.tables=[data/qna_prompt_response.csv]" --set processed.rooms=none)
"$run" preprocess "${tables[@]}" "$@"
"$run" train "$@"
