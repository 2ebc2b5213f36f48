package scim

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/idpbridge/idpbridge/sinks"
)

// Claim is what a server says of one feature. Saying nothing is neither yes nor no.
type Claim int

// The claims.
const (
	Silent Claim = iota + 1
	Yes
	No
)

// String returns the claim's word.
func (c Claim) String() string {
	switch c {
	case Yes:
		return "yes"
	case No:
		return "no"
	case Silent:
	}
	return "not told"
}

// MarshalText writes the claim as its word.
func (c Claim) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Claims is what a ServiceProviderConfig says (RFC 7643 section 5, RFC 9865 section 4).
type Claims struct {
	// Read is set when the document could be read at all; Problem says why not.
	Read    bool
	Problem string

	Patch, Bulk, Filter, Sort, ETag Claim
	// MaxResults is the most objects in one answer; 0: not told.
	MaxResults int
	// MaxOperations and MaxPayload bound a bulk request; 0: not told.
	MaxOperations, MaxPayload int
	CursorPaging              bool
	IndexPaging               Claim
}

func noClaims(problem string) Claims {
	return Claims{Problem: problem, Patch: Silent, Bulk: Silent, Filter: Silent, Sort: Silent, ETag: Silent, IndexPaging: Silent}
}

// claims reads the ServiceProviderConfig once. A document that can't be read claims
// nothing, and is not a failure: several applications have none, or a broken one.
func (s *Sink) claims(ctx context.Context) Claims {
	d := &s.discovery
	d.Lock()
	defer d.Unlock()
	if d.done {
		return d.claims
	}
	a, err := s.send(ctx, request{method: http.MethodGet, endpoint: "ServiceProviderConfig"})
	if err != nil {
		if lasting(err) {
			d.done, d.claims = true, noClaims(err.Error())
		}
		return noClaims(err.Error())
	}
	d.done, d.claims = true, readClaims(a.body)
	return d.claims
}

// lasting reports whether asking again is of no use: the application answered, and has
// no such document for us.
func lasting(err error) bool {
	switch sinks.ClassOf(err) {
	case sinks.Incompatible, sinks.Rejected, sinks.Missing, sinks.Conflict:
		return true
	default:
		return false
	}
}

type spcFeature struct {
	Supported any `json:"supported"`
}

func (f *spcFeature) claim() Claim {
	if f == nil {
		return Silent
	}
	switch toBool(f.Supported) {
	case true:
		return Yes
	case false:
		return No
	default:
		return Silent
	}
}

func readClaims(body []byte) Claims {
	var doc struct {
		Schemas []string    `json:"schemas"`
		Patch   *spcFeature `json:"patch"`
		Sort    *spcFeature `json:"sort"`
		ETag    *spcFeature `json:"etag"`
		Bulk    *struct {
			spcFeature
			MaxOperations  float64 `json:"maxOperations"`
			MaxPayloadSize float64 `json:"maxPayloadSize"`
		} `json:"bulk"`
		Filter *struct {
			spcFeature
			MaxResults float64 `json:"maxResults"`
		} `json:"filter"`
		Pagination *struct {
			Cursor any `json:"cursor"`
			Index  any `json:"index"`
		} `json:"pagination"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return noClaims("unreadable: " + err.Error())
	}
	c := noClaims("")
	c.Read = true
	c.Patch, c.Sort, c.ETag = doc.Patch.claim(), doc.Sort.claim(), doc.ETag.claim()
	if doc.Bulk != nil {
		c.Bulk = doc.Bulk.claim()
		c.MaxOperations, c.MaxPayload = int(doc.Bulk.MaxOperations), int(doc.Bulk.MaxPayloadSize)
	}
	if doc.Filter != nil {
		c.Filter, c.MaxResults = doc.Filter.claim(), int(doc.Filter.MaxResults)
	}
	if doc.Pagination != nil {
		c.CursorPaging = toBool(doc.Pagination.Cursor) == true
		c.IndexPaging = (&spcFeature{Supported: doc.Pagination.Index}).claim()
	}
	return c
}
