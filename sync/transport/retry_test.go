package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// answer is one answer of a scripted server; status 0 drops the connection.
type answer struct {
	status int
	header http.Header
}

// script answers calls one after the other, the last answer again and again, and keeps the
// bodies that it got.
type script struct {
	answers []answer
	bodies  []string
	times   []time.Time
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	onTheWire(req)
	b := ""
	if req.Body != nil {
		data, _ := io.ReadAll(req.Body)
		b = string(data)
		_ = req.Body.Close()
	}
	a := s.answers[min(len(s.bodies), len(s.answers)-1)]
	s.bodies = append(s.bodies, b)
	s.times = append(s.times, time.Now())
	if a.status == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	if a.header == nil {
		a.header = http.Header{}
	}
	return &http.Response{StatusCode: a.status, Header: a.header, Body: io.NopCloser(strings.NewReader("{}")), ContentLength: 2, Request: req}, nil
}

var secondsOne = http.Header{"Retry-After": {"1"}}

func TestRetryMatrix(t *testing.T) {
	type row struct {
		name   string
		method string
		script []answer
		sent   int // how often the request left
		status int // of the answer that the caller got, 0: an error
	}
	var rows []row
	for _, m := range []string{"GET", "HEAD"} {
		for _, status := range []int{500, 502, 503, 504, 429, 0} {
			rows = append(rows, row{m + " recovers", m, []answer{{status: status}, {status: 200}}, 2, 200})
		}
		rows = append(
			rows,
			row{m + " gives up on 500", m, []answer{{status: 500}}, maxFaults, 500},
			row{m + " gives up on a broken connection", m, []answer{{}}, maxFaults, 0},
			row{m + " 404 is an answer", m, []answer{{status: 404}}, 1, 404},
			row{m + " 412 is an answer", m, []answer{{status: 412}}, 1, 412},
		)
	}
	for _, m := range []string{"POST", "PUT", "PATCH", "DELETE"} {
		for _, status := range []int{500, 502, 503, 504} {
			rows = append(rows, row{m + " after 5xx is unclear", m, []answer{{status: status}, {status: 200}}, 1, status})
		}
		rows = append(
			rows,
			row{m + " after a broken connection is unclear", m, []answer{{}, {status: 200}}, 1, 0},
			row{m + " 429", m, []answer{{status: 429}, {status: 429}, {status: 201}}, 3, 201},
			row{m + " 429 told", m, []answer{{429, secondsOne}, {status: 201}}, 2, 201},
			row{m + " 503 told", m, []answer{{503, secondsOne}, {status: 201}}, 2, 201},
			row{m + " 403 told", m, []answer{{403, secondsOne}, {status: 201}}, 2, 201},
			row{m + " throttled, then unclear", m, []answer{{429, secondsOne}, {status: 500}, {status: 201}}, 2, 500},
			row{m + " throttled for ever", m, []answer{{status: 429}}, maxThrottles, 429},
			row{m + " told too long a pause", m, []answer{{429, http.Header{"Retry-After": {"86000"}}}}, 1, 429},
			row{m + " 409 is an answer", m, []answer{{status: 409}}, 1, 409},
		)
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{answers: r.script}
				status, err := send(t, scripted(s, Options{}), r.method, "https://wiki.example/Users")
				if status != r.status || (r.status == 0) != (err != nil) || len(s.bodies) != r.sent {
					t.Errorf("status %d, error %v, sent %d times; want %d, sent %d times", status, err, len(s.bodies), r.status, r.sent)
				}
				if err != nil && asNotSent(err) {
					t.Errorf("%v claims that nothing was sent", err)
				}
				for _, b := range s.bodies[1:] {
					if diff := cmp.Diff(s.bodies[0], b); diff != "" {
						t.Error("the repeated body differs:", diff)
					}
				}
			})
		})
	}
}

// scripted returns a client over a server in memory.
func scripted(s http.RoundTripper, o Options) *http.Client {
	o.Peer, o.Name = Sink, "wiki"
	return &http.Client{Transport: newRoundTripper(o.withDefaults(), s), CheckRedirect: checkRedirect}
}

func TestAThrottledBodyThatCannotBeReplayedIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []answer{{status: 429}, {status: 201}}}
		req, _ := http.NewRequestWithContext(t.Context(), "POST", "https://wiki.example/Users", io.MultiReader(strings.NewReader("once")))
		resp, err := scripted(s, Options{}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if resp.StatusCode != 429 || len(s.bodies) != 1 {
			t.Errorf("status %d, sent %d times", resp.StatusCode, len(s.bodies))
		}
	})
}

func TestRetryStopsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []answer{{429, http.Header{"Retry-After": {"60"}}}}}
		c := scripted(s, Options{})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		req, _ := http.NewRequestWithContext(ctx, "POST", "https://wiki.example/Users", strings.NewReader("{}"))
		_, err := c.Do(req) //nolint:bodyclose // there is none
		if !errors.Is(err, context.Canceled) || !asNotSent(err) || time.Since(start) != time.Second {
			t.Errorf("%v after %s; want a cancellation without effect after 1s", err, time.Since(start))
		}
	})
}

func TestNoWaitBeyondTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []answer{{429, http.Header{"Retry-After": {"60"}}}}}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		req, _ := http.NewRequestWithContext(ctx, "GET", "https://wiki.example/Users", nil)
		resp, err := scripted(s, Options{}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		if resp.StatusCode != 429 || time.Since(start) != 0 {
			t.Errorf("status %d after %s; want the 429 at once, since no retry fits", resp.StatusCode, time.Since(start))
		}
	})
}

func TestABrokenKeepAliveWriteIsSentOnce(t *testing.T) {
	// The server reads the second request of a connection and drops it: it may have
	// acted on it.
	var posts atomic.Int64
	url, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			posts.Add(1)
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_ = conn.Close()
			}
		}
	})
	c := newClient(t, Options{})
	if _, err := send(t, c, "GET", url); err != nil {
		t.Fatal(err)
	}
	_, err := send(t, c, "POST", url)
	if err == nil || asNotSent(err) || posts.Load() != 1 {
		t.Errorf("error %v, %d requests; want one with unknown effect", err, posts.Load())
	}
}

func TestWithoutConnectionEveryMethodIsRepeated(t *testing.T) {
	for _, method := range []string{"GET", "POST", "PATCH", "DELETE"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			// Nobody listens at first; the server comes up while the client retries.
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			addr := l.Addr().String()
			_ = l.Close()
			s := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(w, r.Body)
			})}
			up := time.AfterFunc(300*time.Millisecond, func() {
				if l, err := net.Listen("tcp", addr); err == nil {
					_ = s.Serve(l)
				}
			})
			t.Cleanup(func() { up.Stop(); _ = s.Close() })
			if status, err := send(t, newClient(t, Options{}), method, "http://"+addr); err != nil || status != 200 {
				t.Errorf("status %d, %v", status, err)
			}
		})
	}
}

// halfWritten breaks connections before the header of a request is complete.
type halfWritten struct {
	breaks int
	tries  int
}

func (h *halfWritten) RoundTrip(req *http.Request) (*http.Response, error) {
	closeBody(req)
	tr := httptrace.ContextClientTrace(req.Context())
	tr.GetConn("peer:443")
	tr.GotConn(httptrace.GotConnInfo{Reused: true})
	h.tries++
	if h.tries <= h.breaks {
		return nil, syscall.EPIPE
	}
	tr.WroteHeaders()
	return &http.Response{StatusCode: 201, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
}

func TestAWriteWhoseHeaderNeverLeftIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer := &halfWritten{breaks: 2}
		if status, err := send(t, scripted(peer, Options{}), "POST", "https://wiki.example/Users"); err != nil || status != 201 || peer.tries != 3 {
			t.Errorf("%d, %v, %d tries", status, err, peer.tries)
		}
		peer = &halfWritten{breaks: 100}
		_, err := send(t, scripted(peer, Options{}), "POST", "https://wiki.example/Users")
		if !errors.Is(err, syscall.EPIPE) || !asNotSent(err) || peer.tries != maxFaults {
			t.Errorf("%v, %d tries; want the cause, not sent", err, peer.tries)
		}
	})
}

func TestJudgeError(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	timedOut, cancel := context.WithTimeoutCause(t.Context(), 0, timeoutError{time.Second})
	defer cancel()
	for _, c := range []struct {
		name              string
		ctx               context.Context
		err               error
		connected, header bool
		verdict           verdict
		unsent            bool
	}{
		{"no connection", t.Context(), io.EOF, false, false, failed, true},
		{"no connection in time", timedOut, context.DeadlineExceeded, false, false, failed, true},
		{"broken before the header", t.Context(), io.EOF, true, false, failed, true},
		{"broken after the header", t.Context(), io.EOF, true, true, failed, false},
		{"canceled while the header may leave", canceled, context.Canceled, true, false, failed, false},
		{"out of time while the header may leave", timedOut, context.DeadlineExceeded, true, false, overloaded, false},
		{"no answer in time", timedOut, context.DeadlineExceeded, true, true, overloaded, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &progress{}
			p.connected.Store(c.connected)
			p.header.Store(c.header)
			v, unsent := judgeError(c.ctx, c.err, p)
			if v != c.verdict || unsent != c.unsent {
				t.Errorf("verdict %d, unsent %t; want %d, %t", v, unsent, c.verdict, c.unsent)
			}
		})
	}
}
