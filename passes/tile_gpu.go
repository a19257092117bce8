package passes

// On a GPU a block of the grid is one warp's: there are many warps, so that blocks are small, and
// a thread holds neighbours of the vector index, so that it moves 16 bytes at a time.

// Bounds of a warp's block.
const (
	warpRows   = 8        // of a register tile: what is uniform takes registers as well
	warpCode   = 64       // multiply-adds in one Step
	warpTerms  = 1 << 14  // terms of a nest, where extents allow
	warpPoints = 512      // points of maps
	warpSums   = 32 << 10 // bytes of the sums that are held
	warpHeld   = 12 << 10 // bytes of a row that is held
	warpRow    = 1024     // elements that a row stage reads
)

func (t *tiler) gpu() bool { return t.m.Warps > 0 }

// granule is the width of a register of floats, and no less than a panel's.
func (t *tiler) granule() int64 { return max(16, int64(t.m.Lanes)) }

// runOf is how many neighbours of the vector index a thread holds in a tile of that width.
func (t *tiler) runOf(width int64) int64 {
	if !t.gpu() {
		return 0
	}
	for _, run := range []int64{4, 2} {
		if width%(run*int64(t.m.Lanes)) == 0 {
			return run
		}
	}
	return 0
}

// choose is the first number on a CPU, the second on a GPU.
func (t *tiler) choose(cpu, gpu int64) int64 {
	if t.gpu() {
		return gpu
	}
	return cpu
}

// sixRows are the lengths by which a register tile of rows is walked: fewer on a GPU, where what is
// uniform takes registers as well.
func (t *tiler) sixRows() []int64 {
	if t.gpu() {
		return []int64{2, 1}
	}
	return []int64{6, 4, 1}
}
