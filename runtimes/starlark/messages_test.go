package starlark

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"go.starlark.net/lib/json"
	"go.starlark.net/starlark"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
)

// plainly runs a body by the interpreter alone and returns its text or its error's.
func plainly(t *testing.T, body string) (value, problem string) {
	t.Helper()
	thread := &starlark.Thread{}
	thread.SetMaxExecutionSteps(1_000_000)
	globals, err := starlark.ExecFileOptions(options, thread, "plain", "def f():\n    "+body+"\nresult = str(f())\n", starlark.StringDict{"json": json.Module})
	var e *starlark.EvalError
	switch {
	case errors.As(err, &e):
		return "", firstLine(e.Msg)
	case err != nil:
		t.Fatalf("%q: %v", body, err)
	}
	return string(globals["result"].(starlark.String)), ""
}

// TestSameMessages proves that mistakes read as they do without the guards.
func TestSameMessages(t *testing.T) {
	for _, body := range []string{
		`return [1][5]`, `return [][0]`, `return {}["k"]`, `return {}[[1]]`, `return "a" + 1`, `return [1] - [2]`, `x = 5; x[0] = 1`, `return 5["a"]`,
		`return [1]["x"]`, `return 1 < "a"`, `return [1] < [None]`, `return 1 in 5`, `return 5 in "abc"`, `return max([])`, `return max(5)`, `return sorted([1, "a"])`,
		`return sorted(5)`, `x = (1,); x[0] = 2`, `x = "s"; x[0] = "t"`, `return len(5)`, `return "".join([1])`, `return "a".nope()`, `return [].append()`, `return [].index(3)`,
		`return [1].remove(2)`, `return {}.pop("k")`, `return set([1]).remove(2)`, `return {}.update([1])`, `return dict([1])`, `return dict([(1,)])`, `return dict(5)`, `return {[]: 1}`,
		`return {k: 1 for k in [[]]}`, `a, b = [1]`, `return "%d" % "x"`, `return "%s" % (1, 2)`, `return "{}{}".format(1)`, `return int("x")`, `return 1 // 0`, `return 5 % 0`,
		`return 1 << -1`, `return 1 << 1000`, `return [1] * "a"`, `return json.decode("[1")`, `return json.encode(len)`, `return {"a": 1}["a"]["b"]`, `return None.x`, `return (1, 2)[0:1:0]`,
		`x = [1]
    for y in x: x.append(2)`,
		`x = {1: 1}
    for y in x: x[2] = 2`,
		`x = []; x.append(x); return x == [x] and [[[[[[[[[[[[1]]]]]]]]]]]] == [[[[[[[[[[[[1]]]]]]]]]]]]`,
	} {
		value, want := plainly(t, body)
		if want == "" {
			t.Errorf("%q gave %q without the guards, want an error", body, value)
		}
		res := run(t, "kalima_abi = 1\ndef f():\n    "+body+"\ndef validate():\n    f()\n", host.Limits{})
		if res.Fault == nil || res.Fault.Code != abi.Trap || res.Fault.Message != want {
			t.Errorf("%q = %v, want %q", body, res.Fault, want)
		}
		if len(res.Where) != 2 || res.Where[0].Function != "f" || res.Where[1] != (abi.Place{Function: "validate", File: sourceName, Line: res.Where[1].Line}) {
			t.Errorf("%q failed at %v, want f in validate", body, res.Where)
		}
	}
}

// TestSameExpressions proves the same of expressions made at random.
func TestSameExpressions(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 8))
	leaves := []string{"0", "1", "-3", "2.5", "'a'", "'abc'", "b'xy'", "[]", "[1, 2]", "(1,)", "()", "{}", "{'a': 1}", "set([1, 2])", "None", "True", "1 << 70", "range(3)", "x", "y", "z"}
	operators := []string{"+", "-", "*", "%", "//", "/", "<<", ">>", "|", "&", "^", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"}
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	var make func(depth int) string
	make = func(depth int) string {
		if depth == 0 {
			return pick(leaves)
		}
		a, b := make(depth-1), make(r.IntN(depth))
		return strings.NewReplacer("A", a, "B", b, "O", pick(operators)).Replace(pick([]string{
			"(A O B)", "(A O B)", "(A O B)", "(A O B)", "[A, B]", "(A, B)", "{A: B}", "A[B]", "A[B:]", "A[::-1]", "sorted([A, B])", "max(A, B)", "min([B, A])",
			"str(A)", "list(A)", "dict([(A, B)])", "set([A])", "[v for v in A]", "{v: B for v in A}", "(A if B else A)", "(not A)", "len(A)", "(A).get(B)", "(A).index(B)", "(A).pop()", "hash(A)",
		}))
	}
	failed := 0
	for range 6000 {
		body := "x = [3, [4]]; y = {'k': (1, 2), 2: 'v'}; z = 'héllo'\n    return [" + make(1+r.IntN(3)) + ", x, y]"
		want, problem := plainly(t, body)
		if problem != "" {
			failed++
		}
		source := "kalima_abi = 1\ndef f():\n    " + body + "\ndef validate():\n    kalima.put('', 'out', str(f()))\n"
		m, err := New().Load(context.Background(), []byte(source))
		if err != nil {
			t.Fatalf("%q: %v", body, err)
		}
		res, err := m.Call(context.Background(), host.NewSession(hosttest.NewCall(abi.Validate, "key", ""), hosttest.State{}, host.Grant{}, host.Limits{}))
		switch {
		case err != nil:
			t.Errorf("%q = error %v", body, err)
		case problem == "" && (res.Fault != nil || string(res.Writes[0].Value) != want):
			t.Errorf("%q = %v, want %q", body, res.Fault, want)
		case strings.HasSuffix(problem, "field or method") && res.Fault != nil:
			// A method's arguments are evaluated before it is looked for.
		case problem != "" && (res.Fault == nil || res.Fault.Message != abi.Clip(problem)):
			t.Errorf("%q = %v, want %q", body, res.Fault, problem)
		}
	}
	if failed < 600 || failed > 5400 {
		t.Errorf("%d of 6000 expressions failed; want both kinds", failed)
	}
}

// A query may return its answer.
func TestQueryAnswers(t *testing.T) {
	for _, tt := range []struct {
		body, want string
		code       abi.Code
	}{
		{"return 'text'", "text", abi.OK}, {"return b'\\xff'", "\xff", abi.OK}, {"return ''", "", abi.OK}, {"kalima.reply('x')", "x", abi.OK},
		{"return None", "", abi.OK}, {"return 0", "", abi.OK}, {"return 7", "", abi.Rejected}, {"return 1.5", "", abi.Trap}, {"return ['x']", "", abi.Trap},
		{"kalima.reply('x')\n    return 'y'", "", abi.BadHostCall}, {"return 'x' * 20000", "", abi.BadHostCall},
	} {
		m, err := New().Load(context.Background(), []byte("kalima_abi = 1\ndef query():\n    "+tt.body+"\ndef validate():\n    return 'x'\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Phases(); !slices.Equal(got, []abi.Phase{abi.Validate, abi.Query}) {
			t.Errorf("Phases() = %v", got)
		}
		res, err := m.Call(context.Background(), host.NewSession(hosttest.NewCall(abi.Query, "key", ""), hosttest.State{}, host.Grant{}, host.Limits{}))
		if err != nil {
			t.Fatal(err)
		}
		code := abi.OK
		if res.Fault != nil {
			code = res.Fault.Code
		}
		if code != tt.code || string(res.Reply) != tt.want {
			t.Errorf("%q = %v, reply %q, want %v and %q", tt.body, res.Fault, res.Reply, tt.code, tt.want)
		}
	}
}

// An error of the node's ends the call, and is not the contract's fault.
func TestNodeErrors(t *testing.T) {
	down := errors.New("the node is down")
	m, err := New().Load(context.Background(), []byte("kalima_abi = 1\ndef validate():\n    kalima.query('other', 'k')\n    kalima.put('', 'k', 'v')\n"))
	if err != nil {
		t.Fatal(err)
	}
	s := host.NewSession(hosttest.NewCall(abi.Validate, "key", ""), hosttest.State{}, host.Grant{}, host.Limits{})
	s.Contracts = failing{down}
	if res, err := m.Call(context.Background(), s); !errors.Is(err, down) || res.Fault != nil {
		t.Errorf("Call = %v, %v, want the node's error", res.Fault, err)
	}
}

type failing struct{ err error }

func (f failing) Query(context.Context, *host.Session) (host.Result, bool, error) {
	return host.Result{}, false, f.err
}
