package passes

import "dlc/ir/tile"

// Machines are what schedules are tested for.
func Machines() []*tile.Machine {
	return []*tile.Machine{
		{Name: "avx2", Lanes: 8, Registers: 16, L1: 32 << 10, L2: 1 << 20},
		{Name: "avx512", Lanes: 16, Registers: 32, Masks: true, L1: 48 << 10, L2: 2 << 20},
	}
}
