#!/usr/bin/env bash
# Everything that must hold: formatting, vet, and every test.
set -euo pipefail
unformatted=$(gofmt -l .)
[ -z "$unformatted" ] || { echo "not formatted by gofmt:"; echo "$unformatted"; exit 1; }
[ -d "${DLC_SHARED:-../shared}/data" ] || echo "SKIPPED: no shared data (set DLC_SHARED): tests on MNIST are left out"
PTXAS=$(scripts/ptxas.sh)
[ -z "$PTXAS" ] || export PTXAS PATH="$PATH:$(dirname "$PTXAS")" # nvdisasm lies beside it
go vet ./...
go test -timeout 20m ./...
