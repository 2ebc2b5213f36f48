package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"
)

// attempt is one request that leaves, and what became of it.
type attempt struct {
	resp   *http.Response
	err    error
	signal signal
	// unsent is set when the request certainly had no effect: see progress.
	unsent bool
	// final is set when another attempt would fare no better.
	final bool
}

// discard reads a rest of the answer small enough to keep the connection, and closes it.
func (a *attempt) discard() {
	if a.resp != nil {
		_, _ = io.CopyN(io.Discard, a.resp.Body, 64<<10) // only for the connection's sake
		_ = a.resp.Body.Close()
	}
}

// try sends the request once: its turn, a deadline of its own, the breaker, the wire.
func (t *roundTripper) try(req *http.Request) attempt {
	ctx := req.Context()
	if err := t.breaker.openError(); err != nil {
		closeBody(req)
		return attempt{err: err, unsent: true, final: true}
	}
	asked := time.Now()
	var turn ticket
	err := t.Limiter.afford(ctx, req)
	if err == nil {
		turn, err = t.Limiter.acquire(ctx, t.MaxWait)
	}
	t.series.waited(time.Since(asked))
	if err != nil {
		closeBody(req)
		if !asNotSent(err) {
			err = &UnsentError{Err: err}
		}
		return attempt{err: err, unsent: true, final: true}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, t.Timeout, t.tooLate)
	a := t.send(ctx, req, turn)
	if a.err == nil && a.resp.ContentLength != 0 && req.Method != http.MethodHead {
		a.resp.Body = t.keep(ctx, cancel, a.resp.Body)
		return a
	}
	cancel()
	t.release()
	if a.err != nil {
		a.err = a.explain(ctx)
	}
	return a
}

// send passes the breaker, and records what happened.
func (t *roundTripper) send(ctx context.Context, req *http.Request, turn ticket) attempt {
	progress := &progress{}
	traced := t.prepare(httptrace.WithClientTrace(ctx, progress.trace()), req)
	resp, err := t.breaker.do(progress, func() (*http.Response, error) { //nolint:bodyclose // the caller's
		return t.next.RoundTrip(traced)
	})
	a := attempt{resp: resp, err: err}
	if asNotSent(err) { // refused by the breaker
		closeBody(req)
		a.unsent, a.final = true, true
		return a
	}
	now := time.Now()
	took := now.Sub(turn.sent)
	status := 0
	if err == nil {
		status = resp.StatusCode
		a.signal = readSignal(resp, now)
	} else {
		a.signal.verdict, a.unsent = judgeError(ctx, err, progress)
		_, a.final = errors.AsType[*tls.CertificateVerificationError](err)
	}
	if !a.unsent {
		t.Counter.add()
	}
	t.series.sent(req.Method, status, took)
	t.logSent(req, status, took)
	if t.Limiter.observe(turn, a.signal) {
		t.Log.LogAttrs(ctx, slog.LevelInfo, "throttled by peer", slog.String("peer", t.Peer.String()),
			slog.String("name", t.Name), slog.Int("status", status), slog.Duration("pause", a.signal.pause))
	}
	return a
}

// prepare returns the request with our User-Agent, as a copy: a RoundTripper may not
// change what it was given. The lists of values are shared, which nobody changes.
func (t *roundTripper) prepare(ctx context.Context, req *http.Request) *http.Request {
	sent := req.WithContext(ctx)
	if req.Header.Get("User-Agent") != "" {
		return sent
	}
	sent.Header = make(http.Header, len(req.Header)+1)
	maps.Copy(sent.Header, req.Header)
	sent.Header["User-Agent"] = t.userAgent
	return sent
}

// judgeError says what an attempt without an answer tells of the peer's load, and whether
// the request certainly had no effect.
func judgeError(ctx context.Context, err error, p *progress) (v verdict, unsent bool) {
	late := ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded)
	if !p.connected.Load() {
		return failed, true
	}
	if own := (timeoutError{}); errors.As(context.Cause(ctx), &own) {
		return overloaded, false
	}
	// After a time-out or a cancellation the header may still leave while we look.
	return failed, !late && !p.header.Load()
}

// explain names our own time-out as the cause, and marks what was not sent.
func (a *attempt) explain(ctx context.Context) error {
	err := a.err
	if own := (timeoutError{}); errors.As(context.Cause(ctx), &own) {
		err = own
	}
	if a.unsent && !asNotSent(err) {
		err = &UnsentError{Err: err}
	}
	return err
}

// logSent writes one line at debug level. The path is told by its resource alone, since
// the rest of it, and the query, name people.
func (t *roundTripper) logSent(req *http.Request, status int, took time.Duration) {
	if !t.Log.Enabled(req.Context(), slog.LevelDebug) {
		return
	}
	t.Log.LogAttrs(req.Context(), slog.LevelDebug, "request sent",
		slog.String("peer", t.Peer.String()), slog.String("name", t.Name),
		slog.String("method", methodLabel(req.Method)), slog.String("path", resourceOf(req.URL.Path)),
		slog.Int("status", status), slog.Int64("duration_ms", took.Milliseconds()))
}

// resources are the path segments that may be logged: a list, since no pattern tells an
// id or a name from a resource.
var resources = [...]string{
	"Users", "Groups", "Bulk", "Me", "Schemas", "ResourceTypes", "ServiceProviderConfig", "ServiceProviderConfigs",
	"apps", "servicePrincipals", "appRoleAssignedTo", "applications", "directoryObjects", "organization", "logs", "token",
}

// resourceOf returns the first segment of a path that is a known resource, "/…" if none is.
func resourceOf(path string) string {
	for segment := range strings.SplitSeq(path, "/") {
		for _, known := range resources {
			if strings.EqualFold(segment, known) {
				return "/" + known
			}
		}
	}
	return "/…"
}

// progress follows one request on its way to the wire. Without a connection, or without
// the end of the header, there is nothing that a peer could act on.
type progress struct {
	connected atomic.Bool // a connection was there
	header    atomic.Bool // the header was completed
	hooks     httptrace.ClientTrace
}

func (p *progress) trace() *httptrace.ClientTrace {
	p.hooks = httptrace.ClientTrace{
		// net/http repeats by itself what it can prove to be unsent, and reads, each
		// time from here. The last round is the one that counts.
		GetConn: func(string) {
			p.connected.Store(false)
			p.header.Store(false)
		},
		GotConn:      func(httptrace.GotConnInfo) { p.connected.Store(true) },
		WroteHeaders: func() { p.header.Store(true) },
	}
	return &p.hooks
}

// body keeps an attempt's place and context until its answer was read or given up. A
// caller that forgets to close it keeps them no longer than the context lasts.
type body struct {
	io.ReadCloser
	release func()
	cancel  context.CancelFunc
	stop    func() bool // keeps the context's end from giving the place back
}

func (t *roundTripper) keep(ctx context.Context, cancel context.CancelFunc, content io.ReadCloser) *body {
	return &body{ReadCloser: content, release: t.release, cancel: cancel, stop: context.AfterFunc(ctx, t.release)}
}

// end gives the place back, unless that was done before.
func (b *body) end() {
	if b.stop() {
		b.cancel()
		b.release()
	}
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.end()
	}
	return n, err
}

func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.end()
	return err
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close() // a RoundTripper always closes it, and nothing was read
	}
}

// asNotSent says whether err is marked as not sent by this package.
func asNotSent(err error) bool {
	marked, ok := errors.AsType[interface {
		error
		NotSent() bool
	}](err)
	return ok && marked.NotSent()
}
