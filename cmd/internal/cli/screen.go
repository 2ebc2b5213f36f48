package cli

import (
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/idpbridge/idpbridge/sync/engine"
)

// screen is stderr: log lines, notes and, on a terminal, a progress bar that gives way to
// them.
type screen struct {
	terminal bool

	mu    sync.Mutex
	out   io.Writer
	bar   *progressbar.ProgressBar
	phase string
}

func newScreen(out io.Writer) *screen { return &screen{out: out, terminal: isTerminal(out)} }

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Write is for log handlers.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	return s.out.Write(p)
}

// note prints a line for people.
func (s *screen) note(line string) {
	_, _ = s.Write([]byte(strings.TrimRight(line, "\n") + "\n"))
}

func (s *screen) clear() {
	if s.bar != nil {
		_ = s.bar.Clear()
	}
}

// progress shows how far a cycle is. Without a terminal it shows nothing.
func (s *screen) progress(p engine.Progress) {
	if !s.terminal {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bar == nil || p.Phase != s.phase {
		s.clear()
		s.phase = p.Phase
		s.bar = newBar(s.out, p)
	}
	_ = s.bar.Set(p.Done)
}

// newBar makes a bar for one phase: a spinner with a count where the total is not known.
func newBar(out io.Writer, p engine.Progress) *progressbar.ProgressBar {
	total := p.Total
	if total == 0 {
		total = -1
	}
	return progressbar.NewOptions(total,
		progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(p.Phase), progressbar.OptionShowCount(),
		progressbar.OptionShowIts(), progressbar.OptionSetItsString("objects"), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(24), progressbar.OptionSpinnerType(14),
		progressbar.OptionSetSpinnerChangeInterval(0), // no goroutine that draws beside us
		progressbar.OptionSetElapsedTime(true))
}

// done takes the bar away.
func (s *screen) done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	s.bar = nil
}
