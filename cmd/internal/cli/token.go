package cli

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/idpbridge/idpbridge/cmd/internal/view"
	"github.com/idpbridge/idpbridge/config"
)

// TokenOptions is what `token` was asked for.
type TokenOptions struct {
	Name, Role, Expires string
}

// Token is what `token` prints. Token itself is shown once and stored nowhere.
type Token struct {
	Token   string `json:"token"`
	Name    string `json:"name"`
	Role    string `json:"role"`
	SHA256  string `json:"sha256"`
	Expires string `json:"expires"` // the last day it works, UTC
	// Line is the token's entry under http.tokens.
	Line string `json:"configuration"`
}

func newTokenCmd(r *program) *cobra.Command {
	o := TokenOptions{}
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Make an API token",
		Long: `Makes a token for the HTTP API and shows it once, with the line for http.tokens in the configuration
that holds its hash. The token itself is stored nowhere. Nothing is read or written.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return runToken(r, o) },
	}
	cmd.Flags().StringVar(&o.Name, "name", "ops", "whose it is; stands in the audit record")
	cmd.Flags().StringVar(&o.Role, "role", "viewer", "admin, operator or viewer")
	cmd.Flags().StringVar(&o.Expires, "expires", "365d", "how long it works, e.g. 30d")
	_ = cmd.RegisterFlagCompletionFunc("role", cobra.FixedCompletions(config.Role(0).Words(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// tokenName keeps the configuration line free of anything that YAML could take for more.
var tokenName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]*$`)

func runToken(r *program, o TokenOptions) error {
	var role config.Role
	if err := role.UnmarshalText([]byte(o.Role)); err != nil {
		return usage("--role: %w", err)
	}
	if !tokenName.MatchString(o.Name) {
		return usage("--name %q may have letters, digits and . _ @ - only", o.Name)
	}
	life, err := view.ParseDuration(o.Expires)
	if err != nil {
		return usage("--expires: %w", err)
	}
	t := makeToken(o.Name, role, time.Now().Add(life))
	if r.json() {
		return r.printJSON(t)
	}
	return r.printf("%s\n\nKeep it: it is shown only this once. In the configuration, under http.tokens:\n\n    - %s\n", t.Token, t.Line)
}

// makeToken makes a token of at least 128 random bits. The hash is of all its characters.
func makeToken(name string, role config.Role, expires time.Time) Token {
	t := Token{Token: "idpb_" + rand.Text(), Name: name, Role: role.String(), Expires: expires.UTC().Format(time.DateOnly)}
	hash := sha256.Sum256([]byte(t.Token))
	t.SHA256 = hex.EncodeToString(hash[:])
	t.Line = fmt.Sprintf("{name: %s, role: %s, sha256: %q, expires: %s}", t.Name, t.Role, t.SHA256, t.Expires)
	return t
}
