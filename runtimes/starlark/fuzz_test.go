package starlark

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
)

// FuzzLoad: any source is refused or loaded, in bounded time; each entry of a loaded one
// ends, twice in the same way.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/*.star")
	if err != nil || len(files) == 0 {
		f.Fatalf("no contracts in testdata: %v", err)
	}
	for _, name := range files {
		code, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(code)
	}
	for _, body := range []string{
		"x = [1]; x[0] += 2; (x[0], y) = (1, 2); print({k: v for k, v in [(1, 2)]})", "for x in sorted({'a': 1}.items(), key = lambda p: p[1]): print('%s' % x)",
		"print(json.decode(json.encode([1, {'a': None}])), math.sqrt(2), 'abc'[::-1], [1] * 3, 1 << 9)", "return {'a': [1, (2,)]} == {'a': [1, (2,)]} and 1 in [1]",
	} {
		f.Add([]byte("kalima_abi = 1\ndef validate():\n    " + body + "\n"))
	}
	f.Add([]byte("x = " + strings.Repeat("n", 2500))) // was in the refusal as a whole
	ctx := context.Background()
	f.Fuzz(func(t *testing.T, code []byte) {
		m, err := New().Load(ctx, code)
		if err != nil {
			var refusal *host.Refusal
			if !errors.As(err, &refusal) || len(refusal.Error()) > 2000 {
				t.Fatalf("Load = %v, want a short refusal", err)
			}
			return
		}
		for _, p := range m.Phases() {
			call := func(gas uint64) host.Result {
				res, err := m.Call(ctx, host.NewSession(hosttest.NewCall(p, "key", "value"), hosttest.State{}, host.Grant{}, host.Limits{Gas: gas}))
				if err != nil {
					t.Fatalf("Call = error %v", err)
				}
				if res.Used.Gas > gas {
					t.Fatalf("gas %d of %d", res.Used.Gas, gas)
				}
				return res
			}
			a, b := call(1_000_000), call(1_000_000)
			if a.Used != b.Used || (a.Fault == nil) != (b.Fault == nil) || a.Fault != nil && (a.Fault.Code != b.Fault.Code || a.Fault.Message != b.Fault.Message) {
				t.Fatalf("%v, %+v, then %v, %+v", a.Fault, a.Used, b.Fault, b.Used)
			}
		}
	})
}
