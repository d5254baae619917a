package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// dialogue is the parent's side of one call. It trusts nothing that the worker says: reads
// go through the call's own session, and what only some contracts may do is checked
// against the grant once more.
type dialogue struct {
	p       *process
	s       *host.Session // of the call; its meter is free
	probe   *host.Probe   // taken out of the session, which would count twice
	world   *host.Session // checks requests to the world; nil until one comes
	reach   *reached      // of world
	sent    []sent        // values that went ahead with the call
	read    []host.Key    // what the contract read by get, for the next call's predictions
	outcome error         // a failure of this node's: the call's end, whatever the worker says
}

// call talks with the worker until it has a result.
func (d *dialogue) call(ctx context.Context, m *module) (host.Result, error) {
	limits := d.s.Limits
	if end, ok := ctx.Deadline(); ok {
		limits.Deadline = max(time.Until(end), time.Millisecond)
	}
	e := equipment{contracts: d.s.Contracts != nil, world: d.s.World != nil, nested: d.s.Nested}
	if d.probe != nil {
		e.trace, e.charges, e.failAt = d.probe.HostCall != nil, d.probe.Charge != nil, max(d.probe.FailAt, 0)
	}
	c := d.p.conn
	d.lookAhead(m)
	if err := c.send(c.frame(kindCall).raw(m.digest[:]).call(&d.s.Call).grant(d.s.Grant()).limits(limits).equipment(e).ahead(d.sent)); err != nil {
		return host.Result{}, &brokenError{err}
	}
	for {
		kind, f, err := c.receive()
		if err != nil {
			return host.Result{}, &brokenError{err}
		}
		var answer frame
		switch kind {
		case kindResult:
			d.took(f)
			r := f.result()
			if err := f.done(); err != nil {
				return host.Result{}, &brokenError{err}
			}
			m.reads(d.s.Call.Phase).learn(&d.s.Call, d.read)
			return r, d.outcome
		case kindDeadline, kindError:
			text := f.str()
			if err := f.done(); err != nil {
				return host.Result{}, &brokenError{err}
			}
			return host.Result{}, d.failed(kind, text)
		case kindTrace, kindCharge:
			err = d.told(kind, f)
		default:
			answer, err = d.answer(ctx, kind, f)
		}
		if err != nil {
			return host.Result{}, &brokenError{err}
		}
		if answer != nil {
			if err := c.send(answer); err != nil {
				return host.Result{}, &brokenError{err}
			}
		}
	}
}

// failed is the error of a call whose engine gave one.
func (d *dialogue) failed(kind byte, text string) error {
	switch {
	case d.outcome != nil:
		return d.outcome
	case kind == kindDeadline:
		return fmt.Errorf("worker: %q: %w", clipDetail(text), context.DeadlineExceeded)
	}
	return fmt.Errorf("worker: %q", clipDetail(text))
}

// told takes what the worker says without asking.
func (d *dialogue) told(kind byte, f *fields) error {
	switch kind {
	case kindTrace:
		c := f.hostCall()
		if err := f.done(); err != nil || d.probe == nil || d.probe.HostCall == nil {
			return fmt.Errorf("%w: trace", errFrame)
		}
		d.probe.HostCall(c)
	case kindCharge:
		stack, gas := f.places(), f.num()
		if err := f.done(); err != nil || d.probe == nil || d.probe.Charge == nil {
			return fmt.Errorf("%w: charge", errFrame)
		}
		d.probe.Charge(stack, gas)
	}
	return nil
}

// answer finds the answer to a question.
func (d *dialogue) answer(ctx context.Context, kind byte, f *fields) (frame, error) {
	c := d.p.conn
	switch kind {
	case kindGet, kindNext, kindMany, kindRange, kindQuery:
		d.took(f)
	}
	switch kind {
	case kindGet:
		k := host.Key{Address: abi.Address(f.str()), Key: f.str()}
		value, ok, fault := d.get(k)
		if fault != nil || f.done() != nil {
			return nil, fmt.Errorf("%w: get", errFrame)
		}
		return c.frame(kindValue).bool(ok).bytes(value), nil
	case kindNext:
		key, ok, fault := d.s.Next(f.str(), f.str())
		if fault != nil || f.done() != nil {
			return nil, fmt.Errorf("%w: next", errFrame)
		}
		return c.frame(kindValue).bool(ok).str(key), nil
	case kindMany:
		values, err := d.many(f.keys())
		if err != nil || f.done() != nil {
			return nil, fmt.Errorf("%w: get many", errFrame)
		}
		return c.frame(kindValues).values(values), nil
	case kindRange:
		address, after, before, limit := f.str(), f.str(), f.str(), f.int()
		entries, fault := d.s.Scan(address, after, before, limit)
		if fault != nil || f.done() != nil {
			return nil, fmt.Errorf("%w: range", errFrame)
		}
		size := 0
		for _, e := range entries {
			size += len(e.Key) + len(e.Value)
		}
		// Fewer than asked for, and not for their size: that was all.
		last := len(entries) < limit && size+abi.MaxKey+abi.MaxValue <= abi.MaxAnswer
		return c.frame(kindEntries).entries(entries).bool(last), nil
	case kindQuery:
		return d.query(ctx, f)
	case kindHTTP:
		return d.http(ctx, f)
	case kindClock:
		now, fault := d.outside().Clock()
		if fault != nil || f.done() != nil {
			return nil, fmt.Errorf("%w: clock", errFrame)
		}
		return c.frame(kindTime).num(uint64(now)), nil
	}
	return nil, fmt.Errorf("%w: kind %q", errFrame, kind)
}

// many reads several keys. What is too much for one answer is the worker's to say: it reads
// what the contract asked for, and its session then ends the call.
func (d *dialogue) many(keys []host.Key) ([]abi.Value, error) {
	refs := make([]abi.KeyRef, len(keys))
	for i, k := range keys {
		refs[i] = abi.KeyRef{Address: string(k.Address), Key: k.Key}
	}
	if len(refs) > abi.MaxKeys {
		return nil, fmt.Errorf("%w: %d keys", errFrame, len(refs))
	}
	values, fault := d.s.GetMany(refs)
	if fault == nil {
		return values, nil
	}
	for _, k := range keys {
		value, ok, fault := d.get(k)
		if fault != nil {
			return nil, fault
		}
		values = append(values, abi.Value{Bytes: value, Ok: ok})
	}
	return values, nil
}

// lookAhead reads what the call is likely to read, without anybody's taking note. A probed
// call has no predictions: it is for people, and shall be what they expect.
func (d *dialogue) lookAhead(m *module) {
	quiet := d.s.Quiet()
	if quiet == nil || d.probe != nil {
		return
	}
	size := 0
	for _, k := range m.reads(d.s.Call.Phase).expect(&d.s.Call) {
		value, ok := quiet.Get(k.Address, k.Key)
		if size += len(value); size > maxAhead {
			return
		}
		d.sent = append(d.sent, sent{k, abi.Value{Bytes: value, Ok: ok}})
	}
}

// took reads, for the record, what the contract read of the values that were sent ahead.
func (d *dialogue) took(f *fields) {
	for _, i := range f.used() {
		if i >= len(d.sent) {
			f.fail("used what was not sent")
			return
		}
		value, ok, fault := d.get(d.sent[i].key)
		switch {
		case fault != nil:
			f.fail("used a bad key")
			return
		case ok != d.sent[i].value.Ok || !bytes.Equal(value, d.sent[i].value.Bytes):
			d.outcome = errors.Join(d.outcome, fmt.Errorf("the state changed during the call: %s %q", d.sent[i].key.Address, d.sent[i].key.Key))
		}
	}
}

func (d *dialogue) get(k host.Key) ([]byte, bool, *abi.Fault) {
	value, ok, fault := d.s.Get(string(k.Address), k.Key)
	if fault == nil && len(d.read) < maxGuesses && !slices.Contains(d.read, k) {
		d.read = append(d.read, k)
	}
	return value, ok, fault
}

// query asks another contract, as host.Session.Query does once it has charged for it.
func (d *dialogue) query(ctx context.Context, f *fields) (frame, error) {
	call := d.s.Call
	call.Phase, call.Contract, call.Key, call.Value = abi.Query, f.str(), f.str(), append([]byte(nil), f.bytes()...)
	limits := d.s.Limits
	limits.Gas = f.num()
	writes := f.writes()
	bad := f.done() != nil || d.s.Contracts == nil || d.s.Nested >= abi.MaxNested || limits.Gas == 0 || limits.Gas > d.s.Limits.Gas ||
		len(call.Contract) > abi.MaxKey || abi.CheckKey(call.Key) != nil || abi.CheckValue(call.Value) != nil
	if bad {
		return nil, fmt.Errorf("%w: query", errFrame)
	}
	so := host.NewSession(d.s.Call, view{d.s}, d.s.Grant(), d.s.Limits)
	so.Begin(free{})
	if fault := apply(so, writes); fault != nil {
		return nil, fmt.Errorf("%w: query after a write: %w", errFrame, fault)
	}
	q := host.NewSession(call, view{so}, host.Grant{}, limits)
	q.Contracts, q.Nested = d.s.Contracts, d.s.Nested+1
	r, found, err := d.s.Contracts.Query(ctx, q)
	if err != nil {
		d.outcome = errors.Join(d.outcome, err)
		return d.p.frame(kindFailed), nil
	}
	return d.p.frame(kindReply).bool(found).result(&r), nil
}

// view is the state as a session sees it. Its meter is free.
type view struct{ s *host.Session }

func (v view) Get(a abi.Address, key string) ([]byte, bool) {
	value, ok, _ := v.s.Get(string(a), key) // valid: another session asks
	return value, ok
}

func (v view) Next(a abi.Address, after string) (string, bool) {
	key, ok, _ := v.s.Next(string(a), after)
	return key, ok
}

// http sends a request.
func (d *dialogue) http(ctx context.Context, f *fields) (frame, error) {
	r := f.request()
	if f.done() != nil {
		return nil, fmt.Errorf("%w: request", errFrame)
	}
	world := d.outside()
	answer, ok, fault, err := world.HTTP(ctx, r)
	switch {
	case fault != nil:
		return nil, fmt.Errorf("%w: request: %w", errFrame, fault)
	case err != nil:
		d.outcome = errors.Join(d.outcome, err)
		return d.p.frame(kindFailed), nil
	case !ok:
		return d.p.frame(kindResponse).str(d.reach.text()).response(host.HTTPResponse{}), nil
	}
	return d.p.frame(kindResponse).str("").response(answer), nil
}

// outside is a session that has the call's world and grant. The call's own would log what
// the worker's logs.
func (d *dialogue) outside() *host.Session {
	if d.world == nil {
		d.reach = &reached{World: d.s.World}
		d.world = host.NewSession(d.s.Call, view{d.s}, d.s.Grant(), d.s.Limits)
		if d.s.World != nil {
			d.world.World = d.reach
		}
		d.world.Begin(free{})
	}
	return d.world
}

// reached keeps why there was no answer.
type reached struct {
	host.World
	err error
	n   int // bytes of the last answer
}

func (r *reached) HTTP(ctx context.Context, q host.HTTPRequest) (host.HTTPResponse, error) {
	answer, err := r.World.HTTP(ctx, q)
	r.err, r.n = err, len(answer.Body)
	return answer, err
}

func (r *reached) text() string {
	if r.err == nil {
		return fmt.Sprintf("answer of %d bytes, at most %d", r.n, host.MaxHTTP)
	}
	return strings.ToValidUTF8(clipDetail(r.err.Error()), "?")
}
