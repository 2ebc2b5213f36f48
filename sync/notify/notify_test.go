package notify_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sync/notify"
	"github.com/idpbridge/idpbridge/sync/state"
)

func events(t *testing.T, got []request) []string {
	t.Helper()
	var out []string
	for _, r := range got {
		var m notify.Message
		must(t, json.Unmarshal(r.body, &m))
		out = append(out, m.Event+" "+m.State)
	}
	return out
}

// The life of a quarantine is told once, in its order, with a signature that holds, and
// without a word of whom it concerns.
func TestWebhook(t *testing.T) {
	hook := newHook(t)
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		b.becomes(quarantine.StateQuarantined, quarantine.ReasonUnreachable) // before anybody listened
		b.becomes(quarantine.StateActive, 0)
		b.notifier(notify.Options{Webhooks: []notify.Webhook{{URL: hook.url, Secret: "key"}}})
		time.Sleep(10 * time.Second)
		began := time.Now().UTC().Truncate(time.Second)
		b.becomes(quarantine.StateQuarantined, quarantine.ReasonUnreachable)
		b.becomes(quarantine.StateQuarantined, quarantine.ReasonUnreachable) // a probe more
		b.becomes(quarantine.StateQuarantined, quarantine.ReasonCredentials)
		b.becomes(quarantine.StateDisabled, quarantine.ReasonCredentials)
		b.becomes(quarantine.StateActive, 0)
		b.becomes(quarantine.StatePaused, 0)
		time.Sleep(time.Hour)
		got := hook.requests()
		want := []string{
			"quarantine_entered quarantined", "quarantine_changed quarantined", "quarantine_changed disabled", "quarantine_left active",
		}
		if d := cmp.Diff(want, events(t, got)); d != "" {
			t.Fatalf("told (-want +got):\n%s", d)
		}
		for _, r := range got {
			checkSignature(t, r, []byte("key"))
			if strings.Contains(string(r.body), "alice") {
				t.Errorf("a person is named: %s", r.body)
			}
		}
		var m notify.Message
		must(t, json.Unmarshal(got[1].body, &m))
		now, was := "credentials", "unreachable"
		if d := cmp.Diff(notify.Message{
			ID: m.ID, Event: "quarantine_changed", Time: began, Job: "entra-to-wiki", State: "quarantined",
			Reason: &now, PreviousReason: &was, Since: &began, Summary: m.Summary, Advice: m.Advice,
		}, m); d != "" {
			t.Errorf("message (-want +got):\n%s", d)
		}
		if !strings.Contains(m.Advice, "idpbridge check entra-to-wiki") {
			t.Errorf("advice: %s", m.Advice)
		}
		if ids := map[string]bool{}; true {
			for _, r := range got {
				ids[r.header.Get("webhook-id")] = true
			}
			if len(ids) != len(got) {
				t.Errorf("ids %v of %d messages", ids, len(got))
			}
		}
	})
}

func checkSignature(t *testing.T, r request, key []byte) {
	t.Helper()
	at := r.header.Get("webhook-timestamp")
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(r.header.Get("webhook-id") + "." + at + "."))
	mac.Write(r.body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	if got := r.header.Get("webhook-signature"); got != want {
		t.Errorf("signature %q, not %q", got, want)
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	must(t, err)
	if age := time.Since(time.Unix(seconds, 0)); age < 0 || age > 2*time.Hour {
		t.Errorf("timestamp %s is %s old", at, age)
	}
}

// The key of a Standard Webhooks secret is what its base64 stands for.
func TestStandardSecret(t *testing.T) {
	hook := newHook(t)
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		b.notifier(notify.Options{Webhooks: []notify.Webhook{{URL: hook.url, Secret: "whsec_" + base64.StdEncoding.EncodeToString([]byte("raw key"))}}})
		b.becomes(quarantine.StateQuarantined, quarantine.ReasonUnreachable)
		time.Sleep(10 * time.Second)
		for _, r := range hook.requests() {
			checkSignature(t, r, []byte("raw key"))
		}
		if n := len(hook.requests()); n != 1 {
			t.Errorf("%d requests", n)
		}
		if _, err := notify.New(t.Context(), notify.Options{Store: b.store, Webhooks: []notify.Webhook{{URL: hook.url, Secret: "whsec_%"}}}); err == nil {
			t.Error("a secret that is not base64 was taken")
		}
	})
}

// A receiver that fails is tried again at growing gaps, under the same id, and hears of
// later events after the earlier ones; nobody else waits for it.
func TestRetry(t *testing.T) {
	failing, healthy := newHook(t, 500, 503, 404), newHook(t)
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		b.notifier(notify.Options{Webhooks: []notify.Webhook{{URL: failing.url}, {URL: healthy.url}}})
		b.becomes(quarantine.StateQuarantined, quarantine.ReasonUnreachable)
		b.becomes(quarantine.StateActive, 0)
		for _, step := range []struct {
			sleep time.Duration
			want  int
		}{{10 * time.Second, 1}, {30 * time.Second, 2}, {45 * time.Second, 2}, {15 * time.Second, 3}, {100 * time.Second, 3}, {30 * time.Second, 5}, {time.Hour, 5}} {
			time.Sleep(step.sleep)
			if n := len(failing.requests()); n != step.want {
				t.Fatalf("%d requests, not %d", n, step.want)
			}
			if n := len(healthy.requests()); n != 2 {
				t.Fatalf("%d requests to the healthy one", n)
			}
		}
		got := failing.requests()
		for i := range 4 {
			if got[i].header.Get("webhook-id") != got[0].header.Get("webhook-id") {
				t.Errorf("attempt %d has another id", i+1)
			}
		}
		if d := cmp.Diff("quarantine_left active", events(t, got)[4]); d != "" {
			t.Error(d)
		}
		if strings.Contains(b.log.String(), "s3cret") {
			t.Errorf("the log has the secret address: %s", b.log.String())
		}
	})
}

// Who does not answer for a day is given up, and hears of what happens after that.
func TestGivenUp(t *testing.T) {
	answers := make([]int, 31)
	for i := range answers {
		answers[i] = 500
	}
	hook := newHook(t, answers...)
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		b.notifier(notify.Options{Webhooks: []notify.Webhook{{URL: hook.url}}})
		b.becomes(quarantine.StateQuarantined, quarantine.ReasonUnreachable)
		time.Sleep(25 * time.Hour)
		n := len(hook.requests())
		if n < 24 || n > 31 || !strings.Contains(b.log.String(), "given up") {
			t.Errorf("%d attempts", n)
		}
		hook.mu.Lock()
		hook.answers = nil
		hook.mu.Unlock()
		b.becomes(quarantine.StateActive, 0)
		time.Sleep(time.Minute)
		if got := events(t, hook.requests()[n:]); len(got) != 1 || got[0] != "quarantine_left active" {
			t.Errorf("told %v", got)
		}
	})
}

// Nothing is told twice, however often the process starts anew and however many there are.
func TestOnceOverRestarts(t *testing.T) {
	hook := newHook(t, 500)
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		options := notify.Options{Webhooks: []notify.Webhook{{URL: hook.url}}}
		stop := b.notifier(options)
		b.becomes(quarantine.StateQuarantined, quarantine.ReasonUnreachable)
		time.Sleep(5 * time.Second) // refused once
		for range 5 {
			stop()
			b.open()
			stop = b.notifier(options)
			b.notifier(options)
			time.Sleep(20 * time.Second)
		}
		stop()
		if n := len(hook.requests()); n != 2 {
			t.Errorf("%d requests: one refused, one taken", n)
		}
	})
}

// Each receiver gets the events that it asked for.
func TestEvents(t *testing.T) {
	left, held := newHook(t), newHook(t)
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		b.notifier(notify.Options{Webhooks: []notify.Webhook{
			{URL: left.url, Events: []state.NoticeEvent{state.NoticeLeft}}, {URL: held.url, Events: []state.NoticeEvent{state.NoticeHeld}},
		}})
		b.becomes(quarantine.StateQuarantined, quarantine.ReasonTooManyDeletions)
		b.becomes(quarantine.StateActive, 0)
		time.Sleep(10 * time.Second)
		if got := events(t, left.requests()); len(got) != 1 || got[0] != "quarantine_left active" {
			t.Errorf("told %v", got)
		}
		if got := held.requests(); len(got) != 0 {
			t.Errorf("told %v", events(t, got))
		}
	})
}

// A receiver that can't be reached is logged without its address, which may be a secret.
func TestAddressIsSecret(t *testing.T) {
	s := httptest.NewServer(nil)
	s.Close() // nobody listens there any more
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		b.notifier(notify.Options{Webhooks: []notify.Webhook{{URL: s.URL + "/hooks/s3cret"}}})
		b.becomes(quarantine.StateQuarantined, quarantine.ReasonUnreachable)
		time.Sleep(10 * time.Second)
		if text := b.log.String(); !strings.Contains(text, "notification failed") || strings.Contains(text, "s3cret") {
			t.Errorf("logged: %s", text)
		}
	})
}

// Redirects are not followed: the address is a secret, and so may the message be.
func TestNoRedirect(t *testing.T) {
	elsewhere := newHook(t)
	s := httptest.NewServer(http.RedirectHandler(elsewhere.url, http.StatusTemporaryRedirect))
	t.Cleanup(s.Close)
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		b.notifier(notify.Options{Webhooks: []notify.Webhook{{URL: s.URL}}})
		b.becomes(quarantine.StateQuarantined, quarantine.ReasonUnreachable)
		time.Sleep(10 * time.Second)
		if n := len(elsewhere.requests()); n != 0 {
			t.Errorf("%d requests followed the redirect", n)
		}
	})
}

// Mail goes over each kind of connection, signed in, and says what to do.
func TestMail(t *testing.T) {
	web := httptest.NewTLSServer(nil) // lends its certificate for example.com and 127.0.0.1
	t.Cleanup(web.Close)
	roots := web.Client().Transport.(*http.Transport).TLSClientConfig
	cert := &tls.Config{Certificates: web.TLS.Certificates}
	for _, c := range []struct {
		name     string
		server   *post
		security notify.Security
	}{
		{"starttls", &post{cert: cert}, notify.StartTLS},
		{"implicit", &post{cert: cert, implicit: true}, notify.ImplicitTLS},
		{"plain", &post{}, notify.Plain},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.server.start(t)
			b := newBox(t)
			stop := b.notifier(notify.Options{Mail: &notify.Mail{
				Host: "127.0.0.1", Port: c.server.port, From: "idpbridge@example.com", To: []string{"ops@example.com", "oncall@example.com"},
				Username: "bridge", Password: "p4ss", Security: c.security, TLS: roots,
			}})
			b.becomes(quarantine.StateQuarantined, quarantine.ReasonFailedPercent)
			for deadline := time.Now().Add(20 * time.Second); len(c.server.received()) == 0 && time.Now().Before(deadline); {
				time.Sleep(20 * time.Millisecond)
			}
			stop()
			got := c.server.received()
			if len(got) != 1 {
				t.Fatalf("%d mails: %s", len(got), b.log.String())
			}
			for _, want := range []string{
				"Subject: [idpbridge] Job entra-to-wiki is in quarantine", "Message-ID: <idpbridge-", "Auto-Submitted: auto-generated",
				"ops@example.com", "oncall@example.com", "idpbridge logs entra-to-wiki --status failure",
			} {
				if !strings.Contains(strings.ReplaceAll(got[0], "=\n", ""), want) {
					t.Errorf("the mail lacks %q:\n%s", want, got[0])
				}
			}
			if len(c.server.auths) != 1 || strings.Contains(got[0], "alice") {
				t.Errorf("signed in: %v", c.server.auths)
			}
		})
	}
}

// A server that offers no TLS gets neither password nor mail.
func TestMailNeedsTLS(t *testing.T) {
	for _, user := range []string{"", "bridge"} {
		server := &post{}
		server.start(t)
		b := newBox(t)
		stop := b.notifier(notify.Options{Mail: &notify.Mail{
			Host: "127.0.0.1", Port: server.port, From: "a@example.com", To: []string{"b@example.com"}, Username: user, Password: user, Security: notify.StartTLS,
		}})
		b.becomes(quarantine.StateQuarantined, quarantine.ReasonUnreachable)
		for deadline := time.Now().Add(20 * time.Second); !strings.Contains(b.log.String(), "notification failed"); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("user %q: the attempt did not fail", user)
			}
		}
		stop()
		if len(server.received()) > 0 || len(server.auths) > 0 {
			t.Errorf("user %q: mail went over plain text", user)
		}
	}
}
