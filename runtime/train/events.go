package train

// A Reporter hears what a run does. Calls come from one goroutine, in order. What Epoch tells of
// is saved.
type Reporter interface {
	Begin(Plan)
	Step(Progress)
	Epoch(EpochEvent)
	Done(DoneEvent)
	Note(text string) // a warning or a remark, one line
}

// A Plan is the size of a run that has something left to do.
type Plan struct {
	Model                string
	Parameters           int64
	Train, Valid, Test   int // records
	Epochs, First        int // First is the epoch the run begins with, from 1
	Done                 int // steps of it that an earlier sitting has done
	StepsPerEpoch, Batch int
	Threads              int
	Seed                 uint64
}

// Progress is the state after one step.
type Progress struct {
	Epoch, Step, Steps int     // Step counts within the epoch
	Rows, Records      int     // of this batch, of the epoch
	Loss               float64 // mean over the epoch so far
}

// An EpochEvent ends an epoch.
type EpochEvent struct {
	Event   string  `json:"event"` // epoch
	Epoch   int     `json:"epoch"`
	Train   Scores  `json:"train"`
	Valid   Scores  `json:"valid,omitempty"`
	Rate    float64 `json:"samples_per_s"`
	Seconds float64 `json:"seconds"`
	Best    bool    `json:"best,omitempty"`
}

// A DoneEvent ends a run. WeightsSHA256 is of the final parameters and states, Seconds is the
// time of all sittings.
type DoneEvent struct {
	Event         string  `json:"event"`  // done
	Reason        string  `json:"reason"` // finished, stopped early
	Epochs        int     `json:"epochs"`
	Train         Scores  `json:"-"` // of the last epoch, whose event tells them
	Valid         Scores  `json:"valid,omitempty"`
	Test          Scores  `json:"test,omitempty"`
	BestEpoch     int     `json:"best_epoch"`
	Seconds       float64 `json:"seconds"`
	WeightsSHA256 string  `json:"weights_sha256"`
}
