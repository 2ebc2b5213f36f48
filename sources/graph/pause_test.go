package graph_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/graph"
)

// pause is what a client says that sends nothing until a pause that Graph told is over;
// zero: it just got no answer.
type pause time.Duration

func (p pause) Error() string             { return "no answer" }
func (p pause) RetryAfter() time.Duration { return time.Duration(p) }

// Get fails with the pause in the wrapping that HTTP clients give.
func (p pause) Get(_ context.Context, r graph.Request) (graph.Answer, error) {
	return graph.Answer{}, fmt.Errorf("%s: %w", r.Op, &url.Error{Op: "Get", URL: "https://graph.microsoft.com", Err: p})
}

// A pause that was told is a throttle, which a probe can't end, and no failure of the
// network.
func TestToldPause(t *testing.T) {
	for told, class := range map[time.Duration]sources.Class{0: sources.Unreachable, 2 * time.Hour: sources.Throttled} {
		s, err := graph.New(graph.Config{Auth: graph.Auth{Type: graph.AuthToken, Token: "t"}}, pause(told), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Read(t.Context(), query(), "")
		got, ok := errors.AsType[*sources.Error](err)
		if !ok || got.Class != class || got.RetryAfter != told || got.Hint == "" {
			t.Errorf("after a pause of %s: %+v", told, err)
		}
	}
}
