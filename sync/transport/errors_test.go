package transport

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// listen accepts connections on this machine and has each of them handled by talk.
func listen(t *testing.T, talk func(net.Conn)) (address string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
			talk(conn)
		}
	}()
	return l.Addr().String()
}

// TestWithoutConnectionNothingIsUnclear: adapters go by this mark alone, so that every way
// to get no connection must have it, also for a caller whose time is up. A connection that
// breaks after a whole request has not.
func TestWithoutConnectionNothingIsUnclear(t *testing.T) {
	refused := listen(t, func(net.Conn) {})
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	for name, tt := range map[string]struct {
		url    string
		unsent bool
	}{
		"nobody listens":       {"http://" + closed.Addr().String(), true},
		"a silent handshake":   {"https://" + refused, true},
		"a broken handshake":   {"https://" + listen(t, func(c net.Conn) { _ = c.Close() }), true},
		"no TLS":               {"https://" + listen(t, func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") }), true},
		"refused by the TLS":   {"https://" + listen(t, func(c net.Conn) { _, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, 40}) }), true},
		"no host":              {"http://", true},
		"another scheme":       {"ftp://127.0.0.1", true},
		"a silent server":      {"http://" + refused, false},
		"an answer cut off":    {"http://" + listen(t, func(c net.Conn) { read(c); _, _ = io.WriteString(c, "HTTP/1.1 20"); _ = c.Close() }), false},
		"a connection dropped": {"http://" + listen(t, func(c net.Conn) { read(c); _ = c.Close() }), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, tt.url, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = newClient(t, Options{}).Do(req) //nolint:bodyclose // there is none
			if err == nil || asNotSent(err) != tt.unsent {
				t.Errorf("not sent: %t, want %t: %v", asNotSent(err), tt.unsent, err)
			}
		})
	}
}

// read takes a small request whole.
func read(c net.Conn) {
	var got strings.Builder
	for b := make([]byte, 1024); !strings.HasSuffix(got.String(), "\r\n\r\n{}"); {
		n, err := c.Read(b)
		if err != nil {
			return
		}
		got.Write(b[:n])
	}
}
