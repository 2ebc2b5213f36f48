// Package mapping turns a source's users and groups into what an application should hold.
//
// Compile takes a job's rows and scope as configured and gives a Mapping: two Tables of
// rows, one for users and one for groups, and a filter for each. Scope and attribute
// expressions are CEL (https://cel.dev), compiled once when the configuration is read: a
// mistake is reported with its position before anything runs, all of them at once.
//
// # Nothing is nothing
//
// Directories are full of attributes without a value, told by null, by "" or by silence.
// To CEL these are three things, two of which are errors. Here a path that leads nowhere
// is null; a function of null is null, a test of null is false, a loop over null has no
// rounds; and a null result clears the attribute in the application. Package-internal
// rewrite does that to each expression before CEL checks its types.
//
// What is really wrong, such as comparing a text with a number, stays an error: of that
// one object, which goes to escrow. Above all a filter that can't be evaluated is never a
// "no", since who leaves the scope loses the account.
//
// # Values
//
// A value is nil, string, bool, float64, []any or map[string]any. Encode writes the values
// of one object compactly for the state, Hash compares them.
//
// # Speed
//
// Plain paths (`user.mail`) take a direct way without CEL, since nearly all rows are plain
// paths. Expressions have a cost limit, so that none can hang a cycle.
//
// The package holds no state, reads no clock and does no input or output. It knows nothing
// of members, which the engine provisions itself, and recognises the one row that is a
// reference, the manager, without resolving it.
package mapping
