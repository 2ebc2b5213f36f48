package mapping

// Spec is a job's attribute mapping as configured. An empty list stands for the source's
// default table.
type Spec struct {
	Users  []Row `yaml:"users"`
	Groups []Row `yaml:"groups"`
}

// Row says where one attribute's value comes from: an expression or a constant.
type Row struct {
	// To is the target path, e.g. `emails[type eq "work"].value`.
	To string `yaml:"to"`
	// From is a CEL expression over `user` or `group`. A plain path such as
	// `user.mail` is null when the source has no such attribute.
	From string `yaml:"from"`
	// Value is a constant: string, bool or number.
	Value any `yaml:"value"`
	// When is "always" (default) or "create": sent when the account is made, then left
	// to the application.
	When string `yaml:"when"`
	// Match is the precedence, from 1, of this attribute when an existing account is
	// looked for; 0: not used.
	Match int `yaml:"match"`
	// Sensitive values are redacted before anything about them is stored or shown.
	Sensitive bool `yaml:"sensitive"`
}

// Scope is a job's scope as configured.
type Scope struct {
	// App is the id of the application (Entra service principal, Okta app) whose
	// assigned users and groups are provisioned; empty: everyone.
	App string `yaml:"app"`
	// Users and Groups are CEL expressions that keep an object when true; empty: all.
	// Groups may be the word "none".
	Users  string `yaml:"users"`
	Groups string `yaml:"groups"`
}
