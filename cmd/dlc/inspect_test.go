package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dlc/ir/tensor"
	"dlc/runtime/program"
)

// TestInspectVerify inspects an artifact as written, with a weight changed, with its manifest
// changed, and cut: what it says, where, and the exit code.
func TestInspectVerify(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.dlb")
	m := &program.Model{Name: "Small", Weights: []*program.Weight{{Path: "w", Type: tensor.Type{DType: tensor.F32, Shape: tensor.Ints(16)}, Value: make([]byte, 64)}}}
	if err := program.Write(path, m); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flipped := func(at int) []byte {
		data := bytes.Clone(good)
		data[at] ^= 1
		return data
	}
	if _, errs, code := call("check", path); code != exitUser || !strings.Contains(errs, "m.dlb is an artifact, and dlc check takes a source file") {
		t.Errorf("check of an artifact: %d %s", code, errs)
	}
	length := int(binary.LittleEndian.Uint64(good[16:]))
	for _, c := range []struct {
		data       []byte
		verify     bool
		code       int
		out, error string
	}{
		{good, false, exitGood, "Small", ""},
		{good, true, exitGood, "header, manifest, code and weights match their checksums", ""},
		{flipped(len(good) - 64), false, exitGood, "Small", ""},
		{flipped(len(good) - 64), true, exitUser, "", "not a usable dlc artifact: its weights are damaged"},
		{flipped(128 + length/2), false, exitUser, "", "not a usable dlc artifact: its manifest is damaged"},
		{flipped(20), true, exitUser, "", "not a usable dlc artifact: its header is damaged"},
		{good[:len(good)-1], true, exitUser, "", "not a usable dlc artifact: it has "},
		{nil, true, exitUser, "", "not a usable dlc artifact: it is empty"},
	} {
		if err := os.WriteFile(path, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		args := []string{"inspect", path}
		if c.verify {
			args = append(args, "--verify")
		}
		var out, errs bytes.Buffer
		code := run(args, &out, &errs)
		want := ""
		if c.error != "" {
			want = "error: " + path + ": " + c.error
		}
		if code != c.code || !strings.Contains(out.String(), c.out) || !strings.HasPrefix(errs.String(), want) || strings.Count(errs.String(), "\n") > 1 || c.error != "" && out.Len() > 0 {
			t.Errorf("verify %v: exit code %d, want %d\n%s%s", c.verify, code, c.code, &out, &errs)
		}
	}
	if code := run([]string{"inspect", "--verify", t.TempDir()}, &bytes.Buffer{}, &bytes.Buffer{}); code != exitUser {
		t.Errorf("a directory ends with code %d", code)
	}
}
