package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"time"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/graph"
	"github.com/idpbridge/idpbridge/sync/mapping"
)

// Micro are the rates of single steps on one core, in users a second of CPU time: what
// else the machine does meanwhile doesn't count.
type Micro struct {
	Decode float64 `json:"decode"`
	Map    float64 `json:"map"`
}

// microTime is how long each step is repeated.
const microTime = 2 * time.Second

func runMicro(ctx context.Context, _ Options, r *Report) error {
	return call(ctx, "role-micro", task{}, &r.Micro)
}

// measureMicro measures decoding and mapping with one core for everything, also for the
// collection of garbage.
func measureMicro(ctx context.Context, _ task, out io.Writer) error {
	runtime.GOMAXPROCS(1)
	table, err := mapping.Compile(mapping.Spec{}, mapping.Scope{}, mapping.Defaults{Users: graph.DefaultUserMapping(), Groups: graph.DefaultGroupMapping()})
	if err != nil {
		return err
	}
	cfg := graph.Config{BaseURL: "http://127.0.0.1/v1.0", Auth: graph.Auth{Type: graph.AuthToken, Token: token}}
	q := sources.Query{UserAttributes: table.UserAttributes()}
	page, err := canned(q)
	if err != nil {
		return err
	}
	source, err := graph.New(cfg, page, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	var m Micro
	var users []sources.User
	m.Decode, err = rate(func() (int, error) {
		p, err := source.Read(ctx, q, "")
		if err != nil {
			return 0, err
		}
		users = p.Users
		return len(users), nil
	})
	if err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	m.Map, err = rate(func() (int, error) {
		for i := range users {
			if _, err := table.Users().Values(users[i].Attributes); err != nil {
				return 0, err
			}
		}
		return len(users), nil
	})
	if err != nil {
		return fmt.Errorf("map: %w", err)
	}
	return json.NewEncoder(out).Encode(m)
}

// rate repeats a step for microTime and returns how many objects it does in a second.
func rate(step func() (int, error)) (float64, error) {
	n, began := 0, cpuTime().Duration
	for cpuTime().Duration-began < microTime {
		k, err := step()
		if err != nil {
			return 0, err
		}
		if k == 0 {
			return 0, errors.New("a step did nothing")
		}
		n += k
	}
	return float64(n) / (cpuTime().Duration - began).Seconds(), nil
}

// cannedPage is a client that gives the same page again and again.
type cannedPage []byte

// Get returns the page.
func (c cannedPage) Get(context.Context, graph.Request) (graph.Answer, error) {
	return graph.Answer{Status: http.StatusOK, Header: http.Header{}, Body: c}, nil
}

// canned asks an emulated tenant for a page of users.
func canned(q sources.Query) (cannedPage, error) {
	rec := httptest.NewRecorder()
	req := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/v1.0/users/delta?$select="+strings.Join(q.UserAttributes, ","), nil)
	req.Header.Set("Authorization", "Bearer "+token)
	tenant(task{People: 1000}).ServeHTTP(rec, req)
	if rec.Code != http.StatusOK || !bytes.Contains(rec.Body.Bytes(), []byte("nextLink")) {
		return nil, fmt.Errorf("page of users: status %d: %.200s", rec.Code, rec.Body)
	}
	return rec.Body.Bytes(), nil
}
