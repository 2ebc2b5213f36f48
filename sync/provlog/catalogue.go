package provlog

// Code names a kind of error. Codes are part of the public contract: one may be added,
// none changes its meaning.
type Code string

// Errors of the source.
const (
	CodeSourceUnreachable Code = "source_unreachable"
	CodeSourceUnavailable Code = "source_unavailable"
	CodeSourceThrottled   Code = "source_throttled"
	CodeSourceDenied      Code = "source_denied"
	CodeSourceRejected    Code = "source_rejected"
	CodeSourceExpired     Code = "source_expired"
	CodeIncompleteSource  Code = "incomplete_source"
	CodeBadEntry          Code = "bad_entry"
)

// Errors of the application.
const (
	CodeCredentials    Code = "credentials"
	CodeUnreachable    Code = "unreachable"
	CodeIncompatible   Code = "incompatible"
	CodeThrottled      Code = "throttled"
	CodeUnclear        Code = "unclear"
	CodeRejected       Code = "rejected"
	CodeConflict       Code = "conflict"
	CodeAmbiguousMatch Code = "ambiguous_match"
	CodeVanished       Code = "vanished"
	CodeNoEffect       Code = "no_effect"
)

// Errors of mapping, scope and policy.
const (
	CodeMappingFailed       Code = "mapping_failed"
	CodeScopeFailed         Code = "scope_failed"
	CodeMissingMatchValue   Code = "missing_match_value"
	CodeExistingAccount     Code = "existing_account"
	CodeReferenceUnresolved Code = "reference_unresolved"
	CodeHeld                Code = "held"
	CodeNotInScope          Code = "not_in_scope"
	CodeNotActive           Code = "not_active"
	CodeGivenUp             Code = "given_up"
)

// Errors of a run.
const (
	CodeUnknownReference   Code = "unknown_reference"
	CodeAmbiguousReference Code = "ambiguous_reference"
	CodeLeaseHeld          Code = "lease_held"
	CodeDryRun             Code = "dry_run"
	CodeInterrupted        Code = "interrupted"
	CodeInternal           Code = "internal_error"
)

// Entry explains a code.
type Entry struct {
	Code Code
	// Meaning says what happened, and what the bridge does about it by itself.
	Meaning string
	// Advice says what to do.
	Advice string
}

// Section is a part of the catalogue.
type Section struct {
	Title   string
	Entries []Entry
}

// Lookup returns the entry of a code; of a code that is not in the catalogue, an entry
// without words.
func Lookup(code Code) Entry {
	for _, s := range Catalogue() {
		for _, e := range s.Entries {
			if e.Code == code {
				return e
			}
		}
	}
	return Entry{Code: code}
}

// Catalogue returns every code with its meaning and advice.
func Catalogue() []Section {
	return []Section{
		{"The source", sourceEntries()},
		{"The application", sinkEntries()},
		{"Mapping, scope and policy", policyEntries()},
		{"The run", runEntries()},
	}
}

func sourceEntries() []Entry {
	return []Entry{
		{
			CodeSourceUnreachable, "The source did not answer: a name that can't be resolved, a refused connection, a TLS error or a time-out. The job enters quarantine; a connection probe that passes ends it.",
			"Check network, proxy and the source's `base_url`; `idpbridge check` tests the connection.",
		},
		{
			CodeSourceUnavailable, "The source answered that it is in trouble itself (HTTP 5xx). The cycle ends, and the next one goes on from the same place.",
			"Wait. If it lasts for hours, look at the provider's status page.",
		},
		{
			CodeSourceThrottled, "The source refused to answer for now (HTTP 429), for longer than a cycle waits.",
			"Usually nothing: the next cycle goes on. If it happens in every cycle, raise `interval`, or find out what else uses the same limit.",
		},
		{
			CodeSourceDenied, "The source refused the credentials or a right (HTTP 401 or 403). The job enters quarantine; a connection probe that passes ends it.",
			"Renew the secret or certificate, or grant the missing right; `idpbridge check` names it.",
		},
		{
			CodeSourceRejected, "The source says that the request is wrong (HTTP 400). Mostly the mapping or the scope reads an attribute that the source doesn't have.",
			"Compare the attribute names in mapping and scope with the provider's documentation.",
		},
		{
			CodeSourceExpired, "The position in the source's list of changes is too old. The next cycle reads everything; nobody is removed because of it.",
			"Nothing. If it happens often, the job runs too rarely.",
		},
		{
			CodeIncompleteSource, "A read that can't be trusted: cut off, empty where there were people, or not in the expected form. Nobody is disabled or deleted because of it. When it repeats, the job enters quarantine.",
			"Look at the source: is the file whole, does the application still have assignments? If an empty directory is right, remove the job instead.",
		},
		{
			CodeBadEntry, "One entry of the source could not be understood. The object is kept as it is and tried again; the others go on.",
			"Correct the entry in the source; the message says where it is.",
		},
	}
}

func sinkEntries() []Entry {
	return []Entry{
		{
			CodeCredentials, "The application refused the credentials or a right (HTTP 401 or 403). The job enters quarantine; a connection probe that passes ends it.",
			"Renew the token in the configuration, or give it the right to read and write users and groups.",
		},
		{
			CodeUnreachable, "The application did not answer, and the request certainly had no effect. The job enters quarantine; a connection probe that passes ends it.",
			"Check network, proxy, TLS and the sink's `base_url`; `idpbridge check` tests the connection.",
		},
		{
			CodeIncompatible, "The application breaks the SCIM protocol in a way that concerns every object, such as 404 to a filter that finds nothing, HTML, or lists whose totals don't add up. The job enters quarantine.",
			"Check that `base_url` ends where SCIM begins, choose the sink's `profile` for this application, and show the message to its vendor.",
		},
		{
			CodeThrottled, "The application refused the request for now (HTTP 429). It had no effect and is sent again.",
			"Usually nothing. If it happens in every cycle, set the sink's `rate_limit` below what the application allows.",
		},
		{
			CodeUnclear, "The request was sent, and its effect is not known: a time-out, a dropped connection or HTTP 5xx. The account is looked up before anything is sent again.",
			"Usually nothing. If it repeats for one object, show the time and the object to the application's vendor.",
		},
		{
			CodeRejected, "The application refuses this object (mostly HTTP 400); its own words are in the message. The object is tried again, less and less often.",
			"Read the application's words. Mostly a value is missing, too long or not allowed: correct it in the source, or change the mapping.",
		},
		{
			CodeConflict, "Another object in the application holds a value that must be unique (HTTP 409).",
			"Find the other account by the value in the message. Either link it, by adding the attribute to the matching rows, or change one of the two.",
		},
		{
			CodeAmbiguousMatch, "More than one account in the application matches. None is touched, since a guess could give one person another's account.",
			"Delete or correct the superfluous account in the application, or choose a matching attribute that is unique.",
		},
		{
			CodeVanished, "The account was deleted in the application by somebody else. Its link is dropped and the object is matched anew, or made again.",
			"Nothing. If accounts vanish again and again, find out what else manages the application.",
		},
		{
			CodeNoEffect, "The application answered that the change was done, but shows the old value still.",
			"The attribute may be read-only there: take it out of the mapping, or ask the application's vendor.",
		},
	}
}

func policyEntries() []Entry {
	return []Entry{
		{
			CodeMappingFailed, "An expression of the mapping can't be evaluated for this object. Nothing is sent for it.",
			"The message names the row. Mostly a value is missing or of another kind: `coalesce` gives it a default, `join` leaves out what is missing.",
		},
		{
			CodeScopeFailed, "The scope's expression can't be evaluated for this object. It is neither provisioned nor removed, since nothing is known.",
			"Mostly a value is of another kind than the expression expects; `idpbridge explain` shows it clause by clause.",
		},
		{
			CodeMissingMatchValue, "None of the matching attributes has a value, so that an existing account could not be found. No account is made, since it could be the second one.",
			"Give the person a value in the source, or add another matching attribute to the mapping.",
		},
		{
			CodeExistingAccount, "The application has a matching account that no job made, and `existing_accounts: fail` forbids to take it over.",
			"Set `existing_accounts: adopt` to link it, or delete the account in the application.",
		},
		{
			CodeReferenceUnresolved, "A manager or member has no account in the application yet. It is written as soon as that account appears; nothing else waits for it.",
			"Nothing, if the other person is still to come. Else bring that person into the job's scope.",
		},
		{
			CodeHeld, "The accidental-deletion guard holds this disable or delete back, because too many came at once.",
			"`idpbridge deletions list` shows them. If they are right, approve them; if not, correct source or scope first and then reject them.",
		},
		{
			CodeNotInScope, "The object is not in the job's scope, so that it has no account, or gets none.",
			"`idpbridge explain` shows which clause or assignment is missing.",
		},
		{
			CodeNotActive, "The person may not sign in at the source, and never had an account. None is made.",
			"Enable the person in the source.",
		},
		{
			CodeGivenUp, "The object failed for 28 days and is not tried again by itself.",
			"Correct what the last error says, then provision the object on demand, or run `idpbridge restart JOB --escrows`.",
		},
	}
}

func runEntries() []Entry {
	return []Entry{
		{
			CodeUnknownReference, "The source has no user or group with this id, user name or mail address.",
			"Check the spelling; the source's own id always works.",
		},
		{
			CodeAmbiguousReference, "More than one user or group of the source has this name or address.",
			"Use the source's own id.",
		},
		{
			CodeLeaseHeld, "Another cycle of this job is running; the message says where and since when.",
			"Wait for it to end. The lease of a process that died ends by itself after a few minutes.",
		},
		{
			CodeDryRun, "A write was refused on this side, because this is a dry run.",
			"Nothing was sent. If you see this outside a dry run, report it as a bug.",
		},
		{
			CodeInterrupted, "The run was stopped before this was done. What was done is kept, and the next run goes on from there.",
			"Nothing, if somebody stopped it. Else look for a time-out in the log.",
		},
		{
			CodeInternal, "Something that should not happen.",
			"Report the message as a bug, with the process log around that time.",
		},
	}
}
