package scim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/idpbridge/idpbridge/sinks"
)

// versionOf is the version of an object in an answer: the ETag, else meta.version, which
// is the same by RFC 7643 section 3.1. What can't stand in a header is no version.
func versionOf(h http.Header, d *document) string {
	version := h.Get("ETag")
	if version == "" && d != nil {
		version = d.version()
	}
	if strings.ContainsFunc(version, func(c rune) bool { return c < ' ' || c > '~' }) {
		return ""
	}
	return version
}

// keepsVersions reports whether versions count: those that answers show, and those that
// were kept since an earlier process. That costs no request: until ServiceProviderConfig is
// needed for something else, an application that shows versions is taken to heed them.
func (s *Sink) keepsVersions() bool {
	switch {
	case s.noVersions.Load() || s.profile.IfMatch == IfMatchNever:
		return false
	case s.profile.IfMatch == IfMatchAlways:
		return true
	}
	d := &s.discovery
	d.Lock()
	defer d.Unlock()
	return !d.done || d.claims.ETag == Yes
}

// ifMatch is the version that a write is made to depend on; empty: none.
func (s *Sink) ifMatch(version string) string {
	if !s.keepsVersions() {
		return ""
	}
	return version
}

// writeIf makes a write that may depend on the object's version (RFC 7644 section 3.14).
// On 412 somebody else has changed the object: it is read, by renew, and the write is made
// once more for what it is now. An application that refuses the version which it tells
// before and after can't be asked in this way; from then on no version is sent.
func (s *Sink) writeIf(ctx context.Context, req request, renew func(context.Context) (request, error)) (*answer, error) {
	for try := 1; ; try++ {
		a, err := s.write(ctx, req)
		if req.ifMatch == "" || statusOf(err) != http.StatusPreconditionFailed {
			return a, err
		}
		refused := req.ifMatch
		now, renewErr := renew(ctx)
		switch {
		case renewErr != nil:
			return nil, fmt.Errorf("read what somebody else changed: %w", renewErr)
		case try > 1 && now.ifMatch != refused:
			return nil, overtaken(err)
		case try > 1:
			s.noVersions.Store(true)
			s.log.WarnContext(ctx, "the application refuses the versions it tells; If-Match is not sent any more", "resource", req.resource.String())
			now.ifMatch = ""
		}
		req = now
	}
}

// present renews a request that stays as it is but for the object's version.
func (s *Sink) present(req request) func(context.Context) (request, error) {
	return func(ctx context.Context) (request, error) {
		_, version, err := s.fetch(ctx, sinks.Query{Resource: req.resource}, req.id)
		req.ifMatch = version
		return req, err
	}
}

// overtaken is the error of a write that somebody else's changes came before twice.
func overtaken(err error) error {
	if e, ok := errors.AsType[*sinks.Error](err); ok {
		e.Message = "not changed: somebody else changed the object twice while it was being written"
		e.Hint = "Another program or job writes to the same object. It is tried again later; see who else provisions this application."
	}
	return err
}
