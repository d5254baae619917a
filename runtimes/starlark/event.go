package starlark

import (
	"fmt"
	"slices"

	"go.starlark.net/starlark"

	"github.com/kalima-chain/kalima/abi"
)

// eventFields are the attributes of kalima.event. They are made when they are read: most
// contracts read two or three.
var eventFields = map[string]func(e *abi.Call) starlark.Value{
	"address":     func(e *abi.Call) starlark.Value { return starlark.String(e.Address) },
	"at":          func(e *abi.Call) starlark.Value { return starlark.MakeInt64(int64(e.At)) },
	"bytes":       func(e *abi.Call) starlark.Value { return starlark.Bytes(e.Value) },
	"chain":       func(e *abi.Call) starlark.Value { return starlark.String(e.Chain.String()) },
	"contract":    func(e *abi.Call) starlark.Value { return starlark.String(e.Contract) },
	"height":      func(e *abi.Call) starlark.Value { return starlark.MakeUint64(uint64(e.Height)) },
	"key":         func(e *abi.Call) starlark.Value { return starlark.String(e.Key) },
	"op":          func(e *abi.Call) starlark.Value { return starlark.String(opName(e.Op)) },
	"op_index":    func(e *abi.Call) starlark.Value { return starlark.MakeInt(int(e.OpIndex)) },
	"phase":       func(e *abi.Call) starlark.Value { return starlark.String(e.Phase.String()) },
	"roles":       func(e *abi.Call) starlark.Value { return texts(e.Roles) },
	"sender":      func(e *abi.Call) starlark.Value { return starlark.String(e.Sender.String()) },
	"sender_name": func(e *abi.Call) starlark.Value { return starlark.String(e.Name) },
	"sequence":    func(e *abi.Call) starlark.Value { return starlark.MakeUint64(uint64(e.Sequence)) },
	"time":        func(e *abi.Call) starlark.Value { return starlark.MakeInt64(int64(e.Time)) },
	"tx_id":       func(e *abi.Call) starlark.Value { return starlark.String(e.TxID.String()) },
	"value":       func(e *abi.Call) starlark.Value { return starlark.String(e.Value) },
}

var eventNames = func() (names []string) {
	for name := range eventFields {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}()

func opName(op abi.OpKind) string {
	if op == abi.Delete {
		return "delete"
	}
	return "put"
}

func texts(list []string) starlark.Tuple {
	t := make(starlark.Tuple, len(list))
	for i, s := range list {
		t[i] = starlark.String(s)
	}
	return t
}

// event is kalima.event.
type event struct {
	call *abi.Call
	read map[string]starlark.Value // what was read already
}

var _ starlark.HasAttrs = (*event)(nil)

func (e *event) String() string        { return "<event>" }
func (e *event) Type() string          { return "event" }
func (e *event) Freeze()               {}
func (e *event) Truth() starlark.Bool  { return true }
func (e *event) Hash() (uint32, error) { return 0, fmt.Errorf("event can not be hashed") }

// Attr returns an attribute, nil when there is none.
func (e *event) Attr(name string) (starlark.Value, error) {
	if v, ok := e.read[name]; ok {
		return v, nil
	}
	f, ok := eventFields[name]
	if !ok {
		return nil, nil
	}
	v := f(e.call)
	if e.read == nil {
		e.read = map[string]starlark.Value{}
	}
	e.read[name] = v
	return v, nil
}

// AttrNames lists the attributes.
func (e *event) AttrNames() []string { return slices.Clone(eventNames) }

// eventValue makes kalima.event when it is first read. It costs what reading each of its
// fields would.
func (c *call) eventValue() (starlark.Value, error) {
	if c.session == nil {
		return nil, c.must(abi.Faultf(abi.BadHostCall, "kalima.event is not available at the top level"))
	}
	if c.event != nil {
		return c.event, nil
	}
	for f := abi.FieldAddress; f <= abi.FieldName; f++ {
		if _, fault := c.session.Field(f); fault != nil {
			return nil, c.must(fault)
		}
	}
	for n := abi.NumberHeight; n <= abi.NumberAt; n++ {
		if _, fault := c.session.Number(n); fault != nil {
			return nil, c.must(fault)
		}
	}
	c.event = &event{call: &c.session.Call}
	return c.event, nil
}
