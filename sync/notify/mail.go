package notify

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/idpbridge/idpbridge/sync/state"
)

// Mail is an SMTP server (RFC 5321) and the message's addresses.
type Mail struct {
	Host string
	Port int
	From string
	To   []string
	// Username and Password sign in to the server; both empty: no sign-in.
	Username, Password string
	Security           Security
	// TLS is used with the server's name filled in; nil: the system's roots.
	TLS *tls.Config
	// Events are the ones to send; none: all.
	Events []state.NoticeEvent
}

// Security is how the connection to a mail server is protected.
type Security int

// The ways to protect a mail connection.
const (
	// StartTLS begins in plain text and must switch to TLS (RFC 3207).
	StartTLS Security = iota + 1
	// ImplicitTLS is TLS from the first byte (RFC 8314).
	ImplicitTLS
	// Plain is for a server on this machine.
	Plain
)

type mailer struct {
	from   string
	to     []string
	client *mail.Client
}

func newMail(m Mail) (*mailer, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if m.TLS != nil {
		config = m.TLS.Clone()
	}
	config.ServerName = m.Host
	options := []mail.Option{mail.WithPort(m.Port), mail.WithTimeout(sendTimeout), mail.WithTLSConfig(config)}
	auth := mail.SMTPAuthAutoDiscover
	switch m.Security {
	case ImplicitTLS:
		options = append(options, mail.WithSSL())
	case Plain:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
		auth = mail.SMTPAuthPlainNoEnc
	case StartTLS:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	default:
		return nil, fmt.Errorf("security %d is unknown", m.Security)
	}
	if m.Username != "" {
		options = append(options, mail.WithSMTPAuth(auth), mail.WithUsername(m.Username), mail.WithPassword(m.Password))
	}
	client, err := mail.NewClient(m.Host, options...)
	if err != nil {
		return nil, err
	}
	return &mailer{from: m.From, to: m.To, client: client}, nil
}

func (s *mailer) send(ctx context.Context, m Message) error {
	msg := mail.NewMsg()
	if err := msg.From(s.from); err != nil {
		return fmt.Errorf("from: %w", err)
	}
	if err := msg.To(s.to...); err != nil {
		return fmt.Errorf("to: %w", err)
	}
	msg.SetDateWithValue(m.Time.In(time.UTC))
	msg.SetMessageIDWithValue(m.ID + "@idpbridge")
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no vacation replies
	msg.Subject("[idpbridge] " + m.Summary)
	msg.SetBodyString(mail.TypeTextPlain, m.text())
	return s.client.DialAndSendWithContext(ctx, msg)
}
