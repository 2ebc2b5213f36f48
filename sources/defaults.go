package sources

// DefaultRow is one row of a source's default attribute mapping: what is provisioned
// when a job configures no mapping of its own.
type DefaultRow struct {
	// To is the sink's attribute path, e.g. `emails[type eq "work"].value`.
	To string
	// From is an expression over `user` or `group`, usually a plain path such as
	// `user.mail`.
	From string
	// Match is the precedence, from 1, of this attribute when an existing account is
	// looked for; 0: not used.
	Match int
	// CreateOnly is set for attributes that are sent when the account is made, then left
	// alone.
	CreateOnly bool
}
