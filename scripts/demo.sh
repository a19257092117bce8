#!/usr/bin/env bash
# Trains on the digits that come with dlc, builds the artifact, and lets it read five test images.
set -euo pipefail
say() { printf '\n\033[1m$ %s\033[0m\n' "$*"; "$@"; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
say bin/dlc train examples/digits/mlp.dlc --out "$out/run"
say bin/dlc build examples/digits/mlp.dlc --weights "$out/run/best.safetensors" -o "$out/mlp.dlb"
say bin/dlc inspect "$out/mlp.dlb"
go build -o "$out/show" ./examples/digits/show
say "$out/show" "$out/mlp.dlb" examples/digits/data/t10k-images-idx3-ubyte.gz
