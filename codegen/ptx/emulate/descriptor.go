package emulate

// Swizzles, and the matrix descriptors by which wgmma finds its operands in shared memory.

// swizzled exchanges 16-byte chunks of a shared address for a swizzle of 32, 64 or 128 bytes: bits 4.. are
// xored with bits 7..
func swizzled(addr uint64, span int) uint64 {
	switch span {
	case 32:
		return addr ^ addr>>7&1<<4
	case 64:
		return addr ^ addr>>7&3<<4
	case 128:
		return addr ^ addr>>7&7<<4
	}
	return addr
}

// descriptor is a decoded shared-memory matrix descriptor of sm_90.
type descriptor struct {
	start           uint64
	leading, stride uint64 // byte offsets
	base            uint64 // base offset
	swizzle         int    // bytes; 0 without
}

func describe(v uint64) descriptor {
	field := func(at int) uint64 { return v >> at & 0x3fff << 4 }
	return descriptor{start: field(0), leading: field(16), stride: field(32), base: v >> 49 & 7, swizzle: [4]int{0, 128, 64, 32}[v>>62]}
}

// reserved are the bits of a descriptor that must be zero.
const reserved = 3<<14 | 3<<30 | 7<<46 | 0x3ff<<52

// at gives the address of the 16-byte chunk that holds element (i, k), and the element's byte within it: i counts
// along M or N, k along K, size is an element's bytes. Core matrices are 8 rows of 16 bytes.
//
// Along K (K-major) a row i of a swizzled tile is one span; without swizzle, core matrices lie `leading` apart
// along K and `stride` apart along M/N. Along M/N (major) it is the transposed: chunks run along i.
func (s descriptor) at(i, k, size int, transposed bool) uint64 {
	per := 16 / size
	span := uint64(max(s.swizzle, 16))
	var off uint64
	switch {
	case !transposed && s.swizzle == 0:
		off = uint64(i%8)*16 + uint64(i/8)*s.stride + uint64(k/per)*s.leading + uint64(k%per*size)
	case !transposed:
		off = uint64(i%8)*span + uint64(i/8)*s.stride + uint64(k*size)
	case s.swizzle == 0:
		off = uint64(k%8)*16 + uint64(k/8)*s.leading + uint64(i/per)*s.stride + uint64(i%per*size)
	default:
		chunk := uint64(i / per)
		chunks := span / 16
		off = uint64(k%8)*span + uint64(k/8)*s.stride + chunk%chunks*16 + chunk/chunks*s.leading + uint64(i%per*size)
	}
	return swizzled(s.start+off, s.swizzle)
}
