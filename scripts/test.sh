#!/usr/bin/env bash
# Everything that must hold: formatting, vet, and every test.
set -euo pipefail
unformatted=$(gofmt -l .)
[ -z "$unformatted" ] || { echo "not formatted by gofmt:"; echo "$unformatted"; exit 1; }
[ -d "${DLC_SHARED:-../shared}/data" ] || echo "SKIPPED: no shared data (set DLC_SHARED): tests on MNIST are left out"
PTXAS=$(scripts/ptxas.sh)
[ -z "$PTXAS" ] || export PTXAS PATH="$PATH:$(dirname "$PTXAS")" # nvdisasm lies beside it
if [ -n "$PTXAS" ]; then
	here=$("$PTXAS" --version | sed -n 's/.*\bV\([0-9.]*\).*/\1/p')
	for by in $(sed -n '/^-- ptxas --$/{n;p;}' tests/golden/kernels/*.ptx.txtar | sort -u); do
		[ "$by" = "$here" ] || echo "SKIPPED: figures of ptxas in goldens are by $by, here is $here: they are not compared"
	done
fi
go vet ./...
go test -timeout 20m ./...
