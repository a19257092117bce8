package cpu

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"sort"
	"strings"
)

// A linker merges the .text and .rodata sections of object files into one blob. All references
// are relative to the instruction, so once they are applied the blob runs at any address.
type linker struct {
	code    []byte
	symbols map[string]int64 // functions, by name
}

// sectionAlign is the alignment of every section in the blob: a cache line, and the widest
// vector constant.
const sectionAlign = 64

func newLinker() *linker { return &linker{symbols: map[string]int64{}} }

// add appends the code of one object file and applies its references.
func (l *linker) add(object []byte) error {
	f, err := elf.NewFile(bytes.NewReader(object))
	if err != nil {
		return fmt.Errorf("read the object file: %w", err)
	}
	defer f.Close()
	places := map[int]int64{} // section number to its place in the blob
	for i, s := range f.Sections {
		if s.Flags&elf.SHF_ALLOC == 0 || s.Size == 0 {
			continue
		}
		if s.Name != ".text" && s.Name != ".rodata" && !strings.HasPrefix(s.Name, ".rodata.") {
			return fmt.Errorf("section %s (%d bytes) in generated code", s.Name, s.Size)
		}
		data, err := s.Data()
		if err != nil {
			return fmt.Errorf("read section %s: %w", s.Name, err)
		}
		l.pad(max(sectionAlign, int64(s.Addralign)))
		places[i] = int64(len(l.code))
		l.code = append(l.code, data...)
	}
	symbols, err := f.Symbols()
	if err != nil {
		return fmt.Errorf("read the symbols: %w", err)
	}
	for _, s := range symbols {
		if at, ok := places[int(s.Section)]; ok && elf.ST_TYPE(s.Info) == elf.STT_FUNC {
			l.symbols[s.Name] = at + int64(s.Value)
		}
	}
	for _, s := range f.Sections {
		at, ok := places[int(s.Info)]
		if s.Type != elf.SHT_RELA || !ok {
			continue
		}
		data, err := s.Data()
		if err != nil {
			return fmt.Errorf("read section %s: %w", s.Name, err)
		}
		if err := l.relocate(data, at, symbols, places); err != nil {
			return err
		}
	}
	return nil
}

func (l *linker) pad(to int64) {
	for int64(len(l.code))%to != 0 {
		l.code = append(l.code, 0xcc) // int3
	}
}

// relocate applies the references of the section at that place.
func (l *linker) relocate(table []byte, section int64, symbols []elf.Symbol, places map[int]int64) error {
	var r elf.Rela64
	for in := bytes.NewReader(table); in.Len() > 0; {
		if err := binary.Read(in, binary.LittleEndian, &r); err != nil {
			return fmt.Errorf("read a reference: %w", err)
		}
		kind, number := elf.R_X86_64(elf.R_TYPE64(r.Info)), elf.R_SYM64(r.Info)
		s := symbols[number-1]
		target, defined := places[int(s.Section)]
		if !defined {
			return fmt.Errorf("generated code refers to %s, which it does not contain", s.Name)
		}
		if kind != elf.R_X86_64_PC32 && kind != elf.R_X86_64_PLT32 {
			return fmt.Errorf("reference of kind %s in generated code", kind)
		}
		at := section + int64(r.Off)
		delta := target + int64(s.Value) + r.Addend - at
		if int64(int32(delta)) != delta {
			return fmt.Errorf("reference to %s over %d bytes", s.Name, delta)
		}
		binary.LittleEndian.PutUint32(l.code[at:], uint32(int32(delta)))
	}
	return nil
}

// undefined lists the symbols that an object refers to and does not define, sorted.
func undefined(object []byte) ([]string, error) {
	f, err := elf.NewFile(bytes.NewReader(object))
	if err != nil {
		return nil, fmt.Errorf("read the object file: %w", err)
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		return nil, fmt.Errorf("read the symbols: %w", err)
	}
	var names []string
	for _, s := range symbols {
		if s.Section == elf.SHN_UNDEF && s.Name != "" {
			names = append(names, s.Name)
		}
	}
	sort.Strings(names)
	return names, nil
}
