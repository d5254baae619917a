package starlark

import (
	"fmt"
	"time"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// MeasurePlain calls validate of a contract that uses kalima.event.address, get and put
// alone, n times, with the Starlark interpreter as it is, in this process: no gas, no limits.
// It is what a Kalima call is compared with. Starlark freezes what a file defines, so each call
// is isolated. The result is a mean.
func MeasurePlain(source string, n int, session func() *host.Session) (time.Duration, error) {
	var s *host.Session
	get := starlark.NewBuiltin("get", func(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		address, _ := starlark.AsString(args[0])
		key, _ := starlark.AsString(args[1])
		if v, ok, _ := s.Get(address, key); ok {
			return starlark.String(v), nil
		}
		return starlark.None, nil
	})
	put := starlark.NewBuiltin("put", func(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		address, _ := starlark.AsString(args[0])
		key, _ := starlark.AsString(args[1])
		value, _ := starlark.AsString(args[2])
		s.Put(address, key, []byte(value))
		return starlark.None, nil
	})
	next := func() { s = session(); s.Begin(free{}) }
	next()
	event := starlarkstruct.FromStringDict(starlark.String("event"), starlark.StringDict{"address": starlark.String(s.Call.Address)})
	kalima := starlarkstruct.FromStringDict(starlark.String("kalima"), starlark.StringDict{"event": event, "get": get, "put": put})
	globals, err := starlark.ExecFileOptions(options, new(starlark.Thread), sourceName, source, starlark.StringDict{"kalima": kalima})
	if err != nil {
		return 0, fmt.Errorf("load the contract: %w", err)
	}
	start := time.Now()
	for range n {
		next()
		if _, err := starlark.Call(new(starlark.Thread), globals["validate"], nil, nil); err != nil {
			return 0, err
		}
	}
	return time.Since(start) / time.Duration(n), nil
}

// free is the meter of a call that costs nothing.
type free struct{}

func (free) Charge(uint64) *abi.Fault { return nil }
func (free) Left() uint64             { return 1 << 62 }
