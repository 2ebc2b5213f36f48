package sdk

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	abstractions "github.com/microsoft/kiota-abstractions-go"

	"github.com/idpbridge/idpbridge/sources"
	"github.com/idpbridge/idpbridge/sources/graph"
)

// opToken is what errors of this file say was asked.
const opToken = "get token"

// credential makes what grants tokens, or nil for a static one.
func credential(cfg graph.Config, hc *http.Client) (azcore.TokenCredential, error) {
	options := azcore.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: cfg.AuthorityURL()},
		Transport: hc,
		// The transport below hc retries; two layers would multiply.
		Retry: policy.RetryOptions{MaxRetries: -1},
	}
	emulated := cfg.Authority != ""
	switch cfg.Auth.Type {
	case graph.AuthToken:
		return nil, nil
	case graph.AuthClientSecret:
		return azidentity.NewClientSecretCredential(cfg.TenantID, cfg.Auth.ClientID, cfg.Auth.ClientSecret.Reveal(),
			&azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: emulated})
	case graph.AuthCertificate:
		return certificate(cfg, options)
	case graph.AuthManagedIdentity:
		o := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: options}
		if cfg.Auth.ClientID != "" {
			o.ID = azidentity.ClientID(cfg.Auth.ClientID)
		}
		return azidentity.NewManagedIdentityCredential(o)
	case graph.AuthWorkloadIdentity:
		return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
			ClientOptions: options, DisableInstanceDiscovery: emulated,
			ClientID: cfg.Auth.ClientID, TenantID: cfg.TenantID,
		})
	default:
		return nil, fmt.Errorf("auth.type %q is unknown", cfg.Auth.Type)
	}
}

func certificate(cfg graph.Config, options azcore.ClientOptions) (azcore.TokenCredential, error) {
	text, err := os.ReadFile(cfg.Auth.CertificateFile)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	chain, key, err := azidentity.ParseCertificates(text, nil)
	if err != nil {
		return nil, fmt.Errorf("read certificate %s: %w", cfg.Auth.CertificateFile, err)
	}
	return azidentity.NewClientCertificateCredential(cfg.TenantID, cfg.Auth.ClientID, chain, key,
		&azidentity.ClientCertificateCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: cfg.Authority != ""})
}

// bearer puts tokens on requests. The SDK's own provider leaves requests to hosts it does
// not know without a token and without an error; this one refuses them.
type bearer struct {
	base   string // scheme and host that tokens may travel to
	static string
	source azcore.TokenCredential
	scope  string
}

var errForeign = errors.New("the request leads away from base_url: no token is sent there")

// AuthenticateRequest implements the SDK's authentication provider. Graph may answer 401
// with claims (continuous access evaluation), for which a new token is then asked.
func (b *bearer) AuthenticateRequest(ctx context.Context, r *abstractions.RequestInformation, extra map[string]any) error {
	uri, err := r.GetUri()
	if err != nil {
		return fmt.Errorf("build URL: %w", err)
	}
	if !strings.EqualFold(uri.Scheme+"://"+uri.Host, b.base) {
		return errForeign
	}
	token := b.static
	if b.source != nil {
		if token, err = b.grant(ctx, extra); err != nil {
			return err
		}
	}
	if r.Headers == nil {
		r.Headers = abstractions.NewRequestHeaders()
	}
	r.Headers.Remove("Authorization")
	r.Headers.Add("Authorization", "Bearer "+token)
	return nil
}

func (b *bearer) grant(ctx context.Context, extra map[string]any) (string, error) {
	o := policy.TokenRequestOptions{Scopes: []string{b.scope}, EnableCAE: true}
	if claims, ok := extra["claims"].(string); ok && claims != "" {
		text, err := base64.StdEncoding.DecodeString(claims)
		if err != nil {
			return "", fmt.Errorf("read claims: %w", err)
		}
		o.Claims = string(text)
	}
	token, err := b.source.GetToken(ctx, o)
	if err != nil {
		return "", tokenError(ctx, err)
	}
	return token.Token, nil
}

// tokenError classifies why no token was granted. An answer of the authority with a 4xx is
// a refusal; without one it could not be reached.
func tokenError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	e := &sources.Error{Class: sources.Unreachable, Op: opToken, Err: err, Hint: "check that the authority can be reached"}
	failed, ok := errors.AsType[*azidentity.AuthenticationFailedError](err)
	if !ok {
		return e
	}
	// The error's text quotes the authority's whole answer, over many lines.
	e.Err = nil
	e.Message, _, _ = strings.Cut(failed.Error(), "\n")
	if failed.RawResponse == nil {
		return e
	}
	e.Status = failed.RawResponse.StatusCode
	switch {
	case e.Status == http.StatusTooManyRequests:
		e.Class, e.Hint = sources.Throttled, ""
	case e.Status >= 500:
		e.Class, e.Hint = sources.Transient, ""
	default:
		e.Class = sources.Denied
		e.Hint = "check tenant_id, client_id, and whether the secret or certificate is right and has not expired"
	}
	return e
}
