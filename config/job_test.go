package config_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/idpbridge/idpbridge/config"
	"github.com/idpbridge/idpbridge/quarantine"
	"github.com/idpbridge/idpbridge/sync/plan"
)

const day = 24 * time.Hour

func TestPolicyDefaults(t *testing.T) {
	cfg, err := parse(t, "testdata/good-smallest.yaml")
	if err != nil {
		t.Fatal(err)
	}
	job := cfg.Jobs["corp-to-wiki"]
	if diff := cmp.Diff(plan.Default(), job.Policy()); diff != "" {
		t.Errorf("policy (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(quarantine.Default(), job.QuarantinePolicy()); diff != "" {
		t.Errorf("quarantine (-want +got):\n%s", diff)
	}
	if job.Interval != 40*time.Minute || job.Reconcile != 7*day || cfg.HTTP.Listen != "127.0.0.1:8480" || cfg.State.Path != "testdata/idpbridge.db" {
		t.Errorf("interval %v, reconcile %v, listen %s, state %s", job.Interval, job.Reconcile, cfg.HTTP.Listen, cfg.State.Path)
	}
}

// TestPolicy gives every setting another value than its default.
func TestPolicy(t *testing.T) {
	cfg, err := parse(t, "testdata/good-policies.yaml")
	if err != nil {
		t.Fatal(err)
	}
	job := cfg.Jobs["corp-to-wiki"]
	policy := plan.Policy{
		Existing: plan.Fail, OutOfScope: plan.Keep, Disabled: plan.Delete, Deleted: plan.Delete,
		Groups: plan.EmptyGroup, DeleteAfter: 36 * time.Hour, MaxCount: 0, MaxPercent: 5,
	}
	if diff := cmp.Diff(policy, job.Policy()); diff != "" {
		t.Errorf("policy (-want +got):\n%s", diff)
	}
	thresholds := quarantine.Policy{
		FailedCycles: 1, FailedPercent: 2, FailedMin: 3, FailedTotal: 4,
		ProbeFirst: 5 * time.Minute, ProbeMax: 6 * time.Hour, DisableAfter: 0,
	}
	if diff := cmp.Diff(thresholds, job.QuarantinePolicy()); diff != "" {
		t.Errorf("quarantine (-want +got):\n%s", diff)
	}
}

func TestNotify(t *testing.T) {
	cfg, err := parse(t, "testdata/good-policies.yaml")
	if err != nil {
		t.Fatal(err)
	}
	hook, mail := cfg.Notify.Webhooks[0], cfg.Notify.Mail
	if hook.URL.Reveal() != "http://[::1]:9000/hook" || hook.Secret.Reveal() != environment["WIKI_TOKEN"] {
		t.Errorf("webhook %s", hook.URL.Reveal())
	}
	if !config.Wants(hook.Events, config.DeletionsHeld) || config.Wants(hook.Events, config.QuarantineLeft) || !config.Wants(mail.Events, config.QuarantineLeft) {
		t.Errorf("events %v and %v", hook.Events, mail.Events)
	}
	if mail.Port != 25 || mail.TLS != config.NoTLS || mail.Host != "localhost" {
		t.Errorf("mail %+v", *mail)
	}
	token := cfg.HTTP.Tokens[0]
	if want := time.Date(2027, 11, 22, 0, 0, 0, 0, time.UTC); !token.Expires.Equal(want) || token.Role != config.Operator || token.SHA256[0] != 0x01 {
		t.Errorf("token %+v: a date means its end", token)
	}
}
