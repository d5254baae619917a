package wasm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/kalima-chain/kalima/host"
)

// Warm is what an instance costs that waits for a call.
type Warm struct {
	Memory int           // bytes: pages of its own, and what the engine keeps for it
	Make   time.Duration // to make one from the image, the median
}

// MeasureWarm makes n more instances of a contract, has each serve a call, and measures them.
// session makes the session of a call.
func MeasureWarm(ctx context.Context, code []byte, n int, session func() *host.Session) (w Warm, err error) {
	rt, err := New(Config{})
	if err != nil {
		return w, err
	}
	defer rt.Close()
	loaded, err := rt.Load(ctx, code)
	if err != nil {
		return w, fmt.Errorf("load the contract: %w", err)
	}
	m := loaded.(*module)
	var all []*instance
	defer func() {
		for _, i := range all {
			i.close()
		}
		err = errors.Join(err, m.Close())
	}()
	before, pages := heap(), 0
	var took []time.Duration
	for range n {
		start := time.Now()
		i, err := m.another(ctx)
		if err != nil {
			return w, err
		}
		all = append(all, i)
		took = append(took, time.Since(start))
		s := session()
		if _, err := i.run(ctx, i.entry(s.Call.Phase), s); err != nil {
			return w, fmt.Errorf("call the contract: %w", err)
		}
		if !i.restore(m.image) {
			return w, errors.New("the contract's memory could not be put back")
		}
		if _, copied := i.linear.(*heapMemory); !copied { // that is heap
			pages += i.linear.resident()
		}
	}
	slices.Sort(took)
	w.Memory = (max(heap()-before, 0) + pages) / n
	w.Make = took[len(took)/2]
	return w, nil
}

// heap is how much of Go's heap is in use.
func heap() int {
	var s runtime.MemStats
	runtime.GC()
	runtime.GC() // what a finalizer held goes with the second
	runtime.ReadMemStats(&s)
	return int(s.HeapAlloc)
}

// MeasureTurns calls as many different contracts in turn for a while and returns how many calls
// a second that makes, one at a time. The contracts are copies of one that differ in a custom section, so each has
// its own compiled code, image and instance.
func MeasureTurns(ctx context.Context, code []byte, contracts int, d time.Duration, session func() *host.Session) (perSecond float64, err error) {
	rt, err := New(Config{})
	if err != nil {
		return 0, err
	}
	defer rt.Close()
	var mods []host.Module
	defer func() {
		for _, m := range mods {
			err = errors.Join(err, m.Close())
		}
	}()
	for n := range contracts {
		own := append(slices.Clone(code), 0, 6, 1, 'n') // a custom section named "n"
		m, err := rt.Load(ctx, binary.LittleEndian.AppendUint32(own, uint32(n)))
		if err != nil {
			return 0, fmt.Errorf("load contract %d: %w", n, err)
		}
		mods = append(mods, m)
	}
	turn := func() error {
		for _, m := range mods {
			if r, err := m.Call(ctx, session()); err != nil {
				return err
			} else if r.Fault != nil {
				return fmt.Errorf("call a contract: %w", r.Fault)
			}
		}
		return nil
	}
	if err := turn(); err != nil {
		return 0, err
	}
	start, turns := time.Now(), 0
	for ; turns == 0 || time.Since(start) < d; turns++ {
		if err := turn(); err != nil {
			return 0, err
		}
	}
	return float64(turns*contracts) / time.Since(start).Seconds(), nil
}
