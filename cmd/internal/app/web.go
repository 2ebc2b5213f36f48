package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/idpbridge/idpbridge/config"
)

// The bounds of every request. A handler that needs longer for its answer says so with
// http.ResponseController.
const (
	headerTime = 10 * time.Second
	readTime   = 60 * time.Second
	writeTime  = 60 * time.Second
	idleTime   = 2 * time.Minute
	maxHeader  = 64 << 10
	maxBody    = 1 << 20
	// readyTime bounds the look at the state for /readyz.
	readyTime = 3 * time.Second
)

// web is the HTTP server.
type web struct {
	cfg    config.HTTP
	server *http.Server
	ready  atomic.Bool
	cert   atomic.Pointer[tls.Certificate] // nil without TLS
}

func newWeb(s *service) (*web, error) {
	w := &web{cfg: s.app.Config().HTTP}
	mux := http.NewServeMux()
	if s.opts.Handler != nil {
		mux.Handle("/", s.opts.Handler(s.scheduler))
	}
	mux.HandleFunc("GET /healthz", func(rw http.ResponseWriter, _ *http.Request) { plain(rw, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(rw http.ResponseWriter, r *http.Request) { w.readyz(rw, r, s) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.opts.Registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelError), ErrorHandling: promhttp.ContinueOnError,
	}))
	handler := http.MaxBytesHandler(mux, maxBody)
	if s.opts.Guard != nil {
		handler = s.opts.Guard(handler)
	}
	w.server = &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: writeTime, IdleTimeout: idleTime,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	return w, w.loadCertificate(w.cfg)
}

// readyz says whether the jobs run and the state can be read.
func (w *web) readyz(rw http.ResponseWriter, r *http.Request, s *service) {
	if !w.ready.Load() {
		plain(rw, http.StatusServiceUnavailable, "starting or stopping")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyTime)
	defer cancel()
	store, err := s.app.Store(ctx)
	if err == nil {
		_, err = store.Clocks(ctx)
	}
	if err != nil {
		s.log.Error("not ready: state can't be read", "error", err)
		plain(rw, http.StatusServiceUnavailable, "the state can't be read")
		return
	}
	plain(rw, http.StatusOK, "ok")
}

func plain(rw http.ResponseWriter, status int, text string) {
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	rw.Header().Set("Cache-Control", "no-store")
	rw.WriteHeader(status)
	_, _ = rw.Write([]byte(text + "\n")) // who asked may be gone
}

func (w *web) tls() bool { return w.cert.Load() != nil }

// loadCertificate reads the certificate files anew, which is how a renewed one comes into
// force.
func (w *web) loadCertificate(cfg config.HTTP) error {
	if !cfg.TLS.Enabled() {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(cfg.TLS.CertFile, cfg.TLS.KeyFile)
	if err != nil {
		return fmt.Errorf("http.tls: %w", err)
	}
	w.cert.Store(&pair)
	return nil
}

// reload takes over what can change while the server runs.
func (w *web) reload(cfg config.HTTP) error {
	if !w.tls() {
		return nil
	}
	return w.loadCertificate(cfg)
}

// listen opens the configured address. A server without tokens would let everybody in, so
// that it may only be reached from this machine, whatever became of the configuration.
func (w *web) listen() (net.Listener, error) {
	l, err := net.Listen("tcp", w.cfg.Listen)
	if err != nil {
		return nil, err
	}
	addr, ok := l.Addr().(*net.TCPAddr)
	if len(w.cfg.Tokens) == 0 && (!ok || !addr.IP.IsLoopback()) {
		return nil, errors.Join(fmt.Errorf("%s can be reached from elsewhere, and there are no http.tokens", l.Addr()), l.Close())
	}
	if w.tls() {
		w.server.TLSConfig = &tls.Config{
			MinVersion:     tls.VersionTLS12,
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return w.cert.Load(), nil },
		}
	}
	return l, nil
}

// serve answers requests until stop, or until it can't any more.
func (w *web) serve(l net.Listener) error {
	var err error
	if w.tls() {
		err = w.server.ServeTLS(l, "", "")
	} else {
		err = w.server.Serve(l)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// stop takes no requests any more and lets those under way end.
func (w *web) stop(ctx context.Context) error {
	if err := w.server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("end HTTP requests: %w", err), w.server.Close())
	}
	return nil
}

// buildInfo is the gauge idpbridge_build_info.
func buildInfo(version string) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "idpbridge_build_info", Help: "1, with the version of the program and of Go.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	}, func() float64 { return 1 })
}
