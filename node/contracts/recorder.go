package contracts

import (
	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/host"
)

// recorder is what the contracts of one operation read: the view, with the writes of the
// contracts before on top. It notes each key that was read, or found by Next, once.
type recorder struct {
	view   chain.View
	writes map[chain.Read][]byte
	reads  []chain.Read
	seen   map[chain.Read]bool
}

var _ host.State = (*recorder)(nil)

func (r *recorder) apply(ws []abi.Write) {
	if r.writes == nil && len(ws) > 0 {
		r.writes = make(map[chain.Read][]byte)
	}
	for _, w := range ws {
		r.writes[chain.Read{Address: w.Address, Key: w.Key}] = w.Value
	}
}

func (r *recorder) note(read chain.Read) {
	if r.seen[read] {
		return
	}
	if r.seen == nil {
		r.seen = make(map[chain.Read]bool)
	}
	r.seen[read] = true
	r.reads = append(r.reads, read)
}

func (r *recorder) Get(a abi.Address, key string) ([]byte, bool) {
	at := chain.Read{Address: a, Key: key}
	r.note(at)
	return r.get(at)
}

func (r *recorder) get(at chain.Read) ([]byte, bool) {
	if v, ok := r.writes[at]; ok {
		return v, len(v) > 0
	}
	return r.view.Get(at.Address, at.Key)
}

// Quiet returns what the recorder has now, without the noting.
func (r *recorder) Quiet() host.State { return quiet{r} }

type quiet struct{ r *recorder }

func (q quiet) Get(a abi.Address, key string) ([]byte, bool) {
	return q.r.get(chain.Read{Address: a, Key: key})
}

func (q quiet) Next(a abi.Address, after string) (string, bool) { return q.r.next(a, after) }

func (r *recorder) Next(a abi.Address, after string) (string, bool) {
	key, ok := r.next(a, after)
	if ok {
		r.note(chain.Read{Address: a, Key: key})
	}
	return key, ok
}

func (r *recorder) next(a abi.Address, after string) (string, bool) {
	mine, has := "", false
	for at, v := range r.writes {
		if at.Address == a && at.Key > after && len(v) > 0 && (!has || at.Key < mine) {
			mine, has = at.Key, true
		}
	}
	for {
		key, ok := r.view.Next(a, after)
		if !ok || has && mine <= key {
			return mine, has
		}
		if v, written := r.writes[chain.Read{Address: a, Key: key}]; !written || len(v) > 0 {
			return key, true
		}
		after = key // deleted by a contract before: look further
	}
}
