#!/usr/bin/env bash
# Prints the path of NVIDIA's ptxas: $PTXAS, the one on the PATH, or one from the wheel on PyPI, kept in
# .cache/ptxas with nvdisasm beside it. Prints nothing, and says why, where there is none. Tools of tests alone.
set -uo pipefail
cd "$(dirname "$0")/.."
version=13.5.37
if [ -n "${PTXAS:-}" ]; then echo "$PTXAS"; exit 0; fi
if command -v ptxas; then exit 0; fi
at="$PWD/.cache/ptxas/$version"
tool="$at/nvidia/cu13/bin/ptxas"
if [ ! -x "$tool" ]; then
	if ! command -v python3 >/dev/null || ! python3 -m pip --version >/dev/null 2>&1; then
		echo "SKIPPED: no pip to fetch NVIDIA's ptxas with: PTX is not assembled" >&2
		exit 0
	fi
	if ! python3 -m pip install -q --disable-pip-version-check --no-deps --target "$at" "nvidia-cuda-nvcc==$version" nvidia-cuda-nvdisasm >&2; then
		rm -rf "$at"
		echo "SKIPPED: NVIDIA's ptxas cannot be fetched: PTX is not assembled" >&2
		exit 0
	fi
fi
echo "$tool"
