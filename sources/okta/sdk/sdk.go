// Package sdk sends the requests of package okta through Okta's own SDK,
// okta-sdk-golang. It is a package of its own because the SDK costs a minute to compile.
//
// The SDK is used for what it is good at: its request builders know the paths and
// parameters of the API. Four of its habits would harm a directory sync, and are kept out:
//
//   - Its pages (APIResponse.Next) take a 5xx without a body for the last page and ignore
//     the caller's context. Every page here is a request of its own through Execute, and
//     package okta keeps the cursor.
//   - Its models decode every object twice and can't tell null from absent in some
//     fields. The answer is taken off below the SDK (see tap), which sees an empty 200 and
//     decodes nothing.
//   - It retries a dropped connection without delay or end, and a 429 by rules of its own.
//     Neither reaches it: the tap never hands it an error. okta.Limit has the waiting.
//   - Its NewConfiguration reads OKTA_CLIENT_* variables and files in the home directory,
//     and drops the port of the org's address. It isn't called.
package sdk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"

	oktasdk "github.com/okta/okta-sdk-golang/v5/okta"

	"github.com/idpbridge/idpbridge/sources/okta"
)

// Client implements okta.Client for one org.
type Client struct {
	api *oktasdk.APIClient
	// Limiter keeps the org's rate limits, and says how long it has waited.
	Limiter *okta.Limiter
}

// New returns a client for the configured org. Requests go through hc's transport
// (http.DefaultTransport if it has none), with the limits and the credential added; the
// rest of hc isn't used. The configuration must have passed Validate.
func New(cfg okta.Config, hc *http.Client, log *slog.Logger) (*Client, error) {
	next := hc.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	limiter := okta.Limit(next, log)
	transport, err := okta.Transport(cfg, limiter)
	if err != nil {
		return nil, fmt.Errorf("set up authentication: %w", err)
	}
	conf, err := configuration(cfg, &http.Client{Transport: tap{transport}})
	if err != nil {
		return nil, err
	}
	return &Client{api: oktasdk.NewAPIClient(conf), Limiter: limiter}, nil
}

// configuration returns an SDK configuration with every field set here that matters to
// GET requests. The credential isn't in it; okta.Transport adds that below.
func configuration(cfg okta.Config, hc *http.Client) (*oktasdk.Configuration, error) {
	base, err := url.Parse(cfg.Base())
	if err != nil {
		return nil, fmt.Errorf("parse base_url: %w", err)
	}
	conf := &oktasdk.Configuration{
		Scheme:           base.Scheme,
		Host:             base.Host,
		DefaultHeader:    map[string]string{},
		UserAgentExtra:   "idpbridge",
		Servers:          oktasdk.ServerConfigurations{{URL: cfg.Base()}},
		OperationServers: map[string]oktasdk.ServerConfigurations{},
		HTTPClient:       hc,
		Context:          context.Background(), // used by Next alone
	}
	c := &conf.Okta.Client
	c.OrgUrl = cfg.Base()
	c.AuthorizationMode = "SSWS" // without a token: the header is replaced below
	c.Cache.Enabled = false
	c.RequestTimeout = 0 // the caller's context has the deadline
	c.RateLimit.MaxRetries = 0
	c.RateLimit.MaxBackoff = 0
	return conf, nil
}

// errNotSent means that the SDK gave up before it sent anything.
var errNotSent = errors.New("the SDK sent no request")

// Get builds the request with the SDK, has it sent and returns the raw answer.
func (c *Client) Get(ctx context.Context, r okta.Request) (*http.Response, error) {
	var got catch
	err := c.execute(context.WithValue(ctx, catchKey{}, &got), r)
	switch {
	case got.err != nil:
		return nil, got.err
	case got.resp != nil:
		return got.resp, nil
	default:
		return nil, errors.Join(errNotSent, err)
	}
}
