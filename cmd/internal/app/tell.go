package app

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"

	"github.com/idpbridge/idpbridge/config"
	"github.com/idpbridge/idpbridge/sync/notify"
	"github.com/idpbridge/idpbridge/sync/state"
)

// teller keeps a notifier running whose receivers are those of the configuration.
type teller struct {
	store   *state.Store
	log     *slog.Logger
	version string
	now     config.Notify
	end     func() // of the notifier that runs; nil: none does
}

// put replaces the notifier when the receivers changed. On an error the old one stays.
func (t *teller) put(ctx context.Context, cfg config.Notify) error {
	if t.end != nil && reflect.DeepEqual(cfg, t.now) {
		return nil
	}
	n, err := t.notifier(ctx, cfg)
	if err != nil {
		return err
	}
	t.stop()
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.Run(run)
	}()
	t.now, t.end = cfg, func() { cancel(); <-done }
	return nil
}

// notifier makes a notifier that does nothing yet but make its receivers known.
func (t *teller) notifier(ctx context.Context, cfg config.Notify) (*notify.Notifier, error) {
	n, err := notify.New(ctx, notifyOptions(cfg, t))
	if err != nil {
		return nil, fmt.Errorf("notify: %w", err)
	}
	return n, nil
}

// Notifier returns what tells the receivers of the configuration in force, for commands
// that end. They are told of what happens from then on, so that it is asked for before the
// cycle that it is to tell of.
func (a *App) Notifier(ctx context.Context) (*notify.Notifier, error) {
	store, err := a.Store(ctx)
	if err != nil {
		return nil, err
	}
	return (&teller{store: store, log: a.log, version: a.version}).notifier(ctx, a.Config().Notify)
}

// stop ends the notifier. What it could not deliver stays in the state.
func (t *teller) stop() {
	if t.end != nil {
		t.end()
		t.end = nil
	}
}

func notifyOptions(cfg config.Notify, t *teller) notify.Options {
	o := notify.Options{Store: t.store, Log: t.log, Version: t.version}
	for _, w := range cfg.Webhooks {
		o.Webhooks = append(o.Webhooks, notify.Webhook{URL: w.URL.Reveal(), Secret: w.Secret.Reveal(), Events: noticeEvents(w.Events)})
	}
	if m := cfg.Mail; m != nil {
		o.Mail = &notify.Mail{
			Host: m.Host, Port: m.Port, From: m.From, To: m.To, Username: m.Username, Password: m.Password.Reveal(),
			Security: mailSecurity(m.TLS), Events: noticeEvents(m.Events),
		}
	}
	return o
}

func mailSecurity(t config.MailTLS) notify.Security {
	switch t {
	case config.ImplicitTLS:
		return notify.ImplicitTLS
	case config.NoTLS:
		return notify.Plain
	default:
		return notify.StartTLS
	}
}

func noticeEvents(events []config.Event) []state.NoticeEvent {
	out := make([]state.NoticeEvent, 0, len(events))
	for _, e := range events {
		switch e {
		case config.QuarantineEntered:
			out = append(out, state.NoticeEntered)
		case config.QuarantineChanged:
			out = append(out, state.NoticeChanged)
		case config.QuarantineLeft:
			out = append(out, state.NoticeLeft)
		case config.DeletionsHeld:
			out = append(out, state.NoticeHeld)
		}
	}
	return out
}
