#!/usr/bin/env bash
# Runs every fuzz target for that many seconds (10 unless told), as many at once as there are CPUs, one worker each.
# What a target finds stays under its package's testdata/fuzz, where it fails every later test until it is mended.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-10}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || { echo "usage: scripts/fuzz.sh [SECONDS]"; exit 2; }

# A worker collects above GOMEMLIMIT and dies at the limit of addresses, which its fuzzer reports with the input.
export seconds GOMEMLIMIT=1GiB GOMAXPROCS=1
ulimit -v $((4 << 20)) # KiB

fuzz() {
  local dir=$1 name=$2 log begun=$SECONDS
  log=$(mktemp)
  if ! go test "./$dir" -run '^$' -fuzz "^$name\$" -fuzztime "${seconds}s" -fuzzminimizetime 20x -parallel 1 >"$log" 2>&1 &&
    ! ended "$log"; then
    cat "$log"
    rm -f "$log"
    return 1
  fi
  printf '%-16s %-16s %4d s  %s\n' "$dir" "$name" $((SECONDS - begun)) "$(grep -o 'execs: [0-9]*' "$log" | tail -1)"
  rm -f "$log"
}

# ended: the time was up within a call, which go test reports like a failure but without an input.
ended() { grep -q 'context deadline exceeded' "$1" && ! grep -q 'Failing input written' "$1"; }
export -f fuzz ended

targets() { grep -rno --include='*_test.go' '^func Fuzz[A-Za-z0-9]*' . | sed -E 's,^\./(.*)/[^/]*:[0-9]+:func ,\1 ,' | sort; }

targets | xargs -P "$(nproc)" -L 1 bash -euo pipefail -c 'fuzz "$@"' fuzz
