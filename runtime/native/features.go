package native

import (
	"fmt"
	"strings"
)

// A cpuFlag is where CPUID tells of a feature, and what the operating system must save for it.
type cpuFlag struct {
	leaf, subleaf uint32
	register      int // 0..3: EAX EBX ECX EDX
	bit           uint
	state         uint32 // bits of XCR0
}

// Register state in XCR0: SSE and AVX; opmasks and the zmm registers; AMX tiles.
const (
	avxState    = 0x6
	avx512State = 0xE6
	amxState    = 0x60006
)

// cpuFlags are the features that sections may need, as /proc/cpuinfo names them (Intel SDM
// volume 2, CPUID; AMD APM volume 3, appendix E).
var cpuFlags = map[string]cpuFlag{
	"sse3": {1, 0, 2, 0, 0}, "pni": {1, 0, 2, 0, 0}, "ssse3": {1, 0, 2, 9, 0}, "sse4_1": {1, 0, 2, 19, 0}, "sse4_2": {1, 0, 2, 20, 0},
	"cx16": {1, 0, 2, 13, 0}, "movbe": {1, 0, 2, 22, 0}, "popcnt": {1, 0, 2, 23, 0},
	"fma": {1, 0, 2, 12, avxState}, "avx": {1, 0, 2, 28, avxState}, "f16c": {1, 0, 2, 29, avxState},
	"bmi1": {7, 0, 1, 3, 0}, "avx2": {7, 0, 1, 5, avxState}, "bmi2": {7, 0, 1, 8, 0},
	"avx512f": {7, 0, 1, 16, avx512State}, "avx512dq": {7, 0, 1, 17, avx512State}, "avx512cd": {7, 0, 1, 28, avx512State},
	"avx512bw": {7, 0, 1, 30, avx512State}, "avx512vl": {7, 0, 1, 31, avx512State},
	"avx512vbmi": {7, 0, 2, 1, avx512State}, "avx512_vnni": {7, 0, 2, 11, avx512State}, "avx512_bf16": {7, 1, 0, 5, avx512State},
	"amx_bf16": {7, 0, 3, 22, amxState}, "amx_tile": {7, 0, 3, 24, amxState}, "amx_int8": {7, 0, 3, 25, amxState},
	"abm": {0x80000001, 0, 2, 5, 0}, "lzcnt": {0x80000001, 0, 2, 5, 0},
}

// cpuFloor is what every section needs, whatever it says.
var cpuFloor = []string{"avx2", "fma"}

// Supported returns why native code cannot run here at all: another platform, or a CPU below
// the floor of AVX2 and FMA.
func Supported() error {
	if err := supportedPlatform(); err != nil {
		return err
	}
	if err := Supports(cpuFloor); err != nil {
		return fmt.Errorf("%w; dlc needs AVX2 with FMA", err)
	}
	return nil
}

// Supports returns an error that names the features which this CPU, or its operating system,
// lacks.
func Supports(features []string) error {
	var lacking []string
	for _, name := range features {
		flag, known := cpuFlags[name]
		if !known {
			return fmt.Errorf("unknown CPU feature %q", name)
		}
		if !hasFlag(flag) {
			lacking = append(lacking, name)
		}
	}
	if lacking != nil {
		return fmt.Errorf("this CPU lacks %s", strings.Join(lacking, ", "))
	}
	return nil
}
