package dashboards_test

import (
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// compose is the part of docker-compose.yml that is checked here; a field that the file has and Compose does not know would
// be noticed by `docker compose config` only.
type compose struct {
	Services map[string]service
	Networks map[string]struct{ Internal bool }
	Volumes  map[string]any
}

type service struct {
	Image       string
	Build       struct{ Context, Dockerfile string }
	Restart     string
	Environment map[string]string
	Ports       []string
	Volumes     []string
	Networks    []string
	ReadOnly    bool                                  `yaml:"read_only"`
	CapDrop     []string                              `yaml:"cap_drop"`
	SecurityOpt []string                              `yaml:"security_opt"`
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
	Healthcheck struct{ Test []string }
}

func readCompose(t *testing.T) compose {
	t.Helper()
	var c compose
	readYAML(t, "../docker-compose.yml", &c)
	if len(c.Services) != 3 {
		t.Fatalf("%d services, want clickhouse, livello and grafana", len(c.Services))
	}
	return c
}

func readYAML(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// What keeps the compose file safe and whole: nothing open to the outside, nothing without a password, every service watched.
func TestComposeIsClosedAndWatched(t *testing.T) {
	c := readCompose(t)
	for name, s := range c.Services {
		t.Run(name, func(t *testing.T) {
			if s.Build.Context == "" && !regexp.MustCompile(`^[a-z/-]+:\d+\.\d+\.\d+(\.\d+)?$`).MatchString(s.Image) {
				t.Errorf("image %q is not pinned to a version", s.Image)
			}
			if s.Restart != "unless-stopped" || len(s.Healthcheck.Test) == 0 || len(s.SecurityOpt) == 0 {
				t.Errorf("restart %q, health check %v, security_opt %v", s.Restart, s.Healthcheck.Test, s.SecurityOpt)
			}
			for _, port := range s.Ports {
				if !strings.HasPrefix(port, "127.0.0.1:") {
					t.Errorf("port %s is open to other machines", port)
				}
			}
			for key, value := range s.Environment {
				if regexp.MustCompile(`PASSWORD|DSN`).MatchString(key) && !regexp.MustCompile(`\$\{[A-Z_]+:\?[^}]+\}`).MatchString(value) {
					t.Errorf("%s = %q: a secret comes from .env, and has no default", key, value)
				}
			}
			for dependency, on := range s.DependsOn {
				if _, ok := c.Services[dependency]; !ok || on.Condition != "service_healthy" {
					t.Errorf("depends on %s, %s", dependency, on.Condition)
				}
			}
			for _, n := range s.Networks {
				if _, ok := c.Networks[n]; !ok {
					t.Errorf("network %s is not declared", n)
				}
			}
			checkMounts(t, c, s)
		})
	}
	if ch := c.Services["clickhouse"]; len(ch.Ports) > 0 || fmt.Sprint(ch.Networks) != "[warehouse]" || !c.Networks["warehouse"].Internal {
		t.Error("ClickHouse has to be reachable on the internal network only")
	}
	if l := c.Services["livello"]; !l.ReadOnly || fmt.Sprint(l.CapDrop) != "[ALL]" {
		t.Error("livello runs without capabilities, on a read-only root")
	}
}

// checkMounts: named volumes are declared, files and folders of the repository exist and are mounted read-only.
func checkMounts(t *testing.T, c compose, s service) {
	for _, v := range s.Volumes {
		from, rest, _ := strings.Cut(v, ":")
		if !strings.HasPrefix(from, "./") {
			if _, ok := c.Volumes[from]; !ok {
				t.Errorf("volume %s is not declared", from)
			}
			continue
		}
		if _, err := os.Stat(filepath.Join("..", from)); err != nil {
			t.Errorf("mount: %v", err)
		}
		if !strings.HasSuffix(rest, ":ro") {
			t.Errorf("mount %s can be written", v)
		}
	}
	if s.Build.Dockerfile != "" {
		if _, err := os.Stat(filepath.Join("..", s.Build.Context, s.Build.Dockerfile)); err != nil {
			t.Errorf("dockerfile: %v", err)
		}
	}
}

// .env.example names every variable that has to be set, and gives none of them a value.
func TestEnvExampleNamesThePasswords(t *testing.T) {
	file, err := os.ReadFile("../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("../.env.example")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`\$\{([A-Z_]+):\?`).FindAllStringSubmatch(string(file), -1) {
		if !regexp.MustCompile(`(?m)^` + m[1] + `=$`).Match(example) {
			t.Errorf(".env.example has no empty %s", m[1])
		}
		if !regexp.MustCompile(`(?m)^#.*for name in.*` + m[1]).Match(file) {
			t.Errorf("the command at the top of docker-compose.yml does not make %s", m[1])
		}
	}
}

// The names that the parts of the deployment use for each other are the same everywhere.
func TestProvisioningFitsTogether(t *testing.T) {
	grafana := readCompose(t).Services["grafana"]
	var sources struct {
		Datasources []struct {
			UID, Type      string
			JSONData       map[string]any    `yaml:"jsonData"`
			SecureJSONData map[string]string `yaml:"secureJsonData"`
		}
	}
	readYAML(t, "provisioning/datasources/livello.yaml", &sources)
	if len(sources.Datasources) != 1 {
		t.Fatalf("data sources: %+v", sources)
	}
	source := sources.Datasources[0]
	for _, value := range []any{source.JSONData["host"], source.JSONData["port"], source.JSONData["username"], source.SecureJSONData["password"]} {
		name, isVariable := strings.CutPrefix(fmt.Sprint(value), "$")
		if !isVariable || grafana.Environment[name] == "" {
			t.Errorf("data source: %v is no variable that docker-compose.yml gives to Grafana", value)
		}
	}
	d := parse(t, boards(t)[0])
	if source.Type != chosen.Type {
		t.Errorf("the data source is a %s, the boards ask a %s", source.Type, chosen.Type)
	}
	if plugin, version, _ := strings.Cut(grafana.Environment["GF_PLUGINS_PREINSTALL_SYNC"], "@"); plugin != chosen.Type || version != d.Panels[1].Targets[0].PluginVersion {
		t.Errorf("Grafana gets %s %s; the queries are written for %s %s", plugin, version, chosen.Type, d.Panels[1].Targets[0].PluginVersion)
	}
	if !strings.Contains(string(boards(t)[0].JSON), `"value": "`+source.UID+`"`) {
		t.Errorf("the board does not open on data source %s", source.UID)
	}

	var providers struct {
		Providers []struct {
			Options struct{ Path string }
		}
	}
	readYAML(t, "provisioning/dashboards/livello.yaml", &providers)
	folder := providers.Providers[0].Options.Path
	if mount := "./dashboards/json:" + folder + ":ro"; !strings.Contains(strings.Join(grafana.Volumes, " "), mount) {
		t.Errorf("boards are looked for in %s, which is no mount of %v", folder, grafana.Volumes)
	}
	if home := grafana.Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]; home != folder+"/"+boards(t)[0].File {
		t.Errorf("the home page is %s", home)
	}
}

// ClickHouse's users: none without a password, the reader reads our database and nothing else.
func TestClickHouseUsers(t *testing.T) {
	var config struct {
		Profiles struct {
			Reader struct {
				Readonly int `xml:"readonly"`
			} `xml:"reader"`
		} `xml:"profiles"`
		Users struct {
			All []struct {
				XMLName  xml.Name
				Remove   string `xml:"remove,attr"`
				Password struct {
					FromEnv string `xml:"from_env,attr"`
					Text    string `xml:",chardata"`
				} `xml:"password"`
				Networks []string `xml:"networks>ip"`
				Profile  string   `xml:"profile"`
				Access   string   `xml:"access_management"`
				Grants   []string `xml:"grants>query"`
			} `xml:",any"`
		} `xml:"users"`
	}
	readXML(t, "../docker/clickhouse/users.xml", &config)
	clickhouse, grafana := readCompose(t).Services["clickhouse"], readCompose(t).Services["grafana"]
	seen := map[string]bool{}
	for _, u := range config.Users.All {
		name := u.XMLName.Local
		seen[name] = true
		if u.Remove != "" {
			continue
		}
		if clickhouse.Environment[u.Password.FromEnv] == "" || strings.TrimSpace(u.Password.Text) != "" {
			t.Errorf("user %s: password from %q, which docker-compose.yml does not set", name, u.Password.FromEnv)
		}
		if len(u.Networks) == 0 || strings.Contains(fmt.Sprint(u.Networks), "::/0") || u.Access != "0" {
			t.Errorf("user %s: networks %v, access management %s", name, u.Networks, u.Access)
		}
		if name == grafana.Environment["CLICKHOUSE_USER"] && (u.Profile != "reader" || fmt.Sprint(u.Grants) != "[GRANT SELECT ON livello.*]") {
			t.Errorf("Grafana's user: profile %s, grants %v", u.Profile, u.Grants)
		}
	}
	if !seen["default"] || !seen["livello"] || !seen[grafana.Environment["CLICKHOUSE_USER"]] {
		t.Errorf("users: %v", seen)
	}
	if config.Profiles.Reader.Readonly != 2 {
		t.Errorf("the reader's profile: readonly %d", config.Profiles.Reader.Readonly)
	}
	readXML(t, "../docker/clickhouse/server.xml", &struct{}{})
}

// readXML decodes a file to its end: the decoder of one element would not see what is broken behind it.
func readXML(t *testing.T, path string, into any) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	decoder := xml.NewDecoder(f)
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if _, isElement := token.(xml.StartElement); isElement {
			t.Fatalf("%s has a second root", path)
		}
	}
}
