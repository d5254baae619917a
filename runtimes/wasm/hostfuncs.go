package wasm

import (
	"context"

	"github.com/tetratelabs/wazero/api"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/meter"
)

// hostFunc is a function contracts import.
type hostFunc struct {
	typ meter.Func
	fn  func(i *instance, stack []uint64) // parameters in, result out
	raw api.GoModuleFunc                  // instead of fn
}

// call makes what the engine calls. The name is what people know the function by.
func (f hostFunc) call(name string) api.GoModuleFunc {
	if f.raw != nil {
		return f.raw
	}
	return func(ctx context.Context, _ api.Module, stack []uint64) {
		i := caller(ctx)
		if i.tracer == nil {
			f.fn(i, stack)
			return
		}
		i.tracer.host = name
		f.fn(i, stack)
		i.tracer.host = ""
	}
}

// hostModules are the modules contracts can import from, and the meter's own.
var hostModules = map[string]map[string]hostFunc{
	abi.Module: {
		abi.FnField:         {typ: meter.Func{Params: "iii", Results: "i"}, fn: fnField},
		abi.FnNumber:        {typ: meter.Func{Params: "i", Results: "I"}, fn: fnNumber},
		abi.FnGet:           {typ: meter.Func{Params: "iiiiii", Results: "i"}, fn: fnGet},
		abi.FnPut:           {typ: meter.Func{Params: "iiiiii"}, fn: fnPut},
		abi.FnDelete:        {typ: meter.Func{Params: "iiii"}, fn: fnDelete},
		abi.FnNext:          {typ: meter.Func{Params: "iiiiii", Results: "i"}, fn: fnNext},
		abi.FnSubmit:        {typ: meter.Func{Params: "iiiiii"}, fn: fnSubmit},
		abi.FnLog:           {typ: meter.Func{Params: "ii"}, fn: fnLog},
		abi.FnReject:        {typ: meter.Func{Params: "iii"}, fn: fnReject},
		abi.FnSHA256:        {typ: meter.Func{Params: "iii"}, fn: fnSHA256},
		abi.FnEd25519Verify: {typ: meter.Func{Params: "iiii", Results: "i"}, fn: fnEd25519Verify},
		abi.FnRandom:        {typ: meter.Func{Params: "ii"}, fn: fnRandom},
		abi.FnGetMany:       {typ: meter.Func{Params: "ii", Results: "i"}, fn: fnGetMany},
		abi.FnScan:          {typ: meter.Func{Params: "iiiiiii", Results: "i"}, fn: fnScan},
		abi.FnQuery:         {typ: meter.Func{Params: "iiiiii", Results: "i"}, fn: fnQuery},
		abi.FnReply:         {typ: meter.Func{Params: "ii"}, fn: fnReply},
		abi.FnResult:        {typ: meter.Func{Params: "ii", Results: "i"}, fn: fnResult},
		abi.FnEmit:          {typ: meter.Func{Params: "iiii"}, fn: fnEmit},
		abi.FnHTTP:          {typ: meter.Func{Params: "iiiiii", Results: "i"}, fn: fnHTTP},
		abi.FnClock:         {typ: meter.Func{Results: "I"}, fn: fnClock},
	},
	meter.ImportModule: {
		meter.ImportRefill: {typ: meter.Func{Params: "I", Results: "I"}, raw: refill},
		meter.ImportGrow:   {typ: meter.Func{Params: "i", Results: "i"}, raw: grow},
		meter.ImportAt:     {typ: meter.Func{Params: "i"}, raw: traceAt},
		meter.ImportBulk:   {typ: meter.Func{Params: "I"}, raw: traceBulk},
	},
	wasiModule: wasiFuncs,
}

// bytes returns the contract's memory at a pointer: a view, valid until the contract runs.
func (i *instance) bytes(ptr, n uint64) []byte {
	b, ok := i.mem.Read(uint32(ptr), uint32(n))
	if !ok {
		i.end(abi.Faultf(abi.BadHostCall, "pointer %d with length %d lies outside the memory", uint32(ptr), uint32(n)))
	}
	return b
}

// name reads a string for addresses and keys, which have a small bound: longer ones are cut to a
// length that is still refused, so that no call copies megabytes unpaid.
func (i *instance) name(ptr, n uint64) string {
	return i.cut(ptr, n, max(abi.MaxAddress, abi.MaxKey))
}

// cut reads a string that may have most bytes, and cuts a longer one likewise.
func (i *instance) cut(ptr, n uint64, most int) string {
	b := i.bytes(ptr, n)
	return string(b[:min(len(b), most+1)])
}

// give hands bytes to the contract: all of them when they fit, and their length.
func (i *instance) give(b []byte, buf, n uint64) uint64 {
	dst := i.bytes(buf, n)
	if len(b) <= len(dst) {
		copy(dst, b)
	}
	return uint64(uint32(len(b)))
}

// absent is the answer for "there is none".
const absent = uint64(1<<32 - 1)

// keep keeps an answer that the contract fetches with result.
func (i *instance) keep(b []byte) uint64 { return uint64(uint32(i.session.Keep(b))) }

// must ends the call when a session method said so.
func (i *instance) must(f *abi.Fault) {
	if f != nil {
		i.end(f)
	}
}

func fnField(i *instance, s []uint64) {
	b, f := i.session.Field(abi.Field(int32(s[0])))
	i.must(f)
	s[0] = i.give(b, s[1], s[2])
}

func fnNumber(i *instance, s []uint64) {
	v, f := i.session.Number(abi.Number(int32(s[0])))
	i.must(f)
	s[0] = uint64(v)
}

func fnGet(i *instance, s []uint64) {
	v, ok, f := i.session.Get(i.name(s[0], s[1]), i.name(s[2], s[3]))
	i.must(f)
	if !ok {
		i.bytes(s[4], s[5])
		s[0] = absent
		return
	}
	s[0] = i.give(v, s[4], s[5])
}

func fnPut(i *instance, s []uint64) {
	i.must(i.session.Put(i.name(s[0], s[1]), i.name(s[2], s[3]), i.bytes(s[4], s[5])))
}

func fnDelete(i *instance, s []uint64) {
	i.must(i.session.Delete(i.name(s[0], s[1]), i.name(s[2], s[3])))
}

func fnNext(i *instance, s []uint64) {
	key, ok, f := i.session.Next(i.name(s[0], s[1]), i.name(s[2], s[3]))
	i.must(f)
	if !ok {
		i.bytes(s[4], s[5])
		s[0] = absent
		return
	}
	s[0] = i.give([]byte(key), s[4], s[5])
}

func fnSubmit(i *instance, s []uint64) {
	i.must(i.session.Submit(i.name(s[0], s[1]), i.name(s[2], s[3]), i.bytes(s[4], s[5])))
}

func fnLog(i *instance, s []uint64) {
	i.flush(true) // lines keep their order
	i.must(i.session.Log(i.line(s[0], s[1])))
}

func fnReject(i *instance, s []uint64) {
	// Charge for the whole text, keep what a message may hold.
	b := i.bytes(s[1], s[2])
	if cut := 4 * abi.MaxMessage; len(b) > cut {
		i.must(i.Charge(uint64(len(b) - cut)))
		b = b[:cut]
	}
	i.end(i.session.Reject(int32(s[0]), string(b)))
}

// line copies a log line, at most what the session can keep; the rest is paid for only.
func (i *instance) line(ptr, n uint64) string {
	b := i.bytes(ptr, n)
	if most := i.session.Limits.Log + 1; len(b) > most {
		i.must(i.Charge(uint64(len(b) - most)))
		b = b[:most]
	}
	return string(b)
}

func fnSHA256(i *instance, s []uint64) {
	out := i.bytes(s[2], 32)
	d, f := i.session.SHA256(i.bytes(s[0], s[1]))
	i.must(f)
	copy(out, d[:])
}

func fnEd25519Verify(i *instance, s []uint64) {
	ok, f := i.session.Ed25519Verify(i.bytes(s[0], 32), i.bytes(s[1], s[2]), i.bytes(s[3], 64))
	i.must(f)
	s[0] = 0
	if ok {
		s[0] = 1
	}
}

func fnRandom(i *instance, s []uint64) {
	dst := i.bytes(s[0], s[1])
	b, f := i.session.Random(len(dst))
	i.must(f)
	copy(dst, b)
}

func fnGetMany(i *instance, s []uint64) {
	keys, err := abi.ParseKeyRefs(i.bytes(s[0], s[1]))
	if err != nil {
		i.end(abi.Faultf(abi.BadHostCall, "get_many: %v", err))
	}
	values, f := i.session.GetMany(keys)
	i.must(f)
	size := 0
	for _, v := range values {
		size += 4 + len(v.Bytes)
	}
	answer := make([]byte, 0, size)
	for _, v := range values {
		answer = abi.AppendValue(answer, v)
	}
	s[0] = i.keep(answer)
}

func fnScan(i *instance, s []uint64) {
	entries, f := i.session.Scan(i.name(s[0], s[1]), i.name(s[2], s[3]), i.name(s[4], s[5]), int(int32(s[6])))
	i.must(f)
	size := 0
	for _, e := range entries {
		size += 5 + len(e.Key) + len(e.Value)
	}
	answer := make([]byte, 0, size)
	for _, e := range entries {
		answer = abi.AppendKeyValue(answer, e)
	}
	s[0] = i.keep(answer)
}

func fnQuery(i *instance, s []uint64) {
	answer, ok, f, err := i.session.Query(i.Context, i.name(s[0], s[1]), i.name(s[2], s[3]), i.bytes(s[4], s[5]))
	if err != nil {
		i.abort(err)
	}
	i.must(f)
	if !ok {
		i.keep(nil)
		s[0] = absent
		return
	}
	s[0] = i.keep(answer)
}

func fnReply(i *instance, s []uint64) { i.must(i.session.Reply(i.bytes(s[0], s[1]))) }

func fnResult(i *instance, s []uint64) {
	dst := i.bytes(s[0], s[1])
	b, f := i.session.Result(len(dst))
	i.must(f)
	s[0] = i.give(b, s[0], s[1])
}

func fnEmit(i *instance, s []uint64) { i.must(i.session.Emit(i.name(s[0], s[1]), i.bytes(s[2], s[3]))) }

func fnHTTP(i *instance, s []uint64) {
	const longestMethod = 20
	r := host.HTTPRequest{Method: i.cut(s[0], s[1], longestMethod), URL: i.cut(s[2], s[3], host.MaxURL), Body: i.bytes(s[4], s[5])}
	answer, ok, f, err := i.session.HTTP(i.Context, r)
	if err != nil {
		i.abort(err)
	}
	i.must(f)
	if !ok {
		i.keep(nil)
		s[0] = absent
		return
	}
	i.keep(answer.Body)
	s[0] = uint64(uint32(answer.Status))
}

func fnClock(i *instance, s []uint64) {
	now, f := i.session.Clock()
	i.must(f)
	s[0] = uint64(now)
}
