// Package scimtest is a SCIM 2.0 application for tests, demonstrations and benchmarks: an
// http.Handler that holds users and groups in memory and behaves as RFC 7643 and RFC 7644
// say, unless it is told to misbehave.
//
// It is written from the two RFCs (and RFC 9865 for cursors), never from the client in the
// parent package: where both would agree on a mistake, a test between them proves nothing.
//
// Three kinds of trouble can be asked for, and they are kept apart:
//
//   - [Quirks] are standing habits of a server, each seen on a real one: it ignores a form of
//     PATCH, it lies in a total, it lets two users share a name. They are data, named for the
//     behaviour and not for a product, so that a profile of a server is one literal.
//   - [Fault] is something that happens to chosen requests: an answer that is not SCIM, a
//     dropped connection before or after the effect, a delay.
//   - [Limit] is a request limit, answered the way real servers answer it.
//
// What the server holds can be read and changed behind the client's back ([Server.Users],
// [Server.Edit], …), and every request is counted ([Server.Counts]), because what a cycle may
// cost is part of the product's contract.
//
// Choices where the RFCs leave room, all of them the strict reading: unknown attributes in a
// POST or PUT are ignored, in a PATCH refused; a member must exist (invalidValue); deleting a
// user removes the memberships; `remove` of `members` with a value but no filter removes all
// members (RFC 7644 section 3.5.2.2); a value filter that selects nothing is noTarget for add
// and replace and no change for remove; group names need not be unique.
//
// Sizes: a user costs about 2 KB, a membership about 200 bytes. Adding or removing a member
// costs the same whatever the group's size, and a PATCH of a group with more than
// Options.PatchBodyMembers members answers 204, as RFC 7644 section 3.5.2 allows.
package scimtest
