package js

import (
	"github.com/dop251/goja"

	"github.com/kalima-chain/kalima/abi"
)

// event is kalima.event: an object whose properties are made when they are read, since
// most contracts read few of them.
type event struct {
	c      *call
	values map[string]goja.Value // made so far
}

var _ goja.DynamicObject = (*event)(nil)

var eventKeys = []string{"address", "key", "value", "bytes", "sender", "senderName", "roles", "txId", "contract", "chain",
	"height", "time", "at", "sequence", "op", "opIndex", "phase"}

// eventObject makes kalima.event when it is first read. It costs what reading each of its
// fields would.
func (c *call) eventObject() goja.Value {
	if c.event == nil {
		s := c.host()
		for f := abi.FieldAddress; f <= abi.FieldName; f++ {
			_, fault := s.Field(f)
			c.must(fault)
		}
		for n := abi.NumberHeight; n <= abi.NumberAt; n++ {
			_, fault := s.Number(n)
			c.must(fault)
		}
		c.take(priceEvent)
		c.event = c.rt.NewDynamicObject(&event{c: c, values: make(map[string]goja.Value, 4)})
	}
	return c.event
}

// priceEvent is the event and all of its short properties.
const priceEvent = 2048

func (e *event) Get(key string) goja.Value {
	if v, ok := e.values[key]; ok {
		return v
	}
	v := e.make(key)
	if v != nil {
		e.values[key] = v
	}
	return v
}

func (e *event) make(key string) goja.Value {
	c := e.c
	c.alive()
	in := &c.session.Call
	var v any
	switch key {
	case "address":
		v = string(in.Address)
	case "key":
		v = in.Key
	case "value":
		return c.value(in.Value)
	case "bytes":
		return c.realm.newBytes(append([]byte(nil), in.Value...))
	case "sender":
		v = in.Sender.String()
	case "senderName":
		v = in.Name
	case "roles":
		roles := make([]any, len(in.Roles))
		for i, role := range in.Roles {
			roles[i] = role
		}
		return c.rt.NewArray(roles...)
	case "txId":
		v = in.TxID.String()
	case "contract":
		v = in.Contract
	case "chain":
		v = in.Chain.String()
	case "height":
		v = int64(in.Height)
	case "time":
		v = int64(in.Time)
	case "at":
		v = int64(in.At)
	case "sequence":
		v = int64(in.Sequence)
	case "op":
		if v = "put"; in.Op == abi.Delete {
			v = "delete"
		}
	case "opIndex":
		v = int64(in.OpIndex)
	case "phase":
		v = in.Phase.String()
	default:
		return nil
	}
	made := c.rt.ToValue(v)
	if s, ok := made.(goja.String); ok {
		c.note(s)
	}
	return made
}

// Set refuses: the event is what it is.
func (e *event) Set(string, goja.Value) bool { return false }

func (e *event) Has(key string) bool {
	for _, k := range eventKeys {
		if k == key {
			return true
		}
	}
	return false
}

// Delete refuses what is there.
func (e *event) Delete(key string) bool { return !e.Has(key) }

func (e *event) Keys() []string { return eventKeys }
