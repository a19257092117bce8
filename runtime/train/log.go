package train

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// A log is the file log.jsonl of a run folder: one event a line.
type log struct{ file *os.File }

// openLog makes the folder and starts the log, or goes on with it.
func openLog(dir string, resume bool) (*log, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the run folder: %w", err)
	}
	mode := os.O_CREATE | os.O_WRONLY | os.O_TRUNC
	if resume {
		mode = os.O_CREATE | os.O_WRONLY | os.O_APPEND
	}
	f, err := os.OpenFile(filepath.Join(dir, "log.jsonl"), mode, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	return &log{f}, nil
}

func (l *log) write(event any) error {
	line, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	if _, err := l.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write the log: %w", err)
	}
	return nil
}

func (l *log) close() { l.file.Close() }
