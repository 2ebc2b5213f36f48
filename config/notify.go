package config

import (
	"fmt"
	"net/mail"
	"net/url"
	"slices"

	"github.com/idpbridge/idpbridge/config/secret"
)

// Notify says whom to tell that a job entered, changed or left quarantine, or that
// deletions are held.
type Notify struct {
	// Webhooks receive each event as JSON in a POST request.
	Webhooks []Webhook `yaml:"webhooks"`
	// Mail sends each event as a message; nil: no mail.
	Mail *Mail `yaml:"mail"`
}

// Webhook is one receiver of events.
type Webhook struct {
	// URL is https, or http on loopback. It is a secret: many services put one into it.
	URL secret.String `yaml:"url"`
	// Secret signs the body with HMAC-SHA256; empty: unsigned.
	Secret secret.String `yaml:"secret"`
	// Events are the ones to send; empty: all.
	Events []Event `yaml:"events"`
}

// Mail is an SMTP server and the message's addresses.
type Mail struct {
	Host string   `yaml:"host"`
	Port int      `yaml:"port"`
	From string   `yaml:"from"`
	To   []string `yaml:"to"`
	// Username and Password sign in to the server; both empty: no sign-in.
	Username string        `yaml:"username"`
	Password secret.String `yaml:"password"`
	TLS      MailTLS       `yaml:"tls"`
	// Events are the ones to send; empty: all.
	Events []Event `yaml:"events"`
}

// SetDefaults fills in what a file may leave out.
func (m *Mail) SetDefaults() { m.Port, m.TLS = 587, StartTLS }

// MailTLS says how the connection to a mail server is protected.
type MailTLS int

// The ways to protect a mail connection.
const (
	// StartTLS begins in plain text and must switch to TLS (usual on port 587).
	StartTLS MailTLS = iota + 1
	// ImplicitTLS is TLS from the first byte (usual on port 465).
	ImplicitTLS
	// NoTLS is plain text, for a server on this machine only.
	NoTLS
)

// Words returns the words of the configuration, in the order of the constants.
func (MailTLS) Words() []string { return []string{"starttls", "implicit", "none"} }

// String returns the word of the configuration.
func (m MailTLS) String() string { return wordOf(m.Words(), int(m)) }

// MarshalText writes the word of the configuration.
func (m MailTLS) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads the word of the configuration.
func (m *MailTLS) UnmarshalText(text []byte) error {
	n, err := indexOf(m.Words(), string(text))
	*m = MailTLS(n)
	return err
}

// Event is something that people are told about.
type Event int

// The events.
const (
	// QuarantineEntered: a job's automatic cycles stopped.
	QuarantineEntered Event = iota + 1
	// QuarantineChanged: the reason of a quarantine is another one now.
	QuarantineChanged
	// QuarantineLeft: the job's automatic cycles run again.
	QuarantineLeft
	// DeletionsHeld: the guard against accidental deletions holds back a cycle's.
	DeletionsHeld
)

// Words returns the words of the configuration, in the order of the constants.
func (Event) Words() []string {
	return []string{"quarantine_entered", "quarantine_changed", "quarantine_left", "deletions_held"}
}

// String returns the event's word.
func (e Event) String() string { return wordOf(e.Words(), int(e)) }

// MarshalText writes the event as its word.
func (e Event) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads the event's word.
func (e *Event) UnmarshalText(text []byte) error {
	n, err := indexOf(e.Words(), string(text))
	*e = Event(n)
	return err
}

// Wants says whether a list of events, as configured, asks for this one.
func Wants(events []Event, e Event) bool { return len(events) == 0 || slices.Contains(events, e) }

func (n *Notify) validate(doc *document) {
	for i, w := range n.Webhooks {
		key := fmt.Sprintf("notify.webhooks[%d].url", i)
		if doc.required(key, w.URL != "") {
			validateURL(doc, key, w.URL.Reveal())
		}
	}
	if n.Mail != nil {
		n.Mail.validate(doc)
	}
}

func (m *Mail) validate(doc *document) {
	const key = "notify.mail"
	doc.required(key+".host", m.Host != "")
	if m.Port < 1 || m.Port > 65535 {
		doc.rule(key+".port", complain("not a port from 1 to 65535"))
	}
	if doc.required(key+".from", m.From != "") {
		validateAddress(doc, key+".from", m.From)
	}
	doc.required(key+".to", len(m.To) > 0)
	for i, to := range m.To {
		validateAddress(doc, fmt.Sprintf("%s.to[%d]", key, i), to)
	}
	if (m.Username == "") != (m.Password == "") {
		doc.rule(key, complain("username and password come together"))
	}
	if m.TLS == NoTLS && !IsLoopback(m.Host) {
		doc.rule(key+".tls", complain("only a mail server on loopback may be used without TLS").withHint("use starttls or implicit"))
	}
}

func validateAddress(doc *document, key, address string) {
	if _, err := mail.ParseAddress(address); err != nil {
		doc.rule(key, complain("not a mail address").withHint("for example alerts@example.com"))
	}
}

// validateURL wants https, or http on loopback. The message does not repeat the URL,
// which may hold a secret.
func validateURL(doc *document, key, text string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		doc.rule(key, complain("not a URL").withHint("for example https://hooks.example.com/idpbridge"))
	case u.Scheme == "https" || u.Scheme == "http" && IsLoopback(u.Hostname()):
	default:
		doc.rule(key, complain("http is for loopback only").withHint("use https"))
	}
}
