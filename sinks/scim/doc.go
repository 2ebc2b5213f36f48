// Package scim talks to applications over SCIM 2.0 (RFC 7643, RFC 7644, RFC 9865).
//
// A Sink turns the vocabulary of package sinks into requests: List, Find and Get read
// objects, Do writes one. It holds no retry and no rate adaptation; those belong to the
// HTTP client it is given. What stays here is what only SCIM can know: the shape of
// bodies, what an answer proves, and the dialect of the application, which is data
// (Profile).
//
// What a server says is believed only as far as it is proven:
//
//   - a filter hit counts when the attribute really has the value asked for;
//   - a list is complete when as many distinct objects were seen as it says there are;
//   - an object is missing when a GET by id is answered with a SCIM 404;
//   - a change that is answered with the object must show in it;
//   - an empty list of members is an empty group, unless the application says elsewhere
//     that somebody is in it;
//   - a version that is refused though it is shown before and after ends their use;
//   - a POST without an id in its answer has an unclear outcome.
//
// Writes never invent anything: only attributes that the caller names are sent. Where
// an application must be told more (PUT, a whole multi-valued attribute), the rest is
// what it showed a moment ago, and a member list is sent only when all of it was shown.
//
// A write depends on the object's version where the caller or a read just before knows it
// and the application has said that it heeds versions.
//
// What is sent is an object (members in the order of their names, written by encode), what
// comes back a document: its attributes as they are written, checked to be JSON, of which
// only what is asked for is decoded (tokens, node). The echo of a write is a kilobyte of
// which a few values count.
//
// Discovery costs nothing until it is needed: ServiceProviderConfig is read before the
// first list, the other documents by Check alone.
package scim
