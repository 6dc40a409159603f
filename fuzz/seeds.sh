#!/usr/bin/env bash
# Puts what the fixtures hold into the corpora, which are not part of the repository.
set -euo pipefail
cd "$(dirname "$0")"

seed() {
  local target=$1
  shift
  mkdir -p "corpus/$target"
  cp -- "$@" "corpus/$target/"
}

seed playbook ../tests/fixtures/spec/*.yaml ../examples/*/*.yaml
for target in config credentials grants redactor template; do
  seed "$target" "seeds/$target"/*
done
