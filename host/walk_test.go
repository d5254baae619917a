package host_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
)

// counted is a state that counts how often it is asked for a key after another.
type counted struct {
	hosttest.State
	n *int
}

func (c counted) Next(a abi.Address, after string) (string, bool) {
	*c.n++
	return c.State.Next(a, after)
}

// TestDeletedKeysAreWalkedOnce: look-ups cost the node what they cost the contract, also behind
// keys that the call has deleted.
func TestDeletedKeysAreWalkedOnce(t *testing.T) {
	own := abi.StateAddress("conf")
	const deleted, rounds = 60, 100
	for name, look := range map[string]func(s *host.Session) (string, *abi.Fault){
		"next": func(s *host.Session) (string, *abi.Fault) { k, _, f := s.Next("", ""); return k, f },
		"scan": func(s *host.Session) (string, *abi.Fault) {
			e, f := s.Scan("", "", "", 1)
			if f != nil || len(e) != 1 {
				return "", f
			}
			return e[0].Key, nil
		},
	} {
		for _, batch := range []bool{false, true} {
			asked, content := 0, hosttest.State{own: {"z": "last"}}
			for i := range deleted {
				content[own][fmt.Sprintf("k%02d", i)] = "v"
			}
			st := host.State(counted{content, &asked})
			if batch {
				st = countedBatch{batched{content}, &asked}
			}
			s, _ := sessionOn(st)
			for i := range deleted {
				if f := s.Delete("", fmt.Sprintf("k%02d", i)); f != nil {
					t.Fatal(f)
				}
			}
			for range rounds {
				if key, f := look(s); f != nil || key != "z" {
					t.Fatalf("%s behind %d deleted keys = %q, %v, want z", name, deleted, key, f)
				}
			}
			if most := 2*deleted + 3*rounds; asked > most {
				t.Errorf("%s, batches %v: %d times the state was asked %d times, want at most %d", name, batch, rounds, asked, most)
			}
		}
	}
}

// countedBatch counts what a batched state is asked for.
type countedBatch struct {
	batched
	n *int
}

func (c countedBatch) Next(a abi.Address, after string) (string, bool) {
	*c.n++
	return c.batched.Next(a, after)
}

func (c countedBatch) Range(a abi.Address, after, before string, limit int) []abi.KeyValue {
	*c.n++
	return c.batched.Range(a, after, before, limit)
}

// TestLooksBetweenWrites: whatever is written, deleted and looked up in turn, each look-up finds
// what a plain map holds at that moment.
func TestLooksBetweenWrites(t *testing.T) {
	own := abi.StateAddress("conf")
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g"})
		model, state := map[string]bool{}, hosttest.State{own: {}}
		for _, k := range rapid.SliceOf(key).Draw(t, "state") {
			model[k], state[own][k] = true, "old"
		}
		first := func(after string, n int) []string {
			var keys []string
			for k := range model {
				if k > after {
					keys = append(keys, k)
				}
			}
			slices.Sort(keys)
			return keys[:min(n, len(keys))]
		}
		plain, _ := sessionOn(state)
		batch, _ := sessionOn(batched{state})
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			k := key.Draw(t, "key")
			what, n := rapid.SampledFrom([]string{"put", "delete", "delete", "next", "scan"}).Draw(t, "step"), rapid.IntRange(1, 4).Draw(t, "limit")
			if k == "a" && rapid.Bool().Draw(t, "from the start") && what != "put" && what != "delete" {
				k = ""
			}
			for _, s := range []*host.Session{plain, batch} {
				var got []string
				var f *abi.Fault
				want := first(k, n)
				switch what {
				case "put":
					f, want = s.Put("", k, []byte("new")), nil
				case "delete":
					f, want = s.Delete("", k), nil
				case "next":
					var found string
					var ok bool
					want = first(k, 1)
					if found, ok, f = s.Next("", k); ok {
						got = []string{found}
					}
				case "scan":
					var list []abi.KeyValue
					list, f = s.Scan("", k, "", n)
					for _, e := range list {
						got = append(got, e.Key)
					}
				}
				if f != nil || !slices.Equal(got, want) {
					t.Fatalf("%s from %q, %d = %q, %v, want %q", what, k, n, got, f, want)
				}
			}
			switch what {
			case "put":
				model[k] = true
			case "delete":
				delete(model, k)
			}
		}
	})
}
