package config_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/idpbridge/idpbridge/config"
)

// FuzzParse holds for every text: it is either a configuration whose expressions
// compile, or a list of problems with places, the same on every reading, that shows no
// value of a variable.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/good-*.yaml", "testdata/invalid-*.yaml"} {
		for _, path := range glob(f, pattern) {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := config.Parse("fuzz.yaml", data, env)
		if err == nil {
			for _, job := range cfg.Jobs {
				if _, err := cfg.Mapping(job); err != nil {
					t.Errorf("accepted, but job %s does not compile: %v", job.Name, err)
				}
			}
			return
		}
		problems, ok := errors.AsType[config.Problems](err)
		if !ok || len(problems) == 0 {
			t.Fatalf("not problems: %v", err)
		}
		for _, p := range problems {
			if p.File != "fuzz.yaml" || p.Line < 1 || p.Column < 1 || p.Message == "" {
				t.Errorf("a problem without place or message: %+v", p)
			}
		}
		if secret := environment["WIKI_TOKEN"]; strings.Contains(err.Error(), secret) && !strings.Contains(string(data), secret) {
			t.Errorf("a message shows the value of a variable: %v", err)
		}
		if _, again := config.Parse("fuzz.yaml", data, env); again == nil || again.Error() != err.Error() {
			t.Errorf("the second reading says\n%v\nthe first said\n%v", again, err)
		}
	})
}
