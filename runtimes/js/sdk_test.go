package js

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
)

func sdk(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "contracts-sdk", "js", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// members reads the members of an interface of kalima.d.ts, with their parameters.
func members(t *testing.T, types, name string) map[string][]string {
	t.Helper()
	_, body, ok := strings.Cut(types, "interface "+name+" {\n")
	body, _, end := strings.Cut(body, "\n}\n")
	if !ok || !end {
		t.Fatalf("kalima.d.ts has no interface %s", name)
	}
	body = regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(body, "")
	list := map[string][]string{}
	for _, line := range strings.Split(body, "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		m := regexp.MustCompile(`^(?:readonly )?(\w+)\??(?:\((.*)\))?: [^;]+;$`).FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("kalima.d.ts, interface %s: can not read %q", name, line)
		}
		if _, twice := list[m[1]]; twice {
			t.Errorf("kalima.d.ts declares %s.%s twice", name, m[1])
		}
		params, depth := []string{}, 0
		for _, part := range strings.FieldsFunc(m[2], func(r rune) bool {
			switch r {
			case '(', '[', '{':
				depth++
			case ')', ']', '}':
				depth--
			}
			return r == ',' && depth == 0
		}) {
			params = append(params, strings.TrimSpace(part))
		}
		list[m[1]] = params
	}
	return list
}

// TestTypes proves that kalima.d.ts declares what the object kalima has, no less and no
// more, with the same number of parameters.
func TestTypes(t *testing.T) {
	types := sdk(t, "kalima.d.ts")
	declared := members(t, types, "Kalima")
	o, res := new(strings.Builder), run(t, `var kalima_abi = 1;
function validate() {
  for (const name of Object.getOwnPropertyNames(kalima)) if (name !== "event") kalima.log(name + " " + kalima[name].name + " " + kalima[name].length);
  kalima.log("event " + Object.keys(kalima.event).join());
}`, host.Limits{})
	if res.Fault != nil {
		t.Fatal(res.Fault)
	}
	for _, line := range res.Log[:len(res.Log)-1] {
		w := strings.Fields(line)
		params, ok := declared[w[0]]
		if !ok || w[0] != w[1] || w[2] != index(len(params)) {
			t.Errorf("kalima.%s is named %s and has %s parameters; kalima.d.ts declares %v", w[0], w[1], w[2], params)
		}
		delete(declared, w[0])
	}
	delete(declared, "event")
	if len(declared) > 0 {
		t.Errorf("kalima.d.ts declares %v, which kalima does not have %s", declared, o)
	}
	event := members(t, types, "KalimaEvent")
	_, keys, _ := strings.Cut(res.Log[len(res.Log)-1], "event ")
	for _, key := range strings.Split(keys, ",") {
		if _, ok := event[key]; !ok {
			t.Errorf("kalima.d.ts does not declare KalimaEvent.%s", key)
		}
		delete(event, key)
	}
	if len(event) > 0 {
		t.Errorf("kalima.d.ts declares %v of KalimaEvent, which kalima.event does not have", event)
	}
}

// TestAnswers proves the shapes that kalima.d.ts gives to answers of several parts.
func TestAnswers(t *testing.T) {
	state := hosttest.State{abi.StateAddress("conf"): {"a": "1", "b": "2", "c": "3"}}
	m, err := New().Load(context.Background(), []byte(`var kalima_abi = 1;
function validate() {
  kalima.log(JSON.stringify([
    kalima.getMany([["", "a"], ["", "none"]]), kalima.getManyBytes([["", "b"]])[0] instanceof Uint8Array, kalima.getMany([]),
    kalima.scan(""), kalima.scan("", {after: "a", limit: 1}), kalima.scan("", {before: "b"}), kalima.scanBytes("")[2][1][0],
    kalima.query("none", "k"), kalima.next("", "b"), kalima.next("")]));
}`))
	if err != nil {
		t.Fatal(err)
	}
	res, err := m.Call(context.Background(), host.NewSession(hosttest.NewCall(abi.Validate, "k", "v"), state, host.Grant{}, host.Limits{}))
	want := `[["1",null],true,[],[["a","1"],["b","2"],["c","3"]],[["b","2"]],[["a","1"]],51,null,"c","a"]`
	if err != nil || res.Fault != nil || !slices.Equal(res.Log, []string{want}) {
		t.Errorf("Call = %v, %v, log %q, want %q", res.Fault, err, res.Log, want)
	}
}

// TestReadme runs the contracts of the SDK's README.
func TestReadme(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```js\n(.*?)```").FindAllStringSubmatch(sdk(t, "README.md"), -1)
	if len(blocks) < 2 {
		t.Fatalf("README.md has %d contracts, want some", len(blocks))
	}
	for _, b := range blocks {
		m, err := New().Load(context.Background(), []byte(b[1]))
		if err != nil {
			t.Errorf("Load(%s) = %v", b[1], err)
			continue
		}
		for _, p := range m.Phases() {
			s := host.NewSession(hosttest.NewCall(p, "key", "20"), hosttest.State{}, host.Grant{Submit: []abi.Pattern{"/**"}}, host.Limits{})
			if res, err := m.Call(context.Background(), s); err != nil || res.Fault != nil {
				t.Errorf("%s of\n%s= %v %v, %v", p, b[1], res.Fault, res.Where, err)
			}
		}
	}
}

// TestTable proves that the README's table of the language says what the runtime does.
func TestTable(t *testing.T) {
	rows := regexp.MustCompile("(?m)^\\| `([^|]+)` \\| (yes|no)[ ,|]").FindAllStringSubmatch(sdk(t, "README.md"), -1)
	if len(rows) < 20 {
		t.Fatalf("README.md's table has %d rows, want 20 or more", len(rows))
	}
	for _, row := range rows {
		_, err := New().Load(context.Background(), []byte("var kalima_abi = 1;\nfunction validate() {\n"+strings.ReplaceAll(row[1], "\\|", "|")+"\n}"))
		if got := err == nil; got != (row[2] == "yes") {
			t.Errorf("%s: the table says %s, Load = %v", row[1], row[2], err)
		}
	}
}
