package starlark

import (
	"fmt"
	"strings"

	"go.starlark.net/starlark"
)

// guarded reports whether an attribute is read through guardAttr: event, which belongs to
// the call, and methods that allocate or loop by size.
func guarded(name string) bool { return name == "event" || methods[name] != nil }

// cost charges for a method before it runs. What is wrong with the arguments the method
// itself will say.
type cost func(c *call, recv starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) error

var methods map[string]cost

func init() { // not in the declaration, which would refer to itself
	methods = map[string]cost{
		// str and bytes
		"join": joinCost, "replace": replaceCost, "format": formatCost,
		"split": splitCost, "rsplit": splitCost, "splitlines": splitCost,
		"upper": copyCost, "lower": copyCost, "title": copyCost, "capitalize": copyCost,
		"count": searchCost, "find": searchCost, "rfind": searchCost, "rindex": searchCost,
		"partition": searchCost, "rpartition": searchCost,
		"isalnum": searchCost, "isalpha": searchCost, "isdigit": searchCost, "islower": searchCost,
		"isspace": searchCost, "istitle": searchCost, "isupper": searchCost,
		"strip": stripCost, "lstrip": stripCost, "rstrip": stripCost,
		"startswith": prefixCost, "endswith": prefixCost, "removeprefix": prefixCost, "removesuffix": prefixCost,
		// list
		"append": appendCost, "extend": extendCost, "insert": moveCost, "index": indexCost, "remove": removeCost, "pop": popCost,
		// dict and set
		"get": keyCost, "setdefault": newKeyCost, "add": newKeyCost, "discard": keyCost, "popitem": popCost,
		"items": listCost, "keys": listCost, "values": listCost,
		"update": updateCost, "union": updateCost, "difference": updateCost, "intersection": updateCost,
		"symmetric_difference": updateCost, "issubset": updateCost, "issuperset": updateCost,
	}
}

// attr is x.name, where name is guarded, and getattr(x, name).
func attr(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	name, ok := starlark.AsString(args[1])
	if !ok {
		return nil, fmt.Errorf("an attribute's name is a string, not %s", args[1].Type())
	}
	x := args[0]
	if x == kalima && name == "event" {
		return of(t).eventValue()
	}
	v, err := attribute(x, name)
	if err != nil {
		return nil, err
	}
	m, isMethod := v.(*starlark.Builtin)
	if !isMethod || methods[name] == nil || m.Receiver() == nil {
		return v, nil
	}
	return starlark.NewBuiltin(name, func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		return invoke(t, x, name, args, kwargs)
	}), nil
}

func attribute(x starlark.Value, name string) (starlark.Value, error) {
	if h, ok := x.(starlark.HasAttrs); ok {
		if v, err := h.Attr(name); v != nil || err != nil {
			return v, err
		}
	}
	return nil, fmt.Errorf("%s has no .%s field or method", x.Type(), name)
}

// method is x.name(...), where name is in methods.
func method(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	return invoke(t, args[0], string(args[1].(starlark.String)), args[2:], kwargs)
}

// invoke charges for a method and calls it.
func invoke(t *starlark.Thread, x starlark.Value, name string, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
	if list, ok := x.(*starlark.List); ok && name == "append" && len(args) == 1 && len(kwargs) == 0 {
		if err := of(t).take(elementSize); err != nil {
			return nil, err
		}
		if err := list.Append(args[0]); err != nil {
			return nil, fmt.Errorf("append: %v", err)
		}
		return starlark.None, nil
	}
	v, err := attribute(x, name)
	if err != nil {
		return nil, err
	}
	m, isMethod := v.(*starlark.Builtin)
	if isMethod && m.Receiver() != nil {
		if err := methods[name](of(t), x, args, kwargs); err != nil {
			return nil, err
		}
		return m.CallInternal(t, args, kwargs)
	}
	return starlark.Call(t, v, args, kwargs)
}

func joinCost(c *call, recv starlark.Value, args starlark.Tuple, _ []starlark.Tuple) error {
	if len(args) != 1 {
		return nil
	}
	parts, ok := args[0].(starlark.Sequence)
	if !ok {
		return fmt.Errorf("join: got %s, want a list or a tuple", args[0].Type())
	}
	n := product(parts.Len(), size(recv))
	if err := c.takeString(n); err != nil {
		return err
	}
	for p := range starlark.Elements(parts) {
		if err := c.pay(compareGas); err != nil {
			return err
		}
		if n = sum(n, size(p)); n > maxString {
			return c.takeString(n)
		}
		if err := c.takeString(size(p)); err != nil {
			return err
		}
	}
	return nil
}

func replaceCost(c *call, recv starlark.Value, args starlark.Tuple, _ []starlark.Tuple) error {
	if len(args) < 2 {
		return nil
	}
	s, _ := starlark.AsString(recv)
	old, _ := starlark.AsString(args[0])
	to, _ := starlark.AsString(args[1])
	if err := c.pay(len(s) / searchPerGas); err != nil {
		return err
	}
	return c.takeString(sum(len(s), product(strings.Count(s, old), len(to))))
}

func formatCost(c *call, recv starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) error {
	s, _ := starlark.AsString(recv)
	largest := 0
	weigh := func(v starlark.Value) error {
		n, err := c.weigh(v, 0)
		largest = max(largest, n)
		return err
	}
	for _, a := range args {
		if err := weigh(a); err != nil {
			return err
		}
	}
	for _, kv := range kwargs {
		if err := weigh(kv[1]); err != nil {
			return err
		}
	}
	// A field may be named again and again, each time among all names.
	fields := strings.Count(s, "{")
	if err := c.pay(product(fields, len(kwargs))); err != nil {
		return err
	}
	return c.takeString(sum(len(s), product(fields, largest)))
}

func splitCost(c *call, recv starlark.Value, args starlark.Tuple, _ []starlark.Tuple) error {
	n := size(recv)
	if len(args) > 1 { // room for as many parts as were asked for
		if most, ok := args[1].(starlark.Int); ok {
			n = sum(n, min(times(most), 1<<30))
		}
	}
	return c.take(product(n, 1+2*elementSize))
}

func copyCost(c *call, recv starlark.Value, _ starlark.Tuple, _ []starlark.Tuple) error {
	return c.take(product(size(recv), 3)) // a letter may grow
}

func searchCost(c *call, recv starlark.Value, args starlark.Tuple, _ []starlark.Tuple) error {
	n := size(recv)
	for _, a := range args {
		n += size(a)
	}
	return c.pay(n / searchPerGas)
}

func stripCost(c *call, recv starlark.Value, args starlark.Tuple, _ []starlark.Tuple) error {
	n := 8
	for _, a := range args {
		n = sum(n, size(a)) // each character is looked up among these
	}
	return c.pay(product(size(recv), n) / 8)
}

func prefixCost(c *call, _ starlark.Value, args starlark.Tuple, _ []starlark.Tuple) error {
	n := 0
	for _, a := range args {
		list, ok := a.(starlark.Tuple)
		if !ok {
			list = starlark.Tuple{a}
		}
		for _, s := range list {
			n += compareGas + size(s)/bytesPerGas
		}
	}
	return c.pay(n)
}

func appendCost(c *call, _ starlark.Value, _ starlark.Tuple, _ []starlark.Tuple) error {
	return c.take(elementSize)
}

func extendCost(c *call, _ starlark.Value, args starlark.Tuple, _ []starlark.Tuple) error {
	for _, a := range args {
		n, err := c.span(a)
		if err == nil {
			err = c.take(product(n, elementSize))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// moveCost is that of moving a list's elements by one.
func moveCost(c *call, recv starlark.Value, _ starlark.Tuple, _ []starlark.Tuple) error {
	return c.take(elementSize + starlark.Len(recv)/4)
}

func indexCost(c *call, recv starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) error {
	list, ok := recv.(*starlark.List)
	if !ok || len(args) == 0 {
		return searchCost(c, recv, args, kwargs)
	}
	_, err := c.find(list, args[0], 0, list.Len())
	return err
}

func removeCost(c *call, recv starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) error {
	if _, ok := recv.(*starlark.List); !ok {
		return keyCost(c, recv, args, kwargs)
	}
	if err := c.pay(starlark.Len(recv) / 4); err != nil {
		return err
	}
	return indexCost(c, recv, args, kwargs)
}

func popCost(c *call, recv starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) error {
	switch {
	case len(args) > 0 && recv.Type() == "list":
		return c.pay(starlark.Len(recv) / 4)
	case recv.Type() == "list":
		return nil
	case len(args) > 0:
		return keyCost(c, recv, args, kwargs)
	}
	return c.hashing(starlark.None, starlark.Len(recv)) // the oldest key is looked up once more
}

func keyCost(c *call, recv starlark.Value, args starlark.Tuple, _ []starlark.Tuple) error {
	if len(args) == 0 {
		return nil
	}
	return c.hashing(args[0], starlark.Len(recv))
}

func newKeyCost(c *call, recv starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) error {
	if err := keyCost(c, recv, args, kwargs); err != nil || len(args) == 0 {
		return err
	}
	found, known := false, false
	switch x := recv.(type) {
	case *starlark.Dict:
		_, found, _ = x.Get(args[0])
		known = true
	case *starlark.Set:
		if err := keyCost(c, recv, args, kwargs); err != nil { // add looks twice
			return err
		}
		found, _ = x.Has(args[0])
		known = true
	}
	if found || !known {
		return nil
	}
	return c.take(entrySize)
}

// listCost is that of a list of a dict's items, or of its keys or values.
func listCost(c *call, recv starlark.Value, _ starlark.Tuple, _ []starlark.Tuple) error {
	return c.take(product(max(starlark.Len(recv), 0), 5*elementSize))
}

// updateCost is that of dict.update and of the methods that take a set and other keys.
func updateCost(c *call, recv starlark.Value, args starlark.Tuple, kwargs []starlark.Tuple) error {
	n := starlark.Len(recv)
	if n < 0 {
		return nil
	}
	for _, a := range args {
		m, err := c.span(a)
		if err != nil {
			return err
		}
		n += m
	}
	n += len(kwargs)
	if err := c.take(sum(emptyDict, product(n, entrySize))); err != nil {
		return err
	}
	if err := c.hashingAll(recv.(starlark.Iterable), n); err != nil {
		return err
	}
	_, isDict := recv.(*starlark.Dict)
	for _, a := range args {
		_, isMapping := a.(starlark.IterableMapping)
		list, ok := a.(starlark.Iterable)
		if !ok {
			continue
		}
		for e := range starlark.Elements(list) {
			if pair, ok := e.(starlark.Indexable); ok && isDict && !isMapping && pair.Len() > 0 {
				e = pair.Index(0)
			}
			if err := c.pay(compareGas); err != nil {
				return err
			}
			if err := c.hashing(e, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// span is the number of elements of v. Where only going through them tells, it charges.
func (c *call) span(v starlark.Value) (int, error) {
	switch v := v.(type) {
	case starlark.Sequence:
		return v.Len(), nil
	case starlark.String:
		return len(v), nil
	case starlark.Bytes:
		return len(v), nil
	}
	n := 0
	if list, ok := v.(starlark.Iterable); ok {
		for range starlark.Elements(list) {
			if err := c.pay(StepGas); err != nil {
				return 0, err
			}
			n++
		}
	}
	return n, nil
}
