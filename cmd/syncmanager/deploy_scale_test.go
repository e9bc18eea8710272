package main

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
)

// startWith starts a server with the variables of a file in deploy/, but for where it is and where
// its data is, and returns where it listens.
func startWith(t *testing.T, variables map[string]string) (listen string) {
	t.Helper()
	for _, needed := range []string{"SYNCMANAGER_PUBLIC_URL", "SYNCMANAGER_TRUSTED_PROXY", "SYNCMANAGER_DATABASE", "SYNCMANAGER_METRICS_ADDR"} {
		if variables[needed] == "" {
			t.Errorf("%s is not set", needed)
		}
	}
	for name := range variables {
		flag := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, "SYNCMANAGER_")), "_", "-")
		serve, _, err := (&app{}).rootCommand().Find([]string{"serve"})
		if err != nil || serve.Flags().Lookup(flag) == nil || !strings.HasPrefix(name, "SYNCMANAGER_") {
			t.Errorf("%s is not a setting of the server", name)
		}
	}
	variables = maps.Clone(variables)
	variables["SYNCMANAGER_DATABASE"] = pgtest.Own(t).URL("")
	variables["SYNCMANAGER_METRICS_ADDR"] = "127.0.0.1:0"
	listen, stop := servingWith(t, variables, "--addr", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data"))
	t.Cleanup(stop)
	return listen
}

// The manifest has no field that Kubernetes does not know, its parts find each other, and the server
// runs with its variables and answers its probes.
func TestKubernetesManifest(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../deploy/kubernetes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var deployment apps.Deployment
	var service core.Service
	var budget policy.PodDisruptionBudget
	documents := strings.Split(string(text), "\n---\n")
	for i, into := range []any{&deployment, &service, &budget} {
		if err := yaml.UnmarshalStrict([]byte(documents[i]), into); err != nil {
			t.Fatal(err)
		}
	}
	if len(documents) != 3 || deployment.Kind != "Deployment" || service.Kind != "Service" || budget.Kind != "PodDisruptionBudget" {
		t.Fatalf("it has %d documents: %s, %s, %s", len(documents), deployment.Kind, service.Kind, budget.Kind)
	}
	pod := deployment.Spec.Template
	for _, selector := range []map[string]string{deployment.Spec.Selector.MatchLabels, service.Spec.Selector, budget.Spec.Selector.MatchLabels} {
		if len(selector) == 0 || !maps.Equal(selector, pod.Labels) {
			t.Errorf("%v does not select the pods with %v", selector, pod.Labels)
		}
	}
	server := pod.Spec.Containers[0]
	if target := service.Spec.Ports[0].TargetPort.String(); !slices.ContainsFunc(server.Ports, func(p core.ContainerPort) bool { return p.Name == target && p.ContainerPort == 5000 }) {
		t.Errorf("the service sends requests to the port %s", target)
	}
	// What is in progress has eight seconds after the signal, and the files five.
	if sleep := server.Lifecycle.PreStop.Sleep.Seconds; *pod.Spec.TerminationGracePeriodSeconds < sleep+8+5+2 {
		t.Errorf("a server is killed %d seconds after it is told to stop, of which it waits for %d", *pod.Spec.TerminationGracePeriodSeconds, sleep)
	}
	variables := make(map[string]string)
	for _, v := range server.Env {
		variables[v.Name] = v.Value
	}
	for _, m := range server.VolumeMounts {
		if m.Name == "database" && !strings.Contains(variables["SYNCMANAGER_DATABASE"], "passfile="+m.MountPath+"/pgpass") {
			t.Errorf("the password is in %s", m.MountPath)
		}
		if !slices.ContainsFunc(pod.Spec.Volumes, func(v core.Volume) bool { return v.Name == m.Name }) {
			t.Errorf("there is no volume %s", m.Name)
		}
	}
	listen := startWith(t, variables)
	for _, probe := range []*core.Probe{server.StartupProbe, server.ReadinessProbe, server.LivenessProbe} {
		answer, err := http.Get("http://" + listen + probe.HTTPGet.Path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK || probe.HTTPGet.Port.String() != "http" {
			t.Errorf("%s at the port %s: %s", probe.HTTPGet.Path, probe.HTTPGet.Port.String(), answer.Status)
		}
	}
}

// composed is what the tests read of a compose file.
type composed struct {
	Services map[string]struct {
		Environment map[string]string `json:"environment"`
		Secrets     []string          `json:"secrets"`
		Command     string            `json:"command"`
		Networks    []string          `json:"networks"`
	} `json:"services"`
	Secrets  map[string]struct{ File string } `json:"secrets"`
	Networks map[string]struct {
		IPAM struct {
			Config []struct{ Subnet string } `json:"config"`
		} `json:"ipam"`
	} `json:"networks"`
}

// The servers of compose.scale.yaml run with its variables, and its parts find each other.
func TestComposeScale(t *testing.T) {
	t.Parallel()
	_, variables := composeScale(t)
	startWith(t, variables)
}

// composeScale checks what compose.scale.yaml and its Caddyfile say of each other, and returns the names of the
// servers and their variables.
func composeScale(t *testing.T) (nodes []string, variables map[string]string) {
	t.Helper()
	text, err := os.ReadFile("../../deploy/compose.scale.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var c composed
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile("../../deploy/Caddyfile.scale")
	if err != nil {
		t.Fatal(err)
	}
	upstreams := regexp.MustCompile(`reverse_proxy ([^{]*) \{`).FindSubmatch(file)
	if upstreams == nil {
		t.Fatal("Caddy sends requests nowhere")
	}
	nodes = strings.Fields(strings.ReplaceAll(string(upstreams[1]), ":5000", ""))
	if len(nodes) != 3 {
		t.Errorf("Caddy sends requests to %q", nodes)
	}
	for name, service := range c.Services {
		for _, secret := range service.Secrets {
			if c.Secrets[secret].File == "" {
				t.Errorf("%s has the secret %s, which is nowhere", name, secret)
			}
		}
		if !slices.Equal(service.Networks, []string{"inside"}) {
			t.Errorf("%s is in the networks %q", name, service.Networks)
		}
	}
	most, err := strconv.Atoi(regexp.MustCompile(`max_connections=(\d+)`).FindStringSubmatch(c.Services["postgres"].Command)[1])
	if err != nil || most < len(nodes)*3*16+10 {
		t.Errorf("the database takes %d connections, of %d servers", most, len(nodes))
	}
	variables = maps.Clone(c.Services[nodes[0]].Environment)
	for _, node := range nodes[1:] {
		if !maps.Equal(c.Services[node].Environment, variables) {
			t.Errorf("%s has other variables", node)
		}
	}
	if proxies := c.Networks["inside"].IPAM.Config[0].Subnet; variables["SYNCMANAGER_TRUSTED_PROXY"] != proxies {
		t.Errorf("the proxy is in %s, and trusted is %s", proxies, variables["SYNCMANAGER_TRUSTED_PROXY"])
	}
	// What compose puts in: a name, or the default.
	given := regexp.MustCompile(`\$\{(\w+)(:[-?])?([^}]*)\}`)
	for name, value := range variables {
		variables[name] = given.ReplaceAllStringFunc(value, func(text string) string {
			if m := given.FindStringSubmatch(text); m[2] == ":-" {
				return m[3]
			}
			return "sync.example.org"
		})
	}
	return nodes, variables
}
