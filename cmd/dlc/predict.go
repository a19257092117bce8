package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // decoders of image.Decode
	_ "image/png"
	"os"
	"slices"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"dlc/ir/tensor"
	"dlc/runtime"
	"dlc/runtime/data"
	"dlc/runtime/program"
)

func newPredict() *cobra.Command {
	var csv string
	var images []string
	var asJSON bool
	c := &cobra.Command{
		Use:   "predict ARTIFACT (--image FILE | --csv FILE)",
		Short: "Answers raw records: images or rows of a table",
		Long: `Puts raw records through what the file's dataset block declares, and then through the model: the same code as in training.
Images are PNG or JPEG of the model's size; a table is CSV with a header that has the columns the model takes.`,
		Example: "  dlc predict lenet.dlb --image seven.png\n  dlc predict churn.dlb --csv customers.csv --json",
		Args:    oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := artifactOnly(cmd, args[0]); err != nil {
				return err
			}
			if (csv == "") == (len(images) == 0) {
				return errors.New("name records with either --csv FILE or --image FILE")
			}
			f, err := program.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			e := f.Entry("prepare")
			if e == nil {
				return fmt.Errorf("%s declares no way from raw records to inputs: it was built without a train block; use dlc run", args[0])
			}
			m, err := runtime.Load(f.Model)
			if err != nil {
				return err
			}
			defer m.Close()
			s, err := m.NewSession(runtime.Options{})
			if err != nil {
				return err
			}
			defer s.Close()
			raw, names, err := rawRecords(f.Model, csv, images)
			if err != nil {
				return err
			}
			ready, err := s.Run(cmd.Context(), "prepare", raw)
			if err != nil {
				return err
			}
			inputs := map[string]*tensor.Tensor{}
			for _, b := range f.Entry("infer").Buffers {
				if b.Class == program.Input {
					inputs[b.Name] = ready[b.Name]
				}
			}
			answers, err := s.Run(cmd.Context(), "infer", inputs)
			if err != nil {
				return err
			}
			return showAnswers(cmd, names, answers, asJSON)
		},
	}
	c.Flags().StringVar(&csv, "csv", "", "a table, one record a row")
	c.Flags().StringArrayVar(&images, "image", nil, "an image; may be repeated")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a record")
	return c
}

// rawRecords reads the raw columns that the model's inputs are made of. The others that prepare
// takes, such as the label, are not known of a record to be answered: they are zeros.
func rawRecords(m *program.Model, csv string, images []string) (map[string]*tensor.Tensor, []string, error) {
	prepare := m.Entry("prepare")
	out := map[string]*tensor.Tensor{}
	n := len(images)
	var table *data.Dataset
	var names []string
	if csv != "" {
		var err error
		if table, err = data.CSV(csv, data.Options{Missing: m.Manifest.Missing, Wanted: func(column string) bool { return slices.Contains(m.Manifest.Columns, column) }}); err != nil {
			return nil, nil, withHelp(err)
		}
		if err := table.Split(data.Split{Shares: []float64{100}}); err != nil {
			return nil, nil, err
		}
		n = table.Len(data.Train)
	}
	used := false
	for _, b := range prepare.Buffers {
		if b.Class != program.Input {
			continue
		}
		dims, ok := b.Type.Shape.Bind(map[string]int64{"N": int64(n)})
		if !ok {
			return nil, nil, fmt.Errorf("column %s is %s, which no raw record gives", b.Name, b.Type)
		}
		x := tensor.New(b.Type.DType, dims...)
		out[b.Name] = x
		switch {
		case !slices.Contains(m.Manifest.Columns, b.Name):
		case table != nil:
			c, ok := table.Column(b.Name)
			if len(dims) > 1 {
				return nil, nil, fmt.Errorf("the model takes %s, %s, which is no column of a table: name files with --image", b.Name, b.Type)
			}
			if !ok {
				return nil, nil, fmt.Errorf("%s has no column %q, which the model takes", csv, b.Name)
			}
			used = true
			if err := column(table, c, n, x); err != nil {
				return nil, nil, err
			}
		case len(dims) >= 3:
			used = true
			for i, path := range images {
				if err := picture(path, x, i); err != nil {
					return nil, nil, err
				}
			}
		}
	}
	if !used {
		return nil, nil, errors.New("the model takes no column of that kind")
	}
	for i := 0; i < n; i++ {
		if images != nil {
			names = append(names, images[i])
		} else {
			names = append(names, table.Place(data.Train, i))
		}
	}
	return out, names, nil
}

// withHelp adds to the error of a table what to do about it.
func withHelp(err error) error {
	if empty := (*data.Empty)(nil); errors.As(err, &empty) {
		return fmt.Errorf("%w; %s: write it there and build anew", err, empty.Help())
	}
	return err
}

// column copies a table's column in x, converted to its dtype.
func column(table *data.Dataset, c data.Column, n int, x *tensor.Tensor) error {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	from := tensor.New(c.Type, x.Dims...)
	if err := table.Batch(data.Train, rows, map[string][]byte{c.Name: from.Data}); err != nil {
		return err
	}
	for i := 0; i < x.Len(); i++ {
		x.SetFloat(i, from.Float(i))
	}
	return nil
}

// picture decodes an image into record i of x [N, H, W, C], whose size it must have.
func picture(path string, x *tensor.Tensor, i int) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	config, _, err := image.DecodeConfig(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("%s is no PNG or JPEG image: %w", path, err)
	}
	h, w, channels := x.Dims[1], x.Dims[2], 1
	if len(x.Dims) > 3 {
		channels = x.Dims[3]
	}
	if config.Height != h || config.Width != w {
		return fmt.Errorf("%s is %d x %d pixels; the model takes %d x %d", path, config.Width, config.Height, w, h)
	}
	img, _, err := image.Decode(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	at := i * h * w * channels
	for y := 0; y < h; y++ {
		for c := 0; c < w; c++ {
			p := img.At(img.Bounds().Min.X+c, img.Bounds().Min.Y+y)
			for _, v := range channelsOf(p, channels) {
				x.SetInt(at, int64(v))
				at++
			}
		}
	}
	return nil
}

func channelsOf(p color.Color, n int) []uint8 {
	if n == 1 {
		return []uint8{color.GrayModel.Convert(p).(color.Gray).Y}
	}
	c := color.NRGBAModel.Convert(p).(color.NRGBA)
	return []uint8{c.R, c.G, c.B, c.A}[:min(n, 4)]
}

// showAnswers prints each record's outputs; of several numbers also the place of the largest.
func showAnswers(cmd *cobra.Command, names []string, answers map[string]*tensor.Tensor, asJSON bool) error {
	var outputs []string
	for n := range answers {
		outputs = append(outputs, n)
	}
	sort.Strings(outputs)
	enc := json.NewEncoder(cmd.OutOrStdout())
	for i, name := range names {
		record := map[string]any{"record": name}
		var line strings.Builder
		for _, o := range outputs {
			x := answers[o]
			size := x.Len() / len(names)
			record[o] = nested(x, i*size, len(x.Dims)-1)
			fmt.Fprintf(&line, "  %s", o)
			best := i * size
			for j := i * size; j < (i+1)*size; j++ {
				fmt.Fprintf(&line, " %.4g", x.Float(j))
				if x.Float(j) > x.Float(best) {
					best = j
				}
			}
			if size > 1 {
				record[o+"_argmax"] = best - i*size
				fmt.Fprintf(&line, "  (largest: %d)", best-i*size)
			}
		}
		if asJSON {
			if err := enc.Encode(record); err != nil {
				return err
			}
		} else {
			fmt.Fprintf(cmd.OutOrStdout(), "%s%s\n", name, line.String())
		}
	}
	return nil
}
