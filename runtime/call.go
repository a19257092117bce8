package runtime

import (
	"context"

	"dlc/ir/tensor"
	"dlc/runtime/program"
)

// A Call is a call of an entry that someone else runs, launch by launch, looking at the memory
// in between. It is valid until the function that was given it returns.
type Call struct {
	Entry *program.Entry
	bound *Bound
}

// Launch runs launch i of the entry, on as many threads as the whole call would have.
func (c *Call) Launch(ctx context.Context, i int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.bound.frame.Enter(program.StepName(c.Entry.Name, i)); err != nil {
		return err
	}
	return c.bound.run(ctx)
}

// Follow calls launch for one launch after the other, those of branches and loops as their
// conditions say.
func (c *Call) Follow(launch func(i int) error) error {
	return c.follow(program.Stretch{To: len(c.Entry.Steps)}, launch)
}

func (c *Call) follow(in program.Stretch, launch func(i int) error) error {
	for _, part := range c.Entry.Stretches(in) {
		if part.In == in.In {
			if err := launch(part.From); err != nil {
				return err
			}
			continue
		}
		for c.Holds(part.In) {
			if err := c.follow(part, launch); err != nil {
				return err
			}
			if !part.In.Loop {
				break
			}
		}
	}
	return nil
}

// Holds reports whether a region is to run now.
func (c *Call) Holds(r *program.Region) bool { return c.Tensor(r.Cond).Int(0) != 0 != r.Not }

// Memory returns what buffer i may use, the space behind an arena buffer included.
func (c *Call) Memory(i int) []byte { return c.bound.frame.Buffer(i) }

// Tensor returns buffer i as a tensor over its memory. One that is stored in another layout than
// its shape's is a row of its stored elements.
func (c *Call) Tensor(i int) *tensor.Tensor {
	b, dims := &c.Entry.Buffers[i], c.Dims(i)
	size := b.Type.DType.Size()
	n := size
	for _, d := range dims {
		n *= d
	}
	data := c.Memory(i)
	stored := len(data)
	if b.Class == program.Arena {
		stored -= program.Alignment
	}
	if n != stored {
		dims, n = []int{stored / size}, stored/size*size
	}
	return &tensor.Tensor{DType: b.Type.DType, Dims: dims, Data: data[:n:n]}
}

// Dims returns the extents of buffer i by its shape.
func (c *Call) Dims(i int) []int {
	dims, _ := c.Entry.Buffers[i].Type.Shape.Bind(c.symbols())
	return dims
}

func (c *Call) symbols() map[string]int64 {
	env := map[string]int64{}
	for i, name := range c.Entry.Symbols {
		env[name] = c.bound.values[i]
	}
	return env
}
