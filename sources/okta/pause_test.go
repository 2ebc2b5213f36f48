package okta_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/okta"
)

// pause is what a client says that sends nothing until a pause that Okta told is over;
// zero: it just got no answer.
type pause time.Duration

func (p pause) Error() string             { return "no answer" }
func (p pause) RetryAfter() time.Duration { return time.Duration(p) }

// Get fails with the pause in the wrapping that HTTP clients give.
func (p pause) Get(context.Context, okta.Request) (*http.Response, error) {
	return nil, &url.Error{Op: "Get", URL: "https://acme.okta.com", Err: p}
}

// A pause that was told is a throttle, which a probe can't end, and no failure of the
// network.
func TestToldPause(t *testing.T) {
	for told, class := range map[time.Duration]sources.Class{0: sources.Unreachable, 2 * time.Hour: sources.Throttled} {
		s := okta.New(okta.Config{BaseURL: "https://acme.okta.com"}, pause(told), quiet())
		_, err := s.Read(t.Context(), sources.Query{}, "")
		got, ok := errors.AsType[*sources.Error](err)
		if !ok || got.Class != class || got.RetryAfter != told || got.Hint == "" {
			t.Errorf("after a pause of %s: %+v", told, err)
		}
	}
}
