// Package okta reads people, groups and app assignments from an Okta org.
//
// It decides what to ask, understands the answers and keeps the position; it does not
// know how a request is built and sent. That is a Client: package okta/sdk has the one
// on top of Okta's own SDK. The split keeps this package light (the SDK costs a minute
// to compile) and lets every rule here be tested over plain HTTP.
//
// # Rounds
//
// A full round reads every user, DEPROVISIONED ones included, then every group with its
// members, then the app's assignments, then the System Log from the round's start. An
// incremental round reads
//
//   - users whose lastUpdated lies after the last round's start less an overlap,
//   - groups whose lastUpdated or lastMembershipUpdated does, and all members of those
//     whose membership moved,
//   - all assignments of the app, because that list can't be asked for changes,
//   - the System Log from where the last round stopped: deletions, which no list shows,
//     and membership events, which only name groups to read again.
//
// Times are Okta's: the watermark is the Date header of a round's first answer, never
// this machine's clock. Users and groups are asked with `filter`, which reads current
// data; `search` reads an index that lags. The overlap costs a repeated page, and
// repeating is harmless. So that it doesn't also cost a member list per group, the cursor
// remembers which version (lastMembershipUpdated) of a recently changed group was read.
//
// Members are always read whole, never added up from the log. The log is not a proof:
// imports and rules change membership under other event types, and nothing in it says
// that an event is missing. A changed group of n members costs n/200 requests.
//
// An incremental round in which nothing changed sends 5 requests: users, groups and log,
// and after each of the two empty lists one for a single user, which proves that the
// credentials still show people (see below). Without groups it is 3. An app adds the pages
// of its users (500 each) and groups (200 each), at least 2.
//
// # Proof of completeness
//
// A list has ended only with a 2xx answer, a well-formed JSON array up to its closing
// bracket and nothing after it, and no next link. Everything else is an error, and the
// round stays unfinished. Okta answers 200 and [] to an app that lacks an admin role;
// so an empty list of all users or all groups (every org has Everyone) is never believed,
// and an empty list of changes, members or assignments only after one user was shown.
// A last page that is empty is no proof either: the page before it is read again with
// another size, so that the true list ends with an entry.
//
// Next links are used for their `after` value alone: requests are built anew, so that no
// link can lead a credential to another host. A chain of pages that runs in a circle is
// noticed and refused.
//
// # Deletions
//
// A deleted user or group disappears from every list. Deletions are learned from the log
// at once, and from the next full round in any case. Where the log is refused (a missing
// okta.logs.read), incremental rounds see no deletions; the source warns about it and
// Warnings says so. The log is kept 90 days: a cursor nearly that old is Expired.
//
// # Attributes
//
// In expressions, profile attributes stand directly under `user`: user.login,
// user.firstName, and custom ones by their variable name. Beside them are user.id,
// user.status, user.created, user.activated, user.statusChanged, user.lastLogin,
// user.lastUpdated, user.passwordChanged and user.type (the user type's id), which hide
// custom attributes of the same name. Groups have group.id, group.type, group.created,
// group.lastUpdated and their profile: group.name, group.description, custom ones.
// Okta's `manager` and `managerId` are free text, not references to users, and stay so.
package okta

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/idpbridge/idpbridge/sources"
)

// Client sends one request to the org. The answer's body is the caller's to close. An
// answer of any status is an answer; an error means that there was none. A Client adds the credential (see
// Authorize) and keeps the org's limits (see Limit); it does not follow redirects.
type Client interface {
	Get(ctx context.Context, r Request) (*http.Response, error)
}

// Source reads one Okta org. It is safe for concurrent use.
type Source struct {
	client Client
	log    *slog.Logger
	status statusRule
}

// New returns a source for the org that client talks to.
func New(cfg Config, client Client, log *slog.Logger) *Source {
	return &Source{client: client, log: log, status: statusRule{suspendedActive: cfg.Suspended == SuspendedActive}}
}

// requestTimeout bounds one request with all its waits for rate limits. Okta's windows
// are one minute long, and a bucket may be used up twice before an answer comes.
const requestTimeout = 5 * time.Minute

// Read returns the page at cur: the answer to one request, or two where an empty list
// has to be proven. See sources for what a page says, and the package comment for the order.
func (s *Source) Read(ctx context.Context, q sources.Query, cur sources.Cursor) (*sources.Page, error) {
	c, err := parseCursor(cur)
	if err != nil {
		return nil, err
	}
	r := &round{source: s, query: q, at: c}
	if err := r.step(ctx); err != nil {
		return nil, err
	}
	r.page.Full = r.at.Full
	if r.at.Phase == phaseEnd && len(r.at.Queue) == 0 {
		r.page.Done = true
		r.at = r.at.nextRound()
	}
	r.page.Cursor, err = r.at.encode()
	if err != nil {
		return nil, err
	}
	return &r.page, nil
}
