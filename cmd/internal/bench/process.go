package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

// task is what a process of some role is given, as one JSON argument.
type task struct {
	People  int    `json:"people,omitempty"`
	Groups  int    `json:"groups,omitempty"`
	Members int    `json:"members,omitempty"` // in each group
	Capture string `json:"capture,omitempty"` // the file that requests to an application are written to
	State   string `json:"state,omitempty"`
	Source  string `json:"source,omitempty"`
	Sink    string `json:"sink,omitempty"`
	Full    bool   `json:"full,omitempty"`
	Profile string `json:"profile,omitempty"` // a file for the CPU profile
	Quiet   bool   `json:"quiet,omitempty"`   // faults are meant, and not logged
}

func parseTask(args []string) (task, error) {
	var t task
	if len(args) != 1 {
		return t, errors.New("a role takes one argument")
	}
	return t, json.Unmarshal([]byte(args[0]), &t)
}

func command(ctx context.Context, role string, t task) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, role, string(text))
	cmd.Env = append(os.Environ(), "IDPBRIDGE_BENCH_ROLE=1")
	cmd.Stderr = os.Stderr
	return cmd, nil
}

// call runs a role to its end and decodes what it printed.
func call(ctx context.Context, role string, t task, into any) error {
	cmd, err := command(ctx, role, t)
	if err != nil {
		return err
	}
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w", role, err)
	}
	return json.Unmarshal(out, into)
}

// server is a process that serves until its standard input ends.
type server struct {
	cmd  *exec.Cmd
	stop io.Closer
	base string // "http://127.0.0.1:port"
}

// start starts a serving role and waits for its address.
func start(ctx context.Context, role string, t task) (*server, error) {
	cmd, err := command(ctx, role, t)
	if err != nil {
		return nil, err
	}
	s := &server{cmd: cmd}
	if s.stop, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", role, err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("address of %s: %w", role, err), s.close())
	}
	s.base = strings.TrimSpace(line)
	return s, nil
}

func (s *server) close() error {
	return errors.Join(s.stop.Close(), s.cmd.Wait())
}

// control asks a server for something beside its API and decodes the answer.
func (s *server) control(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+"/control/"+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // read to its end
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("control %s: %s", path, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

// serve serves a handler on a free loopback port, prints its address and ends with the
// standard input.
func serve(ctx context.Context, h http.Handler, out io.Writer) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // its end is all that matters
		_ = srv.Close()                      // clients are through
	}()
	if _, err := fmt.Fprintf(out, "http://%s\n", l.Addr()); err != nil {
		return err
	}
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client may have gone
}
