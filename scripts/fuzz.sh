#!/usr/bin/env bash
# Runs every fuzz target for that many seconds (10 unless told). What a target finds stays under its package's testdata/fuzz,
# where it fails every later test until it is mended.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-10}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || { echo "usage: scripts/fuzz.sh [SECONDS]"; exit 2; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0
while IFS=: read -r file name; do
  dir=$(dirname "$file")
  printf '%-20s %s\n' "$dir" "$name"
  go test "./$dir" -run '^$' -fuzz "^$name\$" -fuzztime "${seconds}s" -fuzzminimizetime 20x >"$log" 2>&1 || { cat "$log"; failed=1; }
done < <(grep -rno --include='*_test.go' '^func Fuzz[A-Za-z0-9]*' . | sed -E 's/^\.\///; s/:[0-9]+:func /:/' | sort)
exit $failed
