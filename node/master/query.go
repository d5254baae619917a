package master

import (
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/policy"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/node/transport"
)

// pageBytes bounds an answer that lists values or blocks.
const pageBytes = 2 << 20

func noSub(m *policy.Member, a abi.Address) error {
	return chain.Refusef(chain.NoGrant, "%s has no SUB grant for %s", m.Name, a)
}

func checkTarget(m *policy.Member, a abi.Address, key string) error {
	if _, err := abi.ParseAddress(string(a)); err != nil {
		return transport.Errorf(rpc.CodeBadRequest, "%v", err)
	}
	if err := abi.CheckKey(key); err != nil {
		return transport.Errorf(rpc.CodeBadRequest, "%v", err)
	}
	if !m.MaySubscribe(a) {
		return noSub(m, a)
	}
	return nil
}

func item(a abi.Address, key string, v *chain.Value) rpc.Item {
	return rpc.Item{Address: a, Key: key, Value: v.Bytes, Sequence: v.Sequence, Height: v.Height, Index: v.Index, Time: v.Time, At: v.At, Sender: v.Sender}
}

func (s *Server) get(m *policy.Member, q *rpc.GetQ) (any, error) {
	if err := checkTarget(m, q.Address, q.Key); err != nil {
		return nil, err
	}
	var v *chain.Value
	var ok bool
	s.machine.Read(func(st *chain.State) { v, ok = st.Value(q.Address, q.Key) })
	if !ok {
		return nil, transport.Errorf(rpc.CodeNotFound, "%s has no key %q", q.Address, q.Key)
	}
	return item(q.Address, q.Key, v), nil
}

func limit(n int) int {
	if n <= 0 || n > rpc.MaxPage {
		return rpc.MaxPage
	}
	return n
}

func (s *Server) list(m *policy.Member, q *rpc.ListQ) (any, error) {
	if q.Pattern != "" {
		return s.addresses(m, q)
	}
	a, err := abi.ParseAddress(string(q.Address))
	if err != nil {
		return nil, transport.Errorf(rpc.CodeBadRequest, "%v", err)
	}
	if !m.MaySubscribe(a) {
		return nil, noSub(m, a)
	}
	var out rpc.ListA
	n, size := limit(q.Limit), 0
	s.machine.Read(func(st *chain.State) {
		out.Height = st.Head().Height
		st.Keys(a, q.After, func(key string, v *chain.Value) bool {
			if len(out.Items) == n || size > pageBytes {
				out.More = true
				return false
			}
			out.Items = append(out.Items, item(a, key, v))
			size += len(key) + len(v.Bytes) + 128
			return true
		})
	})
	return out, nil
}

func (s *Server) addresses(m *policy.Member, q *rpc.ListQ) (any, error) {
	p, err := abi.ParsePattern(string(q.Pattern))
	if err != nil {
		return nil, transport.Errorf(rpc.CodeBadRequest, "%v", err)
	}
	var out rpc.ListA
	n := limit(q.Limit)
	state := s.machine.Copy() // may walk far: blocks shall not wait
	out.Height = state.Head().Height
	state.Addresses(p, func(a abi.Address, seq abi.Sequence) bool {
		if string(a) <= q.After || !m.MaySubscribe(a) {
			return true
		}
		if len(out.Addresses) == n {
			out.More = true
			return false
		}
		out.Addresses = append(out.Addresses, rpc.AddressInfo{Address: a, Sequence: seq})
		return true
	})
	return out, nil
}

func (s *Server) history(m *policy.Member, q *rpc.HistoryQ) (any, error) {
	if err := checkTarget(m, q.Address, q.Key); err != nil {
		return nil, err
	}
	n := limit(q.Limit)
	events, err := s.ledger.History(q.Address, q.Key, q.Before, n+1)
	if err != nil {
		return nil, err
	}
	var out rpc.HistoryA
	size := 0
	for i := range events {
		if i == n || size > pageBytes {
			out.More = true
			break
		}
		out.Events = append(out.Events, rpc.FromEvent(&events[i]))
		size += len(events[i].Value) + len(q.Address) + len(q.Key) + 128
	}
	return out, nil
}

func (s *Server) blocks(m *policy.Member, q *rpc.BlockQ) (any, error) {
	if !m.ReadsAll() {
		return nil, chain.Refusef(chain.NoGrant, "%s may not read whole blocks: that takes a SUB grant for /**", m.Name)
	}
	var out rpc.BlocksA
	size := 0
	_, last, _ := s.machine.feed.at(0) // what is in the ledger for sure
	head := last.height
	for h := q.Height; h <= head && len(out.Blocks) < max(1, min(q.Count, 512)) && size < pageBytes; h++ {
		b, err := s.ledger.Block(h) // verified: a master never hands on what it can not vouch for
		if err != nil {
			if len(out.Blocks) > 0 {
				return out, nil // the one that fails is asked for next
			}
			return nil, err
		}
		out.Blocks = append(out.Blocks, b.Bytes())
		size += len(b.Bytes())
	}
	if len(out.Blocks) == 0 {
		return nil, transport.Errorf(rpc.CodeNotFound, "there is no block %d: the head is %d", q.Height, head)
	}
	return out, nil
}

func (s *Server) tx(m *policy.Member, q *rpc.TxQ) (any, error) {
	r, ok, err := s.machine.Find(q.ID)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, transport.Errorf(rpc.CodeNotFound, "there is no transaction %s", q.ID)
	}
	b, err := s.ledger.Block(r.Height)
	if err != nil {
		return nil, err
	}
	out := rpc.TxA{Receipt: receipt(&r), Envelope: b.Entries[r.Index].Envelope}
	if tx := b.Tx(int(r.Index)); tx != nil {
		for i := range tx.Ops {
			op := &tx.Ops[i]
			if a := op.Address; a != "" && !m.MaySubscribe(a) {
				return nil, noSub(m, a)
			}
			if a := op.ToAddress; a != "" && !m.MaySubscribe(a) {
				return nil, noSub(m, a)
			}
			if op.Kind == chain.OpSystem && !m.MaySubscribe(abi.System) {
				return nil, noSub(m, abi.System)
			}
		}
	}
	for _, e := range b.Events() {
		if e.Index == r.Index && m.MaySubscribe(e.Address) {
			out.Writes = append(out.Writes, rpc.FromEvent(&e))
		}
	}
	return out, nil
}

func (s *Server) check(m *policy.Member) (any, error) {
	if !m.ReadsAll() {
		return nil, chain.Refusef(chain.NoGrant, "%s may not have a master check its disk: that takes a SUB grant for /**", m.Name)
	}
	if !s.checking.TryLock() { // it reads the whole disk: one at a time
		return nil, chain.Refusef(chain.NoPlace, "%s is checking its disk already: try again in a moment", s.Name)
	}
	defer s.checking.Unlock()
	damage, err := s.ledger.Check()
	if err != nil {
		return nil, err
	}
	var out rpc.CheckA
	for _, d := range damage {
		out.Damage = append(out.Damage, d.Error())
	}
	return out, nil
}

func (s *Server) status() (any, error) {
	head, root, state := s.machine.Digests()
	out := rpc.StatusA{
		Name: s.Name, Identity: s.Self, Role: s.Raft.Role(), Term: s.Raft.Term(),
		Head:     rpc.HeadA{Chain: head.Chain, Height: head.Height, Hash: head.Hash, Time: head.Time},
		TreeRoot: root, StateHash: state, LedgerHash: chain.LedgerHash(root, state),
		Events: s.machine.events.Load(), Refused: s.refused.Load(), Uptime: int64(time.Since(s.started).Seconds()),
	}
	size, err := s.ledger.Size()
	if err != nil {
		return nil, err
	}
	out.DiskBytes = size
	s.machine.Read(func(st *chain.State) { out.Items = st.Len() })
	leader, known := s.Raft.Leader()
	for id, n := range s.machine.Policy().Masters() {
		out.Masters = append(out.Masters, rpc.MasterInfo{Name: n.Name, Identity: id, Address: n.Address})
		if known && id == leader {
			out.Leader = n.Name
		}
	}
	sortMasters(out.Masters)
	return out, nil
}
