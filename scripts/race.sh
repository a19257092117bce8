#!/usr/bin/env bash
# The runtime's tests under the race detector, which needs a C compiler; nothing else of dlc does.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v "${CC:-gcc}" >/dev/null; then
  echo "SKIPPED: the race detector: there is no C compiler ${CC:-gcc} (Debian: apt-get install gcc)"
  exit 0
fi
CGO_ENABLED=1 go test -race ./runtime ./runtime/native ./runtime/program
