package starlark

import (
	"go.starlark.net/starlark"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// A value is given out as str or as bytes.
func asText(b []byte) starlark.Value  { return starlark.String(b) }
func asBytes(b []byte) starlark.Value { return starlark.Bytes(b) }

type form = func([]byte) starlark.Value

// optional is an argument that may be left out or None.
func (a *arguments) optional(i int, what string) string {
	if i >= len(a.args) || a.args[i] == starlark.None {
		return ""
	}
	return a.str(i, what)
}

// keys reads a list of pairs of address and key.
func (a *arguments) keys(i int) (refs []abi.KeyRef) {
	list, ok := a.at(i, "list of (address, key)").(starlark.Iterable)
	if !ok {
		a.bad("the keys are not a list of (address, key)")
		return nil
	}
	for e := range starlark.Elements(list) {
		if len(refs) > abi.MaxKeys { // one more, so that the session refuses
			return refs
		}
		pair, ok := e.(starlark.Indexable)
		if !ok || pair.Len() != 2 {
			a.bad("key %d is not (address, key)", len(refs))
			return nil
		}
		address, ok1 := pair.Index(0).(starlark.String)
		key, ok2 := pair.Index(1).(starlark.String)
		if !ok1 || !ok2 {
			a.bad("key %d is not (address, key)", len(refs))
			return nil
		}
		refs = append(refs, abi.KeyRef{Address: string(address), Key: string(key)})
	}
	return refs
}

func getMany(as form) hostFunction {
	return func(s *host.Session, a *arguments) (starlark.Value, *abi.Fault) {
		refs := a.keys(0)
		if a.err != nil {
			return nil, nil
		}
		values, f := s.GetMany(refs)
		if f != nil {
			return nil, f
		}
		list := make([]starlark.Value, len(values))
		for i, v := range values {
			if list[i] = starlark.None; v.Ok {
				list[i] = as(v.Bytes)
			}
		}
		return starlark.NewList(list), a.took(len(list) * elementSize)
	}
}

func scan(as form) hostFunction {
	return func(s *host.Session, a *arguments) (starlark.Value, *abi.Fault) {
		address, after, before := a.str(0, "address"), a.optional(1, "after"), a.optional(2, "before")
		limit := int32(abi.MaxScan)
		if len(a.args) > 3 {
			limit = a.number(3, "limit")
		}
		if a.err != nil {
			return nil, nil
		}
		entries, f := s.Scan(address, after, before, int(limit))
		if f != nil {
			return nil, f
		}
		list := make([]starlark.Value, len(entries))
		for i, e := range entries {
			list[i] = starlark.Tuple{starlark.String(e.Key), as(e.Value)}
		}
		return starlark.NewList(list), a.took(len(list) * 5 * elementSize)
	}
}

// took charges for the memory of an answer.
func (a *arguments) took(n int) *abi.Fault {
	if a.c.take(n) != nil {
		return a.c.fault
	}
	return nil
}

func query(as form) hostFunction {
	return func(s *host.Session, a *arguments) (starlark.Value, *abi.Fault) {
		name, key := a.str(0, "name"), a.str(1, "key")
		var arg []byte
		if len(a.args) > 2 && a.args[2] != starlark.None {
			arg = a.data(2, "argument")
		}
		if a.err != nil {
			return nil, nil
		}
		answer, ok, f, err := s.Query(a.c.ctx, name, key, arg)
		switch {
		case err != nil:
			a.err = a.c.abort(err)
			return nil, nil
		case f != nil || !ok:
			return starlark.None, f
		}
		return as(answer), nil
	}
}

func reply(s *host.Session, a *arguments) (starlark.Value, *abi.Fault) {
	b := a.data(0, "answer")
	if a.err != nil {
		return nil, nil
	}
	return starlark.None, s.Reply(b)
}

func emit(s *host.Session, a *arguments) (starlark.Value, *abi.Fault) {
	topic, data := a.str(0, "topic"), a.data(1, "data")
	if a.err != nil {
		return nil, nil
	}
	return starlark.None, s.Emit(topic, data)
}

// httpRequest answers with a record of status, body (str) and bytes, or None.
func httpRequest(s *host.Session, a *arguments) (starlark.Value, *abi.Fault) {
	r := host.HTTPRequest{Method: a.str(0, "method"), URL: a.str(1, "url")}
	if len(a.args) > 2 && a.args[2] != starlark.None {
		r.Body = a.data(2, "body")
	}
	if a.err != nil {
		return nil, nil
	}
	answer, ok, f, err := s.HTTP(a.c.ctx, r)
	switch {
	case err != nil:
		a.err = a.c.abort(err)
		return nil, nil
	case f != nil || !ok:
		return starlark.None, f
	}
	return &record{"answer", starlark.StringDict{
		"status": starlark.MakeInt(answer.Status), "body": starlark.String(answer.Body), "bytes": starlark.Bytes(answer.Body),
	}}, nil
}

func clock(s *host.Session, _ *arguments) (starlark.Value, *abi.Fault) {
	now, f := s.Clock()
	return starlark.MakeInt64(int64(now)), f
}
