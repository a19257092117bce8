package native

func supportedPlatform() error { return nil }

// cpuid executes CPUID.
//
//go:noescape
func cpuid(leaf, subleaf uint32, registers *[4]uint32)

// xgetbv returns the low half of XCR0: the register state that the operating system saves.
func xgetbv() uint32

// hasFlag reports whether the CPU has the feature and the operating system saves its registers.
func hasFlag(f cpuFlag) bool {
	var r [4]uint32
	cpuid(f.leaf&0x80000000, 0, &r)
	if r[0] < f.leaf {
		return false
	}
	if f.subleaf > 0 {
		if cpuid(f.leaf, 0, &r); r[0] < f.subleaf {
			return false
		}
	}
	if f.state != 0 {
		const osxsave = 1 << 27
		if cpuid(1, 0, &r); r[2]&osxsave == 0 || xgetbv()&f.state != f.state {
			return false
		}
	}
	cpuid(f.leaf, f.subleaf, &r)
	return r[f.register]>>f.bit&1 != 0
}
