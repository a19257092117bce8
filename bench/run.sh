#!/usr/bin/env bash
# Times dlc against its peers: the same work, on the same machine, one after the other in one run.
#
#   PEERS=/path/to/venv/bin/python bench/run.sh [-n REPEATS] [PEER,PEER...]
#
# The work is `end_to_end.py` of the shared peers: a small CNN, MNIST, 3 epochs of 128, from process start to the end,
# compilation included. Prints one JSON line a run and the ratio of medians at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
repeats=3
if [ "${1:-}" = -n ]; then repeats=$2; shift 2; fi
peers=${1:-torch}
shared=${DLC_SHARED:-../shared}
python=${PEERS:-python3}
"$python" -c 'import torch' 2>/dev/null || { echo "SKIPPED: no PyTorch; name the Python that has it in PEERS"; exit 0; }
[ -x bin/dlc ] || make -s build
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
for _ in $(seq "$repeats"); do
  out=$(mktemp -d)
  begin=$(date +%s.%N)
  XDG_CACHE_HOME=$out/cache taskset -c 0,1 bin/dlc train examples/mnist/cnn.dlc --data Digits="$shared/data/mnist" --out "$out/run" --seed 1 --threads 2 --json > "$out/log"
  end=$(date +%s.%N)
  "$python" - "$out/log" "$begin" "$end" <<'P' | tee -a "$lines"
import json, sys
done = json.loads(open(sys.argv[1]).read().strip().splitlines()[-1])
print(json.dumps({"end_to_end": "mnist cnn", "peer": "dlc", "wall_s": round(float(sys.argv[3]) - float(sys.argv[2]), 3), "accuracy": done["test"]["accuracy"]}))
P
  rm -rf "$out"
  "$python" "$shared/peers/end_to_end.py" --peer "$peers" --threads 2 | tee -a "$lines"
done
"$python" - "$lines" <<'P'
import json, statistics, sys
runs = {}
for line in open(sys.argv[1]):
    r = json.loads(line)
    runs.setdefault(r["peer"], []).append(r)
ours = statistics.median(r["wall_s"] for r in runs.pop("dlc"))
for peer, rs in runs.items():
    theirs = statistics.median(r["wall_s"] for r in rs)
    print(f"{peer}: {theirs:.2f} s, dlc: {ours:.2f} s, ratio {theirs / ours:.2f}")
P
