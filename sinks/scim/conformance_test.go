package scim_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/idpbridge/idpbridge/config/secret"
	"github.com/idpbridge/idpbridge/sinks"
	"github.com/idpbridge/idpbridge/sinks/scim"
	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
	"github.com/idpbridge/idpbridge/sinks/sinktest"
)

const token = "s3cret-token"

// setup is an application with habits and a sink with the settings that fit it.
type setup struct {
	options scimtest.Options
	config  scim.Config
	traits  sinktest.Traits
}

// start starts the application and connects a sink to it.
func (u setup) start(t *testing.T) (*scimtest.Server, *scim.Sink) {
	t.Helper()
	u.options.Auth.Bearer = token
	u.options.KeepBodies = true
	srv := scimtest.New(u.options)
	u.config.BaseURL = srv.Start(t)
	u.config.Auth = scim.Auth{Type: "bearer", Token: secret.String(token)}
	if u.options.Quirks.RequireQuery != "" {
		u.config.BaseURL += "?" + u.options.Quirks.RequireQuery
	}
	sink, err := scim.New(u.config, &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return srv, sink
}

func (u setup) harness(t *testing.T) sinktest.Application {
	t.Helper()
	srv, sink := u.start(t)
	return sinktest.Application{
		Sink: sink, Traits: u.traits,
		Seed: func(values map[string]any) sinks.ID { return sinks.ID(srv.AddUser(values)) },
		Disturb: func(id sinks.ID) {
			if err := srv.Edit(string(id), "nickName", "disturbed"); err != nil {
				t.Fatal(err)
			}
		},
		Exchange: func(id sinks.ID) []string { return exchange(srv, id) },
		Held:     func() []sinks.Object { return heldUsers(srv) },
		HeldGroups: func() []sinks.Object {
			var out []sinks.Object
			for _, g := range srv.Groups() {
				out = append(out, held(g.ID, g.Values, g.Members))
			}
			return out
		},
	}
}

func heldUsers(srv *scimtest.Server) []sinks.Object {
	var out []sinks.Object
	for _, u := range srv.Users() {
		out = append(out, held(u.ID, u.Values, nil))
	}
	return out
}

// held names the manager as sinks do: by the path without `.value`.
func held(id string, values map[string]any, members []string) sinks.Object {
	o := sinks.Object{ID: sinks.ID(id), Values: map[string]any{}}
	for path, v := range values {
		o.Values[strings.Replace(path, ":manager.value", ":manager", 1)] = v
	}
	for _, m := range members {
		o.Members = append(o.Members, sinks.ID(m))
	}
	return o
}

// exchange is the requests for one object with the statuses of their answers.
func exchange(srv *scimtest.Server, id sinks.ID) []string {
	var out []string
	for _, r := range srv.Requests() {
		if strings.HasSuffix(r.Path, "/"+url.PathEscape(string(id))) {
			out = append(out, fmt.Sprintf("%s %d", r.Method, r.Status))
		}
	}
	return out
}

func TestConformance(t *testing.T) {
	t.Parallel()
	sinktest.Run(t, setup{}.trait(overtaken()).harness)
}
