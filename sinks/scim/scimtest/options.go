package scimtest

import (
	"cmp"
	"log/slog"
	"time"
)

// Options configure a Server. The zero value is a server that follows the RFCs, asks for no
// credentials and has no limits.
type Options struct {
	// BasePath is the path in front of every endpoint, default "/scim/v2".
	BasePath string
	// Auth says which credentials are accepted; the zero value asks for none.
	Auth Auth
	// Quirks are the server's standing habits.
	Quirks Quirks
	// Limits are the request limits in force from the start.
	Limits []Limit
	// Latency is waited before every answer.
	Latency time.Duration
	// MaxResults is the largest page, told as filter.maxResults; default 200.
	MaxResults int
	// PageSize is the page size when a request gives no count; default MaxResults.
	PageSize int
	// BulkOperations is the most operations in one /Bulk request; 0: no bulk.
	BulkOperations int
	// BulkPayload is the largest /Bulk request in bytes; default 1 MiB.
	BulkPayload int
	// Cursors offers cursor paging (RFC 9865) beside index paging.
	Cursors bool
	// PatchBodyMembers is the largest group that a PATCH answers with its whole
	// representation; a larger one is answered with 204. Default 1000.
	PatchBodyMembers int
	// MaxBody is the largest request body in bytes, answered with 413; default 16 MiB.
	MaxBody int64
	// KeepBodies keeps request and answer bodies in the request log.
	KeepBodies bool
	// NoLog keeps counts but no request log, for benchmarks.
	NoLog bool
	// Log receives one debug record per request; nil: none. People are never named in it.
	Log *slog.Logger
}

// Auth lists the accepted credentials. A request passes with any one that is set.
type Auth struct {
	// Bearer is a static token (RFC 6750).
	Bearer string
	// Username and Password are for the Basic scheme (RFC 7617).
	Username, Password string
	// HeaderName and HeaderValue are a header of the application's own.
	HeaderName, HeaderValue string
	// OAuth issues tokens for the client credentials grant (RFC 6749 section 4.4).
	OAuth OAuth
}

// OAuth is the token endpoint of the server. It is off without a ClientID.
type OAuth struct {
	ClientID, ClientSecret string
	// Path is the token endpoint, outside the base path; default "/oauth/token".
	Path string
	// Lifetime is how long a token is good, told as expires_in; default one hour.
	Lifetime time.Duration
	// Overstate is how much longer expires_in says than tokens live: a server that revokes
	// early, so that a client sees 401 with a token it believes to be good.
	Overstate time.Duration
	// Scope is the scope that must be asked for; empty: none.
	Scope string
}

func (o Options) withDefaults() Options {
	o.BasePath = cmp.Or(o.BasePath, "/scim/v2")
	o.MaxResults = cmp.Or(o.MaxResults, 200)
	o.PageSize = min(cmp.Or(o.PageSize, o.MaxResults), o.MaxResults)
	o.BulkPayload = cmp.Or(o.BulkPayload, 1<<20)
	o.PatchBodyMembers = cmp.Or(o.PatchBodyMembers, 1000)
	o.MaxBody = cmp.Or(o.MaxBody, 16<<20)
	o.Auth.OAuth.Path = cmp.Or(o.Auth.OAuth.Path, "/oauth/token")
	o.Auth.OAuth.Lifetime = cmp.Or(o.Auth.OAuth.Lifetime, time.Hour)
	return o
}

func (a Auth) open() bool {
	return a.Bearer == "" && a.Username == "" && a.HeaderName == "" && a.OAuth.ClientID == ""
}
