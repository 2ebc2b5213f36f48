package scim

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/idpbridge/idpbridge/sinks"
)

const defaultConcurrency = 8

// Sink is one application. It is safe for concurrent use; the caller sees to it that two
// writes to one object don't run at once.
type Sink struct {
	base    *url.URL
	hc      *http.Client
	log     *slog.Logger
	profile Profile
	limits  sinks.Limits
	walks   walks
	paths   paths

	discovery struct {
		sync.Mutex
		done   bool
		claims Claims
	}
	usersByPut  atomic.Bool // PATCH of users turned out to be missing
	groupsByPut atomic.Bool
	removal     removalGuard
	bulk        bulkState
	visible     visibility
	plainEmail  atomic.Bool // value filters in filters turned out to be refused
	noVersions  atomic.Bool // versions turned out to be refused though they are right
	rooms       sync.Pool   // of *bytes.Buffer
}

// New makes a sink. It sends nothing. The client does the limiting, retrying and timing;
// it is copied, and the copy adds the credentials to requests for the base URL's host.
// Its errors should tell by a method NotSent() bool when a request had no effect; else
// what failed after dialling is taken for unclear.
func New(cfg Config, hc *http.Client, log *slog.Logger) (*Sink, error) {
	if problems := cfg.Validate(); len(problems) > 0 {
		return nil, fmt.Errorf("configure sink: %s %s", problems[0].Key, problems[0].Message)
	}
	base, err := url.Parse(cfg.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("configure sink: base_url: %w", cause(err))
	}
	if hc == nil {
		hc = &http.Client{}
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	client := *hc
	client.Transport = newAuthTransport(cfg.Auth, base, hc)
	client.CheckRedirect = refuseRedirects
	s := &Sink{base: base, hc: &client, log: log, profile: cfg.Effective()}
	s.limits = limits(cfg, s.profile)
	return s, nil
}

func limits(cfg Config, p Profile) sinks.Limits {
	n := cfg.Concurrency
	if n == 0 {
		n = defaultConcurrency
	}
	if p.Concurrency > 0 {
		n = min(n, p.Concurrency)
	}
	return sinks.Limits{
		Members:           p.MembersPerRequest,
		Concurrency:       n,
		MembersUnreadable: p.MembersUnreadable,
		DisableIsFinal:    p.DisableIsFinal,
	}
}

// Limits are the bounds of the application. They come from the configuration and the
// profile alone, so they need no request and never change.
func (s *Sink) Limits() sinks.Limits { return s.limits }

// Get reads one object. A *sinks.Error of class Missing proves that it is gone.
func (s *Sink) Get(ctx context.Context, q sinks.Query, id sinks.ID) (*sinks.Object, error) {
	d, _, err := s.fetch(ctx, q, id)
	if err != nil {
		return nil, err
	}
	o := d.object(q, s.membersKnown(ctx, q, d))
	return &o, nil
}

// fetch reads one resource and its version.
func (s *Sink) fetch(ctx context.Context, q sinks.Query, id sinks.ID) (*document, string, error) {
	req := request{method: http.MethodGet, resource: q.Resource, id: id, query: s.selection(q)}
	if id == "" {
		return nil, "", fmt.Errorf("%s: without an id", req.op())
	}
	a, err := s.send(ctx, req)
	if err != nil {
		return nil, "", err
	}
	d, err := readDocument(a.body, q.Members)
	switch {
	case err != nil:
		return nil, "", garbage(req, a, "the answer is no SCIM resource")
	case d.isV1():
		return nil, "", garbage(req, a, "")
	case d.id() == "":
		return nil, "", garbage(req, a, "the answer is a resource without id")
	case d.id() != id && !strings.EqualFold(string(d.id()), string(id)):
		return nil, "", garbage(req, a, "the answer is another resource")
	}
	return d, versionOf(a.header, d), nil
}

// selection keeps what is not wanted out of the answer: groups can have very many members.
// Applications that never show members often refuse the parameter too.
func (s *Sink) selection(q sinks.Query) url.Values {
	if q.Resource == sinks.Group && !q.Members && !s.profile.MembersUnreadable {
		return url.Values{"excludedAttributes": {sinks.PathMembers}}
	}
	return url.Values{}
}
