package train_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"dlc"
	"dlc/ir/tensor"
	"dlc/runtime/data"
	"dlc/runtime/program"
	"dlc/runtime/train"
)

func TestMain(m *testing.M) {
	if os.Getenv(childDir) != "" {
		child()
		return
	}
	os.Exit(m.Run())
}

const digitsDir = "../../examples/digits/data"

var openDigits = sync.OnceValues(func() (*data.Dataset, error) { return data.MNIST(digitsDir) })

func digits(t testing.TB) *data.Dataset {
	t.Helper()
	d, err := openDigits()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// cosine trains a small convolutional net with batch norm, dropout and a schedule that counts
// the steps of the run; stepwise has one that does not.
var (
	cosine   = sync.OnceValues(func() (*program.Model, error) { return compile() })
	stepwise = sync.OnceValues(func() (*program.Model, error) {
		return compile("cosine(0.02, warmup=5)", "step(0.02, every=30)")
	})
)

// compile compiles testdata/net.dlc after replacements.
func compile(replace ...string) (*program.Model, error) {
	d, err := openDigits()
	if err != nil {
		return nil, err
	}
	src, err := dlc.ReadSource("testdata/net.dlc")
	if err != nil {
		return nil, err
	}
	src.Text = []byte(strings.NewReplacer(replace...).Replace(string(src.Text)))
	o := dlc.Options{Columns: map[string]tensor.Type{}}
	for _, c := range d.Columns {
		typ := tensor.Type{DType: c.Type}
		for _, n := range c.Dims {
			typ.Shape = append(typ.Shape, tensor.Int(int64(n)))
		}
		o.Columns[c.Name] = typ
	}
	p, err := dlc.Check(src, &o)
	if err != nil {
		return nil, err
	}
	return p.Compile()
}

// A listener keeps what it is told.
type listener struct {
	plan   *train.Plan
	steps  int
	epochs []train.EpochEvent
	done   *train.DoneEvent
	notes  []string

	onStep  func(train.Progress)
	onEpoch func(train.EpochEvent)
}

func (l *listener) Begin(p train.Plan) { l.plan = &p }

func (l *listener) Step(p train.Progress) {
	l.steps++
	if l.onStep != nil {
		l.onStep(p)
	}
}

func (l *listener) Epoch(e train.EpochEvent) {
	l.epochs = append(l.epochs, e)
	if l.onEpoch != nil {
		l.onEpoch(e)
	}
}

func (l *listener) Done(e train.DoneEvent) { l.done = &e }
func (l *listener) Note(text string)       { l.notes = append(l.notes, text) }

// job is a run of three epochs of 22 steps, without waiting for the disk.
func job(t testing.TB, model func() (*program.Model, error), l *listener) train.Job {
	t.Helper()
	m, err := model()
	if err != nil {
		t.Fatal(err)
	}
	return train.Job{Model: m, Data: digits(t), Batch: 64, Epochs: 3, Seed: 5, Threads: 1, Dir: t.TempDir(), Best: monitor(t, "valid.loss", "min"),
		Report: l, Files: &disk{}}
}

func monitor(t testing.TB, score, mode string) *train.Monitor {
	t.Helper()
	m, err := train.NewMonitor(score, mode)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func run(t testing.TB, j train.Job) *train.DoneEvent {
	t.Helper()
	done, err := train.Run(context.Background(), j)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

var timings = regexp.MustCompile(`"(samples_per_s|seconds)":[^,}]+`)

// An outcome is what two runs of one job have in common: weights, best weights, log.
type outcome struct{ weights, best, about, log string }

func outcomeOf(t testing.TB, dir string, done *train.DoneEvent) outcome {
	t.Helper()
	return outcome{done.WeightsSHA256, content(t, dir, train.BestFile), content(t, dir, train.BestAbout), timings.ReplaceAllString(content(t, dir, train.LogFile), "")}
}

func content(t testing.TB, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (o outcome) mustBe(t testing.TB, want outcome) {
	t.Helper()
	if o.weights != want.weights {
		t.Errorf("weights %s, not %s", o.weights, want.weights)
	}
	if o.best != want.best {
		t.Error("other best weights")
	}
	if o.about != want.about {
		t.Errorf("best.json\n%s\nnot\n%s", o.about, want.about)
	}
	if o.log != want.log {
		t.Errorf("log\n%s\nnot\n%s", o.log, want.log)
	}
}
