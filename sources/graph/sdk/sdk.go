// Package sdk sends the requests of package graph with Microsoft's SDK for Go: its
// request builders, its adapter and azidentity's credentials.
//
// What of the SDK is used, and what is not:
//
//   - The builders of the packages users, groups and serviceprincipals make the URLs. The
//     root client would compile every model of the API.
//   - A response handler takes each answer whole and unparsed. The SDK's models lose the
//     difference between null and absent, cost seven times as much to decode, and an answer
//     in HTML loses its status.
//   - The SDK's middlewares are an explicit list without its retry and redirect handlers:
//     the HTTP client that is passed in retries, and tokens never follow a redirect. The
//     retry handler would also leak a connection per retry and wait without a limit.
//   - Every request has a deadline; without one the SDK leaks a timer per call.
package sdk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	khttp "github.com/microsoft/kiota-http-go"
	core "github.com/microsoftgraph/msgraph-sdk-go-core"

	"github.com/idpbridge/idpbridge/sources/graph"
)

// deadline bounds a request whose caller set none.
const deadline = 100 * time.Second

// Client implements graph.Client. It is safe for concurrent use.
type Client struct {
	adapter *core.GraphRequestAdapterBase
	base    string
}

var _ graph.Client = (*Client)(nil)

// New returns a client that sends everything, requests for tokens included, through hc.
// The configuration must have passed Validate. It reads the certificate's file, if one is
// configured, and sends nothing.
func New(cfg graph.Config, hc *http.Client) (*Client, error) {
	base, err := url.Parse(cfg.Base())
	if err != nil {
		return nil, fmt.Errorf("parse base_url: %w", err)
	}
	source, err := credential(cfg, hc)
	if err != nil {
		return nil, fmt.Errorf("make credential: %w", err)
	}
	auth := &bearer{
		base: base.Scheme + "://" + base.Host, static: cfg.Auth.Token.Reveal(),
		source: source, scope: cfg.Scope(),
	}
	options := core.GraphClientOptions{GraphServiceLibraryVersion: "1.89.0"}
	adapter, err := core.NewGraphRequestAdapterBaseWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		auth, options, nil, nil, wrap(hc, &options))
	if err != nil {
		return nil, fmt.Errorf("make adapter: %w", err)
	}
	adapter.SetBaseUrl(cfg.Base())
	return &Client{adapter: adapter, base: cfg.Base()}, nil
}

// wrap puts the SDK's middlewares above the client's transport. Redirects are answers like
// any other: Graph sends none, so one means that something stands between.
func wrap(hc *http.Client, options *core.GraphClientOptions) *http.Client {
	wrapped := *hc
	parent := hc.Transport
	if parent == nil {
		parent = http.DefaultTransport
	}
	wrapped.Transport = khttp.NewCustomTransportWithParentTransport(parent,
		core.NewGraphTelemetryHandler(options), khttp.NewParametersNameDecodingHandler(), khttp.NewUserAgentHandler())
	wrapped.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &wrapped
}

// Get sends one request and returns its answer, whatever the status.
func (c *Client) Get(ctx context.Context, r graph.Request) (graph.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	var answer graph.Answer
	handler := abstractions.NewRequestHandlerOption()
	handler.SetResponseHandler(func(raw any, _ abstractions.ErrorMappings) (any, error) {
		resp, ok := raw.(*http.Response)
		if !ok {
			return nil, errors.New("the SDK handed over no HTTP response")
		}
		var err error
		answer, err = graph.ReadAnswer(resp)
		return nil, err
	})
	if err := c.send(ctx, r, []abstractions.RequestOption{handler}); err != nil {
		return graph.Answer{}, fmt.Errorf("%s: %w", r.Op, err)
	}
	return answer, nil
}
