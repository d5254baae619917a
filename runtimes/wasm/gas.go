package wasm

import (
	"context"
	"fmt"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host/meter"
)

// gas is a call's budget, handed to the contract's global in slices. At any time what
// the contract used is handed less what the global holds; the global may be negative
// until somebody looks.
type gas struct {
	limit  uint64
	handed uint64 // at most limit
	slice  uint64
}

func (g *gas) start(global api.MutableGlobal, limit, slice uint64) {
	*g = gas{limit: limit, slice: slice, handed: min(limit, slice)}
	global.Set(g.handed)
}

func (g *gas) used(global api.MutableGlobal) uint64 { return g.handed - global.Get() }

// more hands out a slice, or as much as is missing, and returns how much; ok is false
// when the limit does not reach.
func (g *gas) more(global api.MutableGlobal, missing uint64) (given uint64, ok bool) {
	left := g.limit - g.handed
	given = min(max(g.slice, missing), left)
	g.handed += given
	global.Set(global.Get() + given)
	return given, given >= missing
}

func outOfGas(limit uint64) *abi.Fault {
	return abi.Faultf(abi.OutOfGas, "more than %d gas", limit)
}

// Charge takes gas for a host function. It is the session's host.Meter.
func (i *instance) Charge(n uint64) *abi.Fault {
	if n > i.budget.limit {
		return outOfGas(i.budget.limit)
	}
	if i.tracer != nil {
		i.tracer.look()
		defer i.tracer.add(n)
	}
	left := int64(i.gas.Get()) - int64(n)
	i.gas.Set(uint64(left))
	if left >= 0 {
		return nil
	}
	i.look()
	if _, ok := i.budget.more(i.gas, uint64(-left)); !ok {
		return outOfGas(i.budget.limit)
	}
	return nil
}

// Left is the gas that the contract has not used.
func (i *instance) Left() uint64 { return i.budget.limit - min(i.budget.used(i.gas), i.budget.limit) }

// refill is called by the contract when its gas or its depth is negative.
func refill(ctx context.Context, _ api.Module, stack []uint64) {
	i := caller(ctx)
	i.look()
	if i.tracer != nil {
		i.tracer.look()
	}
	if int64(i.depth.Get()) < 0 {
		i.end(abi.Faultf(abi.StackOverflow, "calls nested deeper than %d slots", i.session.Limits.Depth))
	}
	left := int64(stack[0])
	var missing uint64
	if left < 0 {
		missing = uint64(-left)
	}
	given, ok := i.budget.more(i.gas, missing)
	if !ok {
		i.end(outOfGas(i.budget.limit))
	}
	stack[0] += given
}

// look gives up when the deadline is past or the call's context ended. The deadline counts from
// the first look, which is when a slice of gas is used up.
func (i *instance) look() {
	if err := i.Err(); err != nil {
		i.abort(err)
	}
	now := time.Now()
	if i.deadline.IsZero() { // the first look: reading the clock at every call would cost more than a host call
		i.deadline = now.Add(i.session.Limits.Deadline)
		if i.tracer != nil {
			i.deadline = now.Add(100 * i.session.Limits.Deadline) // it is that much slower
		}
	}
	if now.After(i.deadline) {
		i.abort(fmt.Errorf("no end after %v: %w", i.session.Limits.Deadline, context.DeadlineExceeded))
	}
}

// pricePage is the price of memory growth: a page of 64 KiB has to be found and zeroed.
const pricePage = meter.PricePage

// pricePageAsked is what a call that another contract's query made pays for each page of memory it
// begins with. A call may touch all of them for next to nothing, which takes a page fault for each
// of the operating system's, and one call can ask a thousand times.
const pricePageAsked = meter.PricePage / 4

// ask charges a call that a query made for the memory it begins with.
func (i *instance) ask() *abi.Fault {
	if i.session.Nested == 0 {
		return nil
	}
	return i.Charge(uint64(i.mem.Size()/pageSize) * pricePageAsked)
}

// grow is called by the contract before memory.grow. What it charges does not depend on
// whether the memory is then given.
func grow(ctx context.Context, _ api.Module, stack []uint64) {
	i := caller(ctx)
	pages := uint64(uint32(stack[0]))
	if f := i.Charge(pages * pricePage); f != nil {
		i.end(f)
	}
	size := uint64(i.mem.Size()) + pages*pageSize
	most := min(i.session.Limits.Memory, i.m.rt.cfg.MaxMemory)
	if own := uint64(i.m.info.MaxPages) * pageSize; own != 0 {
		most = min(most, own)
	}
	stack[0] = 1
	if size > most {
		i.refused = true
		stack[0] = 0
	}
}
