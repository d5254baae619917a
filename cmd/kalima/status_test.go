package main

import (
	"context"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/node/rpc"
)

func TestDiagnose(t *testing.T) {
	up := func(name, role string, height abi.Height, ledger byte) masterStatus {
		return masterStatus{info: rpc.MasterInfo{Name: name}, status: &rpc.StatusA{
			Name: name, Role: role, Head: rpc.HeadA{Height: height}, LedgerHash: abi.Digest{ledger},
		}}
	}
	down := func(name string) masterStatus {
		return masterStatus{info: rpc.MasterInfo{Name: name}, err: context.DeadlineExceeded}
	}
	for _, tt := range []struct {
		name  string
		all   []masterStatus
		works bool
		want  string
	}{
		{"well", []masterStatus{up("m1", "leader", 7, 1), up("m2", "follower", 7, 1), up("m3", "follower", 6, 2)}, true, ""},
		{"one down", []masterStatus{up("m1", "leader", 7, 1), up("m2", "follower", 7, 1), down("m3")}, true,
			"m3 does not answer: nothing listens there, or nothing comes through"},
		{"two down", []masterStatus{up("m1", "candidate", 7, 1), down("m2"), down("m3")}, false,
			"1 of 3 masters answer, 2 are needed: nothing new can be ordered"},
		{"no leader", []masterStatus{up("m1", "candidate", 7, 1), up("m2", "follower", 7, 1), up("m3", "follower", 7, 1)}, false,
			"there is no leader at the moment: nothing can be ordered until the masters have chosen one"},
		{"fork", []masterStatus{up("m1", "leader", 7, 1), up("m2", "follower", 7, 2), up("m3", "follower", 7, 1)}, false,
			"m1 and m2 have different ledgers at height 7: 010000000000 and 020000000000"},
		{"behind", []masterStatus{up("m1", "leader", 5000, 1), up("m2", "follower", 5000, 1), up("m3", "follower", 7, 2)}, true,
			"m3 is 4,993 blocks behind"},
	} {
		findings, works := diagnose(tt.all)
		got := strings.Join(findings, "; ")
		if works != tt.works || tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s: diagnose = %q, %v; want %q, %v", tt.name, got, works, tt.want, tt.works)
		}
	}
}

func TestShow(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"21.5", "21.5"},
		{"", "(deleted)"},
		{"a\nb\x1b[31m", "a b?[31m"},
		{"\xff\x00", "(2 bytes, not text)"},
		{strings.Repeat("é", 30), strings.Repeat("é", 17) + "..."},
	} {
		if got := show([]byte(tt.in), 20); got != tt.want {
			t.Errorf("show(%q, 20) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestCount(t *testing.T) {
	for _, tt := range []struct {
		n    int
		noun string
		want string
	}{{0, "row", "0 rows"}, {1, "row", "1 row"}, {1234567, "row", "1,234,567 rows"}, {-1234, "byte", "-1,234 bytes"}} {
		if got := count(tt.n, tt.noun); got != tt.want {
			t.Errorf("count(%d, %s) = %q, want %q", tt.n, tt.noun, got, tt.want)
		}
	}
}

func TestShellWord(t *testing.T) {
	for _, tt := range []struct{ in, want string }{{"/a/b", "/a/b"}, {"/a/**", "'/a/**'"}, {"it's", `'it'\''s'`}, {"", "''"}} {
		if got := shellWord(tt.in); got != tt.want {
			t.Errorf("shellWord(%q) = %s, want %s", tt.in, got, tt.want)
		}
	}
}
