package graph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Client sends requests to Microsoft Graph. Package sdk implements it with Microsoft's
// SDK; it is kept apart because that takes minutes to compile and this package does not.
type Client interface {
	// Get sends one request and returns the answer, whatever its status. An error
	// means that there was no whole answer: it holds io.ErrUnexpectedEOF when the
	// answer was cut off, and may be a *sources.Error when the client knows better
	// (no token was granted).
	Get(ctx context.Context, r Request) (Answer, error)
}

// Op is an operation of the API.
type Op int

// The operations, with their paths below the base URL.
const (
	// OpUsersDelta is /users/delta.
	OpUsersDelta Op = iota + 1
	// OpGroupsDelta is /groups/delta.
	OpGroupsDelta
	// OpAssignments is /servicePrincipals/{ID}/appRoleAssignedTo.
	OpAssignments
	// OpUser is /users/{ID}; the ID may be a user principal name.
	OpUser
	// OpUsers is /users.
	OpUsers
	// OpMemberOf is /users/{ID}/memberOf: direct memberships.
	OpMemberOf
	// OpGroup is /groups/{ID}.
	OpGroup
	// OpGroups is /groups.
	OpGroups
	// OpMembers is /groups/{ID}/members: direct members of every type.
	OpMembers
	// OpDeletedUsers is /directory/deletedItems/microsoft.graph.user.
	OpDeletedUsers
)

var opPaths = [...]string{
	"unknown", "/users/delta", "/groups/delta", "/servicePrincipals/{id}/appRoleAssignedTo", "/users/{id}", "/users",
	"/users/{id}/memberOf", "/groups/{id}", "/groups", "/groups/{id}/members",
	"/directory/deletedItems/microsoft.graph.user",
}

// String returns the operation in the form "GET /users/delta", without ids.
func (o Op) String() string {
	if o <= 0 || int(o) >= len(opPaths) {
		return opPaths[0]
	}
	return "GET " + opPaths[o]
}

// Request is one GET.
type Request struct {
	Op Op
	// Link, when set, is the whole URL, as an earlier answer gave it; it is sent byte
	// for byte, and only Op beside it matters. The caller has checked that it leads to
	// the configured host.
	Link string
	// ID is the object that Op's path names.
	ID     string
	Select []string // $select
	Filter string   // $filter
	Expand string   // $expand
	Top    int      // $top, 0: not sent
	// Latest asks a delta operation for "from now on": no entries and a delta link.
	Latest bool
	// Advanced asks for an advanced query: ConsistencyLevel: eventual and $count=true.
	Advanced bool
}

// Answer is an answer, read to its end.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// maxBody bounds an answer. The largest pages (999 objects, all properties) are about 1 MB.
const maxBody = 64 << 20

// ReadAnswer reads a response to its end and closes it. A body that does not arrive whole
// is io.ErrUnexpectedEOF.
func ReadAnswer(resp *http.Response) (Answer, error) {
	body, err := readBody(resp)
	_ = resp.Body.Close() // read to its end, or given up already
	if err != nil {
		// Resets and the like are a cut as well; all must be told apart from an
		// answer that never began.
		return Answer{}, fmt.Errorf("read answer: %w (%w)", io.ErrUnexpectedEOF, err)
	}
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

var errTooLarge = errors.New("the answer is larger than 64 MiB")

// readBody allocates once when the length is announced; pages are read by the thousand.
func readBody(resp *http.Response) ([]byte, error) {
	if n := resp.ContentLength; n > 0 && n <= maxBody {
		body := make([]byte, n)
		_, err := io.ReadFull(resp.Body, body)
		return body, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err == nil && len(body) > maxBody {
		return nil, errTooLarge
	}
	return body, err
}
