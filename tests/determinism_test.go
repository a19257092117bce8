package tests

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"dlc"
	"dlc/codegen/cpu"
	"dlc/ir/tensor"
	dlcruntime "dlc/runtime"
	"dlc/runtime/data"
	"dlc/runtime/program"
	"dlc/runtime/train"
)

const digitsFile = "../examples/digits/mlp.dlc"

// TestOneSumOfWeights trains on digits for every target, number of threads, repetition and
// interruption: the weights are the same, bit for bit.
func TestOneSumOfWeights(t *testing.T) {
	t.Parallel()
	d := openDigits(t)
	want := ""
	same := func(what string, done *train.DoneEvent) {
		if want == "" {
			want = done.WeightsSHA256
		}
		if done.WeightsSHA256 != want {
			t.Errorf("%s: weights %s, not %s", what, done.WeightsSHA256, want)
		}
	}
	for _, target := range cpu.Targets() {
		if !runs(t, target) {
			continue
		}
		m := everyCallLong(built(t, digitsFile, d, dlc.Options{Targets: []string{target.Name}}))
		for _, threads := range []int{1, 2, 4} {
			same(fmt.Sprintf("%s, %d threads", target.Name, threads), trained(t, m, d, func(j *train.Job) { j.Threads = threads }))
		}
		same(target.Name+", again", trained(t, m, d, nil))
		dir := t.TempDir()
		trained(t, m, d, func(j *train.Job) { j.Dir, j.Epochs = dir, 1 })
		same(target.Name+", resumed", trained(t, m, d, func(j *train.Job) { j.Dir, j.Resume = dir, true }))
	}
	m := built(t, digitsFile, d, dlc.Options{})
	same("calls without a team", trained(t, m, d, nil))
	if done := trained(t, m, d, func(j *train.Job) { j.Seed++ }); done.WeightsSHA256 == want {
		t.Error("another seed gives the same weights")
	}
}

// everyCallLong makes each call one for the team.
func everyCallLong(m *program.Model) *program.Model {
	for _, e := range m.Entries {
		e.Flops = tensor.Int(1e12)
	}
	return m
}

// TestImagesTrainAlike trains LeNet for a few steps of real images: dropout, pooling, AdamW and a
// schedule, on as many threads as batches have parts.
func TestImagesTrainAlike(t *testing.T) {
	t.Parallel()
	d := openImages(t, firstRecords(t, sharedData(t, "mnist"), 600))
	want := ""
	for _, target := range cpu.Targets() {
		if !runs(t, target) {
			continue
		}
		m := built(t, "../examples/mnist/lenet.dlc", d, dlc.Options{Targets: []string{target.Name}})
		for _, threads := range []int{1, 2, 4} {
			got := trained(t, m, d, func(j *train.Job) { j.Threads, j.Epochs, j.Batch = threads, 1, 128 }).WeightsSHA256
			if want == "" {
				want = got
			}
			if got != want {
				t.Errorf("%s, %d threads: weights %s, not %s", target.Name, threads, got, want)
			}
		}
	}
}

// artifact compiles a source for every target; no entries named means all.
func artifact(t testing.TB, src *dlc.Source, columns map[string]tensor.Type, entries ...string) *program.Model {
	t.Helper()
	p, err := dlc.Check(src, &dlc.Options{Columns: columns, Targets: []string{"x86-64-v3", "x86-64-v4"}, Entries: entries})
	if err != nil {
		t.Fatal(err)
	}
	m, err := p.Compile()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func encoded(t testing.TB, m *program.Model) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := program.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestCompilesAlike compiles each example several times: maps are walked in another order each
// time, and the artifact stays the same.
func TestCompilesAlike(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file  string
		times int
	}{{"digits/mlp", 5}, {"mnist/lenet", 3}, {"mnist/resnet", 2}} {
		src, err := dlc.ReadSource("../examples/" + c.file + ".dlc")
		if err != nil {
			t.Fatal(err)
		}
		want := encoded(t, artifact(t, src, imageColumns(c.file)))
		for i := range c.times - 1 {
			if got := encoded(t, artifact(t, src, imageColumns(c.file))); !bytes.Equal(got, want) {
				t.Fatalf("%s: compilation %d made another artifact", c.file, i+2)
			}
		}
	}
}

// TestOneProcessorCompilesAlike compiles with one worker and with several.
func TestOneProcessorCompilesAlike(t *testing.T) {
	src, err := dlc.ReadSource(digitsFile)
	if err != nil {
		t.Fatal(err)
	}
	before := runtime.GOMAXPROCS(1)
	one := encoded(t, artifact(t, src, imageColumns("digits/mlp")))
	runtime.GOMAXPROCS(8)
	eight := encoded(t, artifact(t, src, imageColumns("digits/mlp")))
	runtime.GOMAXPROCS(before)
	if !bytes.Equal(one, eight) {
		t.Error("the artifact depends on how many processors compile it")
	}
}

func imageColumns(file string) map[string]tensor.Type {
	size := int64(28)
	if strings.HasPrefix(file, "digits") {
		size = 8
	}
	return map[string]tensor.Type{"image": {DType: tensor.U8, Shape: tensor.Ints(size, size, 1)}, "label": {DType: tensor.U8}}
}

// TestOrderOfDeclarationsDoesNotMatter turns the blocks of a file around: code and weights stay.
func TestOrderOfDeclarationsDoesNotMatter(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"digits/mlp", "mnist/resnet"} {
		src, err := dlc.ReadSource("../examples/" + file + ".dlc")
		if err != nil {
			t.Fatal(err)
		}
		blocks := strings.Split(strings.TrimSpace(string(src.Text)), "\n\n")
		slices.Reverse(blocks[1:]) // the edition stays first
		turned := &dlc.Source{Path: src.Path, Text: []byte(strings.Join(blocks, "\n\n") + "\n")}
		if bytes.Equal(src.Text, turned.Text) {
			t.Fatalf("%s has one block", file)
		}
		a, b := artifact(t, src, imageColumns(file), "infer"), artifact(t, turned, imageColumns(file), "infer")
		for i := range a.Sections {
			if !bytes.Equal(a.Sections[i].Code, b.Sections[i].Code) {
				t.Errorf("%s: other code for %s", file, a.Sections[i].Target)
			}
		}
		for i := range a.Weights {
			if a.Weights[i].Path != b.Weights[i].Path {
				t.Errorf("%s: weight %s, not %s", file, b.Weights[i].Path, a.Weights[i].Path)
			}
		}
	}
}

// TestAnswersSurviveTheArtifact holds the artifact of a trained model to the process that trained
// it: scores of the best epoch, and the bits of every answer.
func TestAnswersSurviveTheArtifact(t *testing.T) {
	t.Parallel()
	d := openDigits(t)
	dir := t.TempDir()
	m := built(t, digitsFile, d, dlc.Options{})
	done := trained(t, m, d, func(j *train.Job) { j.Dir = dir })
	assign(t, m, filepath.Join(dir, train.BestFile))
	p := checked(t, digitsFile, d, dlc.Options{Targets: []string{"x86-64-v3", "x86-64-v4"}, Entries: []string{"prepare", "infer", "score", "metrics", "reset"}})
	shipped, err := p.Compile()
	if err != nil {
		t.Fatal(err)
	}
	assign(t, shipped, filepath.Join(dir, train.BestFile))
	loaded, err := program.Decode(encoded(t, shipped))
	if err != nil {
		t.Fatal(err)
	}
	images := tensor.New(tensor.F32, 100, 8, 8, 1)
	for i := range images.Len() {
		images.SetFloat(i, float64(i*7919%17)/16)
	}
	want := answers(t, m, images)
	sameBits(t, "the artifact:", answers(t, loaded, images), want)
	if x := want["logits"]; x.Len() != 1000 || math.IsNaN(x.Float(0)) || x.Float(0) == x.Float(10) {
		t.Errorf("the answers %v do not look like answers", x)
	}
	scores, err := train.ScoreModel(context.Background(), loaded, d, data.Valid, 32, dlcruntime.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	if done.BestEpoch != 2 || scores["loss"] != done.Valid["loss"] || scores["accuracy"] != done.Valid["accuracy"] {
		t.Errorf("the artifact scores %v, the run ended with %v", scores, done.Valid)
	}
}

// assign gives a model in memory the weights of a file.
func assign(t testing.TB, m *program.Model, path string) {
	t.Helper()
	from, err := data.ReadSafetensorsFile(path)
	if err != nil {
		t.Fatal(err)
	}
	to := map[string]*tensor.Tensor{}
	for _, w := range m.Weights {
		if train.Lasting(w) {
			dims, _ := w.Type.Shape.Bind(nil)
			to[w.Path] = &tensor.Tensor{DType: w.Type.DType, Dims: dims, Data: w.Value}
		}
	}
	if err := train.Assign(to, from); err != nil {
		t.Fatal(err)
	}
}

// answers runs infer on a session that shares the model's weights.
func answers(t testing.TB, m *program.Model, images *tensor.Tensor) map[string]*tensor.Tensor {
	t.Helper()
	model, err := dlcruntime.Load(m)
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	s, err := model.NewSession(dlcruntime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, err := s.Run(context.Background(), "infer", map[string]*tensor.Tensor{"image": images})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestResumeSkipsADamagedCheckpoint damages the newest checkpoint of a run: the run goes on from
// the one before and ends with the weights of an uninterrupted run.
func TestResumeSkipsADamagedCheckpoint(t *testing.T) {
	t.Parallel()
	d := openDigits(t)
	m := built(t, digitsFile, d, dlc.Options{})
	want := trained(t, m, d, func(j *train.Job) { j.Epochs = 3 }).WeightsSHA256
	dir := t.TempDir()
	trained(t, m, d, func(j *train.Job) { j.Dir, j.Epochs, j.Keep = dir, 2, 3 })
	path := filepath.Join(dir, "checkpoint-001-000000086.ckpt")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)-5] ^= 1
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	notes := &noted{}
	got := trained(t, m, d, func(j *train.Job) { j.Dir, j.Epochs, j.Resume, j.Report = dir, 3, true, notes }).WeightsSHA256
	if got != want {
		t.Errorf("weights %s, not %s", got, want)
	}
	if len(notes.text) != 1 || !strings.Contains(notes.text[0], "checkpoint-001-000000086.ckpt") {
		t.Errorf("the damaged checkpoint is not named: %q", notes.text)
	}
}

// A noted reporter keeps the notes.
type noted struct {
	silent
	text []string
}

func (n *noted) Note(text string) { n.text = append(n.text, text) }
