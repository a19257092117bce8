package program

// The native calling convention. Generated code sees memory only through these two structures;
// they lie in mapped memory outside the Go heap. All fields are 8 bytes unless said.
//
//	kernel: void (buffers **byte, symbols *int64, begin, end int64, scratch *byte, cancel *uint32)
//	driver: void (worker *Worker)
//
// A kernel computes blocks begin..end of one phase; buffers and symbols are those of its
// launch, in its own order. Behind the symbols stands the position of the launch's Repeat, which
// is 0 where it has none. A kernel leaves after the block at hand when *cancel is not zero. A
// driver runs every launch of an entry: worker t of T takes blocks t*B/T .. (t+1)*B/T, of the B
// blocks of a launch or of all of its Team, and meets the others at the barrier.
const (
	// Worker: one per thread of a call.
	WorkerFrame   = 0  // *Frame
	WorkerThread  = 8  // number of this thread, 0..threads
	WorkerScratch = 16 // *byte, ScratchBytes of this thread's own
	WorkerSize    = 64

	// Frame: shared by the threads of a call.
	FrameBuffers  = 0   // **byte, by buffer number of the entry
	FrameSymbols  = 8   // *int64, by Entry.Symbols
	FrameCode     = 16  // *byte, start of the section's blob
	FrameKernels  = 24  // *int64, Section.Kernels
	FrameThreads  = 32  // number of threads
	FrameSpin     = 40  // turns to spin at a barrier before sleeping; 0 when threads exceed CPUs
	FrameCancel   = 64  // uint32: not zero makes every thread leave after the block at hand, or at a barrier; a line of its own
	FrameArrived  = 128 // uint32: threads at the barrier; a line of its own
	FrameTurn     = 192 // uint32, a futex: number of the barrier's turn; a line of its own
	FrameSleepers = 196 // uint32: threads that sleep on the turn; zero when a call begins
	FrameSize     = 256

	// ScratchBytes is what each worker has for spilled tiles and argument lists.
	ScratchBytes = 1 << 20
)
