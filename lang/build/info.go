package build

import (
	"dlc/ir/tensor"
	"dlc/lang/diag"
)

// Info is what the host needs to know of a program beside its entries.
type Info struct {
	Model    string
	Batch    string // the symbol of the model's leading dim in `infer`; empty when it has none
	Inputs   []Field
	Outputs  []Field
	Dataset  *Dataset // nil without a train block
	Train    *Train   // nil without one
	Promises []Promise
	Layers   []Layer
}

// A Field is a named tensor. Range is its contract, nil when there is none.
type Field struct {
	Name  string
	Type  tensor.Type
	Range *Range
}

// A Range is lo <= v < hi.
type Range struct{ Lo, Hi int64 }

// A Dataset says where records come from and what they must be.
type Dataset struct {
	Name   string
	Source string         // mnist, idx or csv
	Args   map[string]any // of the source: string, float64 or bool; "path" always
	Span   diag.Span
	From   diag.Span // of the source with its arguments
	// Columns are the raw columns that `train` and `prepare` take, per record. A host must deliver
	// them in these types.
	Columns   []Column
	Needs     []string           // those that the model's inputs are made of, sorted; the others serve loss and metrics alone
	Missing   map[string]float64 // what an empty field of a table's column stands for
	Contracts []Contract
	Split     []float64 // percent: train, valid, test; nil without a split
	SplitBy   string    // column whose hash decides; "index" or empty: the record's number
}

// A Column is one raw column.
type Column struct {
	Name string
	Type tensor.Type
}

// A Contract is a declared range of a column's values; Raw says that it holds for the column as
// stored, so that the host can check it while loading.
type Contract struct {
	Column string
	Lo, Hi int64
	Raw    bool
	Span   diag.Span
}

// Train is the settings of a training run.
type Train struct {
	Batch, Epochs int
	Seed          uint64
	HasSeed       bool
	Loss          string   // as written
	Metrics       []string // in order
	Early         *EarlyStopping
	Checkpoint    *Checkpoint
	Optimizer     string
	Labels        []string // columns that loss and metrics take, beside the model's inputs
	Span          diag.Span
}

// EarlyStopping ends a run whose Monitor has not improved for Patience epochs.
type EarlyStopping struct {
	Monitor  string // valid.loss, valid.accuracy ...
	Patience int
	Mode     string // min or max
}

// Checkpoint says how many checkpoints to keep.
type Checkpoint struct{ Keep int }

// A Promise is one line of a require block: Subject Op Value, as in valid.accuracy >= 0.985 or
// memory.infer <= 4194304 with At {N: 1}. Bytes and FLOPs are in units of one.
type Promise struct {
	Subject string
	Op      string
	Value   float64
	Unit    string // as written
	At      map[string]int64
	Text    string
	Span    diag.Span
}

// A Layer is one applied layer of `infer`, in order of application; a path with a dot lies in the
// layer before it. The model itself comes first, with an empty path.
type Layer struct {
	Path, Layer string
	Output      tensor.Type
	Weights     []WeightInfo
}

// WeightInfo is one weight of a layer.
type WeightInfo struct {
	Path  string
	Type  tensor.Type
	State bool
}
