package worker

import (
	"slices"
	"strings"
	"sync"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

const (
	maxGuesses = 16      // keys that a contract is expected to read in one phase
	maxAhead   = 8 << 10 // bytes of values sent ahead with one call
	bestScore  = 8       // misses after which a guess that always held is dropped
	firstScore = 2
)

// guess is a read of an earlier call, told relative to that call, so that it can be told of
// the next one.
type guess struct {
	own, event    bool        // the address is the contract's own, or the event's
	address       abi.Address // otherwise
	relative      bool        // the key is the event's key between prefix and suffix
	key           string      // otherwise
	before, after string
	score         int
}

// at is what the guess says of a call.
func (g *guess) at(c *abi.Call) host.Key {
	k := host.Key{Address: g.address, Key: g.key}
	switch {
	case g.own:
		k.Address = abi.StateAddress(c.Contract)
	case g.event:
		k.Address = c.Address
	}
	if g.relative {
		k.Key = g.before + c.Key + g.after
	}
	return k
}

// guesses tells a read in the ways that may hold for other calls, too.
func guesses(c *abi.Call, k host.Key) (list []guess) {
	g := guess{key: k.Key, score: firstScore}
	switch k.Address {
	case abi.StateAddress(c.Contract):
		g.own = true
	case c.Address:
		g.event = true
	default:
		g.address = k.Address
	}
	list = append(list, g)
	if before, after, ok := strings.Cut(k.Key, c.Key); ok && c.Key != "" {
		g.relative, g.key, g.before, g.after = true, "", before, after
		list = append(list, g)
	}
	return list
}

// predictor expects of a module's next call in one phase what its last calls read. It
// decides only what is sent early, never what a contract sees. Safe for concurrent use.
type predictor struct {
	mu   sync.Mutex
	list []guess
}

// expect lists the keys that a call is likely to read, each once.
func (p *predictor) expect(c *abi.Call) (keys []host.Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.list {
		if k := p.list[i].at(c); !slices.Contains(keys, k) && abi.CheckKey(k.Key) == nil {
			keys = append(keys, k)
		}
	}
	return keys
}

// learn takes note of what a call did read.
func (p *predictor) learn(c *abi.Call, read []host.Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var expected []host.Key
	for i := range p.list {
		g := &p.list[i]
		k := g.at(c)
		expected = append(expected, k)
		if slices.Contains(read, k) {
			g.score = min(g.score+1, bestScore)
		} else {
			g.score--
		}
	}
	p.list = slices.DeleteFunc(p.list, func(g guess) bool { return g.score <= 0 })
	for _, k := range read {
		if slices.Contains(expected, k) {
			continue
		}
		for _, g := range guesses(c, k) {
			if len(p.list) < maxGuesses {
				p.list = append(p.list, g)
			}
		}
	}
}

// sent is a value that went ahead with a call.
type sent struct {
	key   host.Key
	value abi.Value
}

func (f frame) ahead(list []sent) frame {
	f = f.int(len(list))
	for _, a := range list {
		f = f.str(string(a.key.Address)).str(a.key.Key).bool(a.value.Ok).bytes(a.value.Bytes)
	}
	return f
}

func (f *fields) ahead() (list []sent) {
	for range f.list() {
		list = append(list, sent{host.Key{Address: abi.Address(f.str()), Key: f.str()}, abi.Value{Ok: f.bool(), Bytes: f.bytes()}})
	}
	return list
}

func (f frame) used(list []int) frame {
	f = f.int(len(list))
	for _, i := range list {
		f = f.int(i)
	}
	return f
}

func (f *fields) used() (list []int) {
	for range f.list() {
		list = append(list, f.int())
	}
	return list
}

// ahead is the child's store of what came with a call. Used are those that the contract
// read and the parent was not told of yet.
type ahead struct {
	list []sent
	used []int
}

func (a *ahead) get(k host.Key) (abi.Value, bool) {
	for i := range a.list {
		if a.list[i].key == k {
			if !slices.Contains(a.used, i) {
				a.used = append(a.used, i)
			}
			return a.list[i].value, true
		}
	}
	return abi.Value{}, false
}

// tell puts what was used into a frame, once.
func (a *ahead) tell(f frame) frame {
	f = f.used(a.used)
	a.used = a.used[:0]
	return f
}
