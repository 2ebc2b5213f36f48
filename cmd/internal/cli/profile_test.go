package cli

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// A command with --pprof serves profiles while it runs, and not afterwards.
func TestProfiles(t *testing.T) {
	var told strings.Builder
	r := &program{log: slog.New(slog.NewTextHandler(&told, nil))}
	link := ""
	get := func() (int, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, nil)
		if err != nil {
			return 0, err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode, errors.Join(err, resp.Body.Close())
	}
	cmd := r.withProfiles(&cobra.Command{Use: "work", RunE: func(*cobra.Command, []string) error {
		_, address, _ := strings.Cut(told.String(), "address=")
		link = "http://" + strings.TrimSpace(address) + "/debug/pprof/block?debug=1"
		if status, err := get(); err != nil || status != http.StatusOK {
			t.Errorf("GET %s: %d, %v", link, status, err)
		}
		return nil
	}})
	cmd.SetArgs([]string{"--pprof", "127.0.0.1:0"})
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	if status, err := get(); err == nil {
		t.Errorf("profiles are still served after the command: %d", status)
	}
}

// Nothing but loopback can be asked for.
func TestProfilesOnLoopbackAlone(t *testing.T) {
	r := &program{log: slog.New(slog.DiscardHandler)}
	for _, address := range []string{"0.0.0.0:6060", ":6060", "192.0.2.1:6060", "example.com:6060", "127.0.0.1"} {
		if stop, err := r.profile(t.Context(), address); err == nil {
			t.Errorf("%s was taken (%v)", address, stop())
		}
	}
}
