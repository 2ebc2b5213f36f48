// Package transport makes the *http.Client that adapters talk through. It knows HTTP and
// nothing of Graph, Okta or SCIM; adapters get a client and never see this package.
//
// A call passes, from the outside in:
//
//	read-only → retry → limiter → breaker → metrics, log, counter → net/http
//
// The retry stands outside the limiter, so that every request that leaves, also a
// repeated one, has been admitted by it.
//
// # What holds
//
//   - No request leaves before a time that the peer told (Retry-After and its relatives),
//     nor faster than the configured rate or the rate that its answers showed, nor with
//     more requests in flight than the ceiling.
//   - A write is repeated only when it certainly had no effect: it was never sent (no
//     connection, or the header was never completed), or the answer was a throttle. After
//     a 5xx or a broken connection the effect is unknown, so the error is returned and the
//     caller looks before it sends again. Reads are repeated on all of these.
//   - A read-only client (dry run, probe) sends nothing but GET, HEAD and OPTIONS.
//   - A redirect never leads to another host, and a write is never redirected.
//   - Certificates are always verified.
//   - No log line, metric or error of this package holds a query, an id, a header or a body.
//
// # What callers can see
//
// Adapters may not import this package. They read its errors by method, through
// errors.As on an interface they declare themselves:
//
//	NotSent() bool              the request certainly had no effect
//	ReadOnly() bool             refused on this side, because the client is read-only
//	RetryAfter() time.Duration  the peer told to stay away for longer than MaxWait
//
// http.Client wraps every error in a *url.Error, whose text has the whole address with
// query and ids. Unwrap it before showing it.
//
// A client asks for OAuth tokens by POST: give the token source a client of its own that
// is not read-only.
package transport

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// Peer says which side of the bridge a client talks to.
type Peer int

// The peers.
const (
	Source Peer = iota + 1
	Sink
)

// String returns "source" or "sink", the values of the metrics' label peer.
func (p Peer) String() string {
	switch p {
	case Source:
		return "source"
	case Sink:
		return "sink"
	default:
		return "unknown"
	}
}

// MarshalText writes the peer as its word.
func (p Peer) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Defaults of Options.
const (
	DefaultConcurrency = 8
	DefaultTimeout     = 60 * time.Second
	DefaultMaxWait     = 10 * time.Minute
	DefaultUserAgent   = "idpbridge"
)

// Options describe one client. The zero value of every field but Peer and Name is useful.
type Options struct {
	Peer Peer
	// Name is the name of the source or sink in the configuration.
	Name string

	// RateLimit is the most requests per second, 0: none; Burst is how many may leave at
	// once after a rest, 0: a fiftieth of a second's worth and one. Concurrency is the
	// most requests in flight, 0: DefaultConcurrency. Budgets are rates for some of the
	// requests alone. All of these are ignored when Limiter is given.
	RateLimit   float64
	Burst       int
	Concurrency int
	Budgets     []Budget
	// Limiter is shared by all clients of one peer. Nil: one of its own.
	Limiter *Limiter

	// Timeout bounds one attempt, from sending until the body was read, beside the
	// deadline of the request's own context. 0: DefaultTimeout. Waiting for the limiter
	// does not count.
	Timeout time.Duration
	// MaxWait bounds what one call waits between its attempts in sum, and the longest
	// told pause it sits out. 0: DefaultMaxWait.
	MaxWait time.Duration

	// TLS has private roots and client certificates. Nil: the system's roots. Versions
	// below 1.2 and a switched-off verification are overruled.
	TLS *tls.Config
	// UserAgent is sent when the request has none of its own, e.g. "idpbridge/1.2.0".
	UserAgent string
	// ReadOnly refuses every method but GET, HEAD and OPTIONS with ErrReadOnly.
	ReadOnly bool

	Metrics *Metrics // nil: none
	Counter *Counter // nil: none
	Log     *slog.Logger
}

// Counter counts the requests that were sent, for a cycle's figures. Attempts that got no
// connection are not counted, repeated ones each time. Its zero value is ready.
type Counter struct{ n atomic.Int64 }

// Requests returns how many requests were sent so far.
func (c *Counter) Requests() int {
	if c == nil {
		return 0
	}
	return int(c.n.Load())
}

func (c *Counter) add() {
	if c != nil {
		c.n.Add(1)
	}
}

// Client returns a client as described by the package comment. Its Timeout is not set;
// Options.Timeout bounds each attempt. CloseIdleConnections frees what it holds.
func Client(o Options) *http.Client {
	o = o.withDefaults()
	return &http.Client{
		Transport:     newRoundTripper(o, newBase(o)),
		CheckRedirect: checkRedirect,
	}
}

func (o Options) withDefaults() Options {
	if o.Concurrency <= 0 {
		o.Concurrency = DefaultConcurrency
	}
	if o.Limiter == nil {
		o.Limiter = NewLimiter(Limits{Rate: o.RateLimit, Burst: o.Burst, Concurrency: o.Concurrency, Budgets: o.Budgets})
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxWait <= 0 {
		o.MaxWait = DefaultMaxWait
	}
	if o.UserAgent == "" {
		o.UserAgent = DefaultUserAgent
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// idleTimeout is how long an unused connection is kept. A server that closes it in the
// very moment we write to it leaves a write with unknown effect, so we close first: the
// shortest defaults known are 2 s (gunicorn) and 5 s (Node.js, Apache, uvicorn).
const idleTimeout = 1500 * time.Millisecond

// newBase returns the transport under all layers. The wait for the header of an answer is
// bounded by the attempt's deadline, and needs no time-out of its own.
func newBase(o Options) *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dialer.DialContext,
		TLSClientConfig:     tlsConfig(o.TLS),
		TLSHandshakeTimeout: 10 * time.Second,
		ForceAttemptHTTP2:   true, // a TLSClientConfig of one's own switches it off
		HTTP2:               &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second},
		MaxIdleConns:        o.Concurrency,
		MaxIdleConnsPerHost: o.Concurrency,
		IdleConnTimeout:     idleTimeout,
	}
}

func tlsConfig(given *tls.Config) *tls.Config {
	c := given.Clone() // nil stays nil
	if c == nil {
		c = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	c.InsecureSkipVerify = false
	return c
}

// maxRedirects is enough for a moved path; more is a loop.
const maxRedirects = 5

// checkRedirect follows reads on the same scheme, host and port alone, since the
// credential travels along. The answer to a redirected write goes to the caller as it is:
// repeated at another address it could take effect twice (RFC 9110 section 15.4).
func checkRedirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	switch {
	case !safe(first.Method):
		return http.ErrUseLastResponse
	case req.URL.Scheme != first.URL.Scheme || req.URL.Host != first.URL.Host:
		return ErrRedirect
	case len(via) > maxRedirects:
		return errors.New("too many redirects")
	}
	return nil
}

// safe says whether a method has no effect (RFC 9110 section 9.2.1), of those we send.
func safe(method string) bool {
	switch method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions:
		return true
	}
	return false
}
