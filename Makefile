# make demo: sets up what is missing, builds dlc, trains on real digits, builds the artifact and runs it.
# make test: everything that must hold.
.PHONY: demo test fuzz mutants mutate race build llvm golden fixtures fixtures-ops bench bench-kernels ulp clean
export CGO_ENABLED = 0
SHARED := $(or $(DLC_SHARED),../shared)

demo: llvm build
	./scripts/demo.sh

build:
	@command -v go >/dev/null || { echo "dlc is built with Go 1.26 or newer, which is not on the PATH; see https://go.dev/dl"; exit 2; }
	go build -o bin/dlc ./cmd/dlc

llvm:
	@./scripts/llvm.sh

test: llvm build
	./scripts/test.sh

# Every fuzz target of the texts for SECONDS each; with N, that many random programs from fresh seeds in its place, which go on
# after the last seed in tests/golden/programs/seeds.txt. What fails is kept beside it.
SECONDS := 20
ifdef N
fuzz: llvm
	go run ./tests/programs -n $(N)
else
fuzz:
	@./scripts/fuzz.sh $(SECONDS)
endif

# Mistakes made in the PTX of every witness, and which of them its tests catch.
MUTANTS := 100
mutants: llvm
	go test ./tests -run MistakesInPTX -v -timeout 1h -mutants $(MUTANTS)

# Mistakes made in dlc's own source, one at a time and never in the tree, and which of them the tests see: N of them, those in
# tests/mutate/outcomes.txt not again. Hours.
mutate: llvm
	go run ./tests/mutate -n $(or $(N),200)

race: llvm
	./scripts/race.sh

golden: build
	PTXAS=$$(scripts/ptxas.sh) go test $$(grep -rl 'flag.Bool("update"' --include=*_test.go . | xargs -n1 dirname | sort -u) -timeout 30m -update

fixtures: fixtures-ops
	@echo "needs Python with torch, scipy, safetensors and mpmath (any recent version)"
	python3 tests/fixtures/make.py lenet-accuracy $(SHARED)/data/mnist
	python3 tests/fixtures/make.py logits
	python3 tests/fixtures/make.py linear
	python3 ir/kernel/testdata/functions.py values

# Stored values of every op, of all samples in its row (PYTHON: one with torch, scipy and mpmath).
PYTHON := python3
fixtures-ops:
	go test ./ir/sample -run '^TestReferences$$' -args -cases "$${TMPDIR:-/tmp}/cases.json"
	$(PYTHON) ir/sample/references.py "$${TMPDIR:-/tmp}/cases.json"

bench: build
	./bench/run.sh

bench-kernels: build
	go run ./bench/kernels

# The error of each function of one f32 at every float (hours; FUNCTIONS and STRIDE take less), into docs/numerics.md.
STRIDE := 1
ulp: llvm
	go run ./bench/ulp -stride $(STRIDE) -write $(FUNCTIONS)

clean:
	rm -rf bin runs
