package demo

import (
	"fmt"
	"os"
	"strings"
)

// writeConfig writes the configuration that a person would write for these sites.
func writeConfig(path string, entra, okta *site) error {
	text := strings.NewReplacer(
		"ENTRA_URL", entra.sourceURL, "ENTRA_TOKEN", entra.sourceToken, "WIKI_URL", entra.sinkURL, "WIKI_TOKEN", entra.sinkToken,
		"OKTA_URL", okta.sourceURL, "OKTA_TOKEN", okta.sourceToken, "CHAT_URL", okta.sinkURL, "CHAT_TOKEN", okta.sinkToken,
		"ENTRA_JOB", entra.job, "OKTA_JOB", okta.job,
	).Replace(configuration)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return nil
}

const configuration = `# Written by idpbridge demo. Everything it names is emulated on this machine, and ends
# with the demonstration.
state: sqlite:idpbridge.db

sources:
  corp-entra:
    type: graph
    base_url: ENTRA_URL
    auth: {type: token, token: ENTRA_TOKEN}
  corp-okta:
    type: okta
    base_url: OKTA_URL
    auth: {type: api_token, token: OKTA_TOKEN}

sinks:
  wiki:
    type: scim
    base_url: WIKI_URL
    auth: {type: bearer, token: WIKI_TOKEN}
  chat:
    type: scim
    base_url: CHAT_URL
    auth: {type: bearer, token: CHAT_TOKEN}

jobs:
  ENTRA_JOB:
    source: corp-entra
    sink: wiki
    interval: 1m
    scope:
      users: user.userType == "Member"    # guests get no account
    deprovision:
      max_deletions: {count: 100, percent: 5}
  OKTA_JOB:
    source: corp-okta
    sink: chat
    interval: 1m
    deprovision:
      max_deletions: {count: 100, percent: 5}
`
