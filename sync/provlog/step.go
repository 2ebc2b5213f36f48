package provlog

// What the steps of a provision say in their Data, beside plain values.

// Clause is one condition of a scope filter and what became of it.
type Clause struct {
	Text string `json:"text"`
	// Reads are the values that the clause reads, by path as written: `user.department`.
	Reads  map[string]any `json:"reads"`
	Result bool           `json:"result"`
	// Error says why the clause could not be evaluated; empty if it could.
	Error string `json:"error,omitempty"`
}

// ScopeFilter is a scope filter taken apart at its outermost operator.
type ScopeFilter struct {
	Expression string `json:"expression"` // as configured; empty without a filter
	Operator   string `json:"operator"`   // between the clauses: "&&", "||" or empty
	Result     bool   `json:"result"`
	Error      string `json:"error,omitempty"`
	// Clauses are all evaluated, also those that evaluation would pass over.
	Clauses []Clause `json:"clauses"`
}

// Attempt is one matching attribute that was tried, in order.
type Attempt struct {
	Attribute string `json:"attribute"`
	Value     any    `json:"value"` // null: the object has none, and nothing was asked
	Found     int    `json:"found"`
	// TargetIDs are the accounts found.
	TargetIDs []string `json:"target_ids"`
}
