package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/idpbridge/idpbridge/sinks/scim/scimtest"
)

const basePath = "/scim/v2"

// counts are an application's requests by method.
type counts struct{ get, post, patch, other atomic.Int64 }

// Counts are the requests an application got, by method.
type Counts struct {
	GET, POST, PATCH, Other int64
}

func (c *counts) note(method string) {
	switch method {
	case http.MethodGet:
		c.get.Add(1)
	case http.MethodPost:
		c.post.Add(1)
	case http.MethodPatch:
		c.patch.Add(1)
	default:
		c.other.Add(1)
	}
}

// take returns the counts since it was last called.
func (c *counts) take() Counts {
	return Counts{c.get.Swap(0), c.post.Swap(0), c.patch.Swap(0), c.other.Swap(0)}
}

func (c *counts) handler(app http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/control/counts", func(w http.ResponseWriter, _ *http.Request) { answer(w, c.take()) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		c.note(r.Method)
		app.ServeHTTP(w, r)
	})
	return mux
}

func emulator() *scimtest.Server {
	return scimtest.New(scimtest.Options{NoLog: true, BasePath: basePath, Auth: scimtest.Auth{Bearer: token}})
}

// serveSCIM serves the emulated application. With Capture it writes down what it was told.
// /control/fault has one or two requests go wrong.
func serveSCIM(ctx context.Context, t task, out io.Writer) error {
	scim := emulator()
	var app http.Handler = scim
	end := func() error { return nil }
	if t.Capture != "" {
		f, err := os.Create(t.Capture)
		if err != nil {
			return err
		}
		c := &capture{app: app, out: bufio.NewWriterSize(f, 1<<20)}
		app, end = c, func() error { return errors.Join(c.out.Flush(), f.Close()) }
	}
	mux := http.NewServeMux()
	mux.Handle("/", new(counts).handler(app))
	mux.HandleFunc("/control/fault", func(w http.ResponseWriter, _ *http.Request) {
		faults := []scimtest.Fault{{DropBefore: true}, {DropAfter: true}, {Status: 503}, {Status: 500}, {Status: 500, Effect: true}}
		f := faults[rand.IntN(len(faults))]
		f.Times = 1 + rand.IntN(2)
		scim.Inject(f)
		answer(w, 1)
	})
	return errors.Join(serve(ctx, mux, out), end())
}

// sent is one captured write: the request, and the id that the application gave.
type sent struct {
	Method string          `json:"m"`
	Path   string          `json:"p"` // below the base path
	Body   json.RawMessage `json:"b"`
	ID     string          `json:"i,omitempty"`
}

// capture writes down each write request that its application accepts.
type capture struct {
	app http.Handler
	mu  sync.Mutex
	out *bufio.Writer
}

func (c *capture) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		c.app.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the client went away
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	tee := &answerTee{ResponseWriter: w}
	c.app.ServeHTTP(tee, r)
	var made struct{ ID string }
	if r.Method == http.MethodPost {
		_ = json.Unmarshal(tee.body.Bytes(), &made) // an answer without an id shows when it is sent again
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = json.NewEncoder(c.out).Encode(sent{r.Method, strings.TrimPrefix(r.URL.Path, basePath), body, made.ID}) // told by Flush
}

type answerTee struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (t *answerTee) Write(b []byte) (int, error) {
	t.body.Write(b)
	return t.ResponseWriter.Write(b)
}

// serveHollow serves an application that says yes to everything and keeps nothing. What it
// can do it says like the emulator.
func serveHollow(ctx context.Context, _ task, out io.Writer) error {
	h := &hollow{discovery: emulator()}
	return serve(ctx, new(counts).handler(h), out)
}

type hollow struct {
	discovery http.Handler
	ids       atomic.Int64
}

func (h *hollow) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, basePath)
	resource := strings.HasPrefix(path, "/Users") || strings.HasPrefix(path, "/Groups")
	if !resource {
		h.discovery.ServeHTTP(w, r)
		return
	}
	_, _ = io.Copy(io.Discard, r.Body) // a broken request shows when it is answered
	w.Header().Set("Content-Type", "application/scim+json")
	switch r.Method {
	case http.MethodPost:
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprintf(w, `{"id":"%08x-0000-4000-8000-000000000000"}`, h.ids.Add(1)) // the client may have gone
	case http.MethodGet:
		_, _ = io.WriteString(w, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0,"startIndex":1,"itemsPerPage":0,"Resources":[]}`)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}
