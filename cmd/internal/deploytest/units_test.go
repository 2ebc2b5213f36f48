package deploytest_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/idpbridge/idpbridge/config"
)

// The service is shut in as far as a network program can be: below 2.0 of 10 by systemd's
// own measure.
func TestSystemdSecurity(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("NOT RUN: systemd-analyze is not installed")
	}
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=true", "--threshold=20", filepath.Join(root, "deploy/systemd/idpbridge.service")).CombinedOutput()
	found := regexp.MustCompile(`Overall exposure level for idpbridge.service: ([0-9.]+)`).FindSubmatch(out)
	if found == nil {
		t.Fatalf("systemd-analyze says no level: %v\n%s", err, out)
	}
	if level, err := strconv.ParseFloat(string(found[1]), 64); err != nil || level >= 2 {
		t.Errorf("exposure level %s, not below 2.0\n%s", found[1], out)
	}
}

// unit reads a unit file: its settings by section and name.
func unit(t *testing.T, file string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	section := ""
	for lines := bufio.NewScanner(bytes.NewReader(read(t, file))); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[]")
		}
		if key, value, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			out[section+"."+key] = append(out[section+"."+key], value)
		}
	}
	return out
}

// The service stops in good order, reloads by SIGHUP, and may use the port it listens on.
func TestSystemdUnit(t *testing.T) {
	u := unit(t, "deploy/systemd/idpbridge.service")
	_, port, _ := strings.Cut(defaultListen(t), ":")
	for key, want := range map[string]string{
		"Service.ExecReload": "/bin/kill -HUP $MAINPID", "Service.User": "idpbridge", "Service.StateDirectory": "idpbridge",
		"Service.SocketBindAllow": "tcp:" + port, "Service.Restart": "always", "Install.WantedBy": "multi-user.target",
	} {
		if !slices.Equal(u[key], []string{want}) {
			t.Errorf("%s is %q, not %q", key, u[key], want)
		}
	}
	if seconds, err := strconv.Atoi(strings.TrimSuffix(u["Service.TimeoutStopSec"][0], "s")); err != nil || seconds < 30 {
		t.Errorf("TimeoutStopSec %v leaves no time to end", u["Service.TimeoutStopSec"])
	}
	if !strings.Contains(string(read(t, "deploy/systemd/idpbridge.sysusers")), "\nu idpbridge ") {
		t.Error("idpbridge.sysusers makes no user idpbridge")
	}
}

func defaultListen(t *testing.T) string {
	t.Helper()
	var c config.Config
	c.SetDefaults()
	return c.HTTP.Listen
}

// object is a Kubernetes object.
type object map[string]any

// at walks down keys and, by number, lists; nil when something is missing.
func (o object) at(path string) any {
	var v any = map[string]any(o)
	for key := range strings.SplitSeq(path, "/") {
		switch x := v.(type) {
		case map[string]any:
			v = x[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

func manifests(t *testing.T) map[string]object {
	t.Helper()
	var list struct {
		Resources []string `yaml:"resources"`
	}
	if err := yaml.Unmarshal(read(t, "deploy/kubernetes/kustomization.yaml"), &list); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "deploy/kubernetes/*.yaml"))
	if err != nil || len(files) != len(list.Resources)+1 {
		t.Errorf("kustomization.yaml lists %d of %d files (%v)", len(list.Resources), len(files)-1, err)
	}
	out := map[string]object{}
	for _, file := range list.Resources {
		var o object
		if err := yaml.Unmarshal(read(t, "deploy/kubernetes/"+file), &o); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		out[fmt.Sprint(o["kind"])] = o
	}
	return out
}

// The manifests fit each other and the program, and pass the restricted pod security
// standard.
func TestKubernetes(t *testing.T) {
	m := manifests(t)
	const pod, container = "spec/template/spec/", "spec/template/spec/containers/0/"
	for _, test := range []struct{ kind, path, want string }{
		{"Deployment", "spec/replicas", "1"},
		{"Deployment", "spec/strategy/type", "Recreate"},
		{"Deployment", pod + "securityContext/runAsNonRoot", "true"},
		{"Deployment", pod + "securityContext/runAsUser", "65532"},
		{"Deployment", pod + "securityContext/fsGroup", "65532"},
		{"Deployment", pod + "securityContext/seccompProfile/type", "RuntimeDefault"},
		{"Deployment", pod + "automountServiceAccountToken", "false"},
		{"Deployment", pod + "terminationGracePeriodSeconds", "40"},
		{"Deployment", container + "securityContext/allowPrivilegeEscalation", "false"},
		{"Deployment", container + "securityContext/readOnlyRootFilesystem", "true"},
		{"Deployment", container + "securityContext/capabilities/drop/0", "ALL"},
		{"Deployment", container + "livenessProbe/httpGet/path", "/healthz"},
		{"Deployment", container + "readinessProbe/httpGet/path", "/readyz"},
		{"Deployment", container + "startupProbe/httpGet/path", "/readyz"},
		{"Deployment", container + "ports/0/containerPort", "8480"},
		{"Deployment", container + "ports/0/name", "http"},
		{"Service", "spec/ports/0/targetPort", "http"},
		{"Service", "spec/ports/0/name", "http"},
		{"ServiceMonitor", "spec/endpoints/0/port", "http"},
		{"ServiceMonitor", "spec/endpoints/0/path", "/metrics"},
		{"ServiceMonitor", "spec/endpoints/0/honorLabels", "true"},
		{"PersistentVolumeClaim", "spec/accessModes/0", "ReadWriteOnce"},
		{"ServiceAccount", "automountServiceAccountToken", "false"},
	} {
		if got := fmt.Sprint(m[test.kind].at(test.path)); got != test.want {
			t.Errorf("%s %s is %s, not %s", test.kind, test.path, got, test.want)
		}
	}
	labels := fmt.Sprint(m["Deployment"].at("spec/template/metadata/labels"))
	for kind, path := range map[string]string{"Deployment": "spec/selector/matchLabels", "Service": "spec/selector", "ServiceMonitor": "spec/selector/matchLabels"} {
		if got := fmt.Sprint(m[kind].at(path)); got != labels {
			t.Errorf("%s selects %s, pods have %s", kind, got, labels)
		}
	}
	mounted(t, m)
}

// mounted checks that every volume is there, is mounted, and that what it is made of exists.
func mounted(t *testing.T, m map[string]object) {
	t.Helper()
	volumes, _ := m["Deployment"].at("spec/template/spec/volumes").([]any)
	mounts := fmt.Sprint(m["Deployment"].at("spec/template/spec/containers/0/volumeMounts"))
	for _, v := range volumes {
		o := object(v.(map[string]any))
		if !strings.Contains(mounts, fmt.Sprintf("name:%v", o["name"])) {
			t.Errorf("volume %v is not mounted", o["name"])
		}
		for path, kind := range map[string]string{"configMap/name": "ConfigMap", "secret/secretName": "Secret", "persistentVolumeClaim/claimName": "PersistentVolumeClaim"} {
			if name := o.at(path); name != nil && name != m[kind].at("metadata/name") {
				t.Errorf("volume %v wants %s %v", o["name"], kind, name)
			}
		}
	}
	if len(volumes) != 4 {
		t.Errorf("%d volumes", len(volumes))
	}
}

// The configuration in the manifests is a good one, its secrets are those of the Secret,
// and what it names is where the pod has it.
func TestKubernetesConfiguration(t *testing.T) {
	m := manifests(t)
	text, _ := object(m["ConfigMap"]["data"].(map[string]any)).at("idpbridge.yaml").(string)
	secrets := t.TempDir()
	for name, value := range m["Secret"]["stringData"].(map[string]any) {
		if !strings.Contains(text, "/etc/idpbridge-secrets/"+name+"}") {
			t.Errorf("nobody uses the secret %s", name)
		}
		if err := os.WriteFile(filepath.Join(secrets, name), []byte(value.(string)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text = strings.ReplaceAll(text, "/etc/idpbridge-secrets", secrets)
	cfg, err := config.Parse("/etc/idpbridge/idpbridge.yaml", []byte(text), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	if cfg.State.Path != "/var/lib/idpbridge/idpbridge.db" || cfg.HTTP.Listen != "0.0.0.0:8480" || len(cfg.HTTP.Tokens) == 0 {
		t.Errorf("state %s, listen %s, %d tokens", cfg.State.Path, cfg.HTTP.Listen, len(cfg.HTTP.Tokens))
	}
}

// The image holds the program and certificates alone, and does not run as root.
func TestContainerfile(t *testing.T) {
	text := string(read(t, "deploy/Containerfile"))
	stages := regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(text, -1)
	if len(stages) != 2 || !strings.Contains(stages[0][1], "golang:") || !strings.Contains(stages[1][1], "distroless/static") {
		t.Fatalf("stages: %v", stages)
	}
	last := text[strings.LastIndex(text, "\nFROM "):]
	for _, want := range []string{"\nUSER 65532:65532\n", "\nVOLUME /var/lib/idpbridge\n", `ENTRYPOINT ["/usr/local/bin/idpbridge"]`, `CMD ["serve"`, "EXPOSE 8480"} {
		if !strings.Contains(last, want) {
			t.Errorf("the last stage has no %q", strings.TrimSpace(want))
		}
	}
	if !strings.Contains(text, "CGO_ENABLED=1") || !strings.Contains(text, "-static") {
		t.Error("the program is not linked statically with SQLite")
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(read(t, "go.mod")))
	if !strings.Contains(stages[0][1], "golang:"+version[1]) {
		t.Errorf("the image builds with %s, go.mod wants %s", stages[0][1], version[1])
	}
}
