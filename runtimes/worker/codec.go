package worker

import (
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// What follows comes in pairs: a frame's method writes what the fields' method of the same
// name reads. A test fills every field of each type, so that none is forgotten.

func (f *fields) digest() (d abi.Digest) {
	copy(d[:], f.raw(32))
	return d
}

func (f frame) strs(list []string) frame {
	f = f.int(len(list))
	for _, s := range list {
		f = f.str(s)
	}
	return f
}

func (f *fields) strs() (list []string) {
	for range f.list() {
		list = append(list, f.str())
	}
	return list
}

func (f frame) pieces(list []Piece) frame {
	f = f.int(len(list))
	for _, p := range list {
		f = f.str(p.Name).str(clipDetail(p.Missing))
	}
	return f
}

func (f *fields) pieces() (list []Piece) {
	for range f.list() {
		list = append(list, Piece{Name: f.str(), Missing: f.str()})
	}
	return list
}

func (f frame) call(c *abi.Call) frame {
	f = f.num(uint64(c.Phase)).str(c.Contract).raw(c.Chain[:]).num(uint64(c.Op)).num(uint64(c.OpIndex))
	f = f.str(string(c.Address)).str(c.Key).bytes(c.Value).num(uint64(c.Sequence)).num(uint64(c.Height)).num(uint64(c.Time)).num(uint64(c.At))
	return f.raw(c.Sender[:]).str(c.Name).raw(c.TxID[:]).strs(c.Roles)
}

func (f *fields) call() (c abi.Call) {
	c.Phase, c.Contract, c.Chain = abi.Phase(f.num()), f.str(), f.digest()
	c.Op, c.OpIndex = abi.OpKind(f.num()), uint32(f.num())
	c.Address, c.Key, c.Value = abi.Address(f.str()), f.str(), f.bytes()
	c.Sequence, c.Height, c.Time, c.At = abi.Sequence(f.num()), abi.Height(f.num()), abi.Time(f.num()), abi.Time(f.num())
	copy(c.Sender[:], f.raw(32))
	c.Name, c.TxID, c.Roles = f.str(), f.digest(), f.strs()
	return c
}

func (f frame) patterns(list []abi.Pattern) frame {
	f = f.int(len(list))
	for _, p := range list {
		f = f.str(string(p))
	}
	return f
}

func (f *fields) patterns() (list []abi.Pattern) {
	for range f.list() {
		list = append(list, abi.Pattern(f.str()))
	}
	return list
}

func (f frame) grant(g host.Grant) frame {
	return f.patterns(g.Write).patterns(g.Submit).strs(g.HTTP).bool(g.Clock)
}

func (f *fields) grant() host.Grant {
	return host.Grant{Write: f.patterns(), Submit: f.patterns(), HTTP: f.strs(), Clock: f.bool()}
}

func (f frame) limits(l host.Limits) frame {
	return f.num(l.Gas).num(l.Memory).int(l.Depth).int(l.Writes).int(l.Bytes).int(l.Log).int(int(l.Deadline))
}

func (f *fields) limits() host.Limits {
	return host.Limits{Gas: f.num(), Memory: f.num(), Depth: f.int(), Writes: f.int(), Bytes: f.int(), Log: f.int(),
		Deadline: time.Duration(f.int())}
}

func (f frame) fault(fault *abi.Fault) frame {
	if fault == nil {
		return f.num(uint64(abi.OK))
	}
	return f.num(uint64(fault.Code)).num(uint64(uint32(fault.Reason))).str(fault.Message).str(clipDetail(fault.Detail))
}

func (f *fields) fault() *abi.Fault {
	code := f.num()
	if code == uint64(abi.OK) {
		return nil
	}
	if uint64(abi.Code(code)) != code {
		f.fail("fault of no such code")
	}
	return &abi.Fault{Code: abi.Code(code), Reason: int32(uint32(f.num())), Message: abi.Clip(f.str()), Detail: clipDetail(f.str())}
}

func (f frame) writes(list []abi.Write) frame {
	f = f.int(len(list))
	for _, w := range list {
		f = f.str(string(w.Address)).str(w.Key).bytes(w.Value)
	}
	return f
}

func (f *fields) writes() (list []abi.Write) {
	for range f.list() {
		list = append(list, abi.Write{Address: abi.Address(f.str()), Key: f.str(), Value: f.bytes()})
	}
	return list
}

const maxPlaces = 256 // of one stack; a deeper one is cut

func (f frame) places(list []abi.Place) frame {
	list = list[:min(len(list), maxPlaces)]
	f = f.int(len(list))
	for _, p := range list {
		f = f.str(clipDetail(p.Function)).str(clipDetail(p.File)).int(max(p.Line, 0))
	}
	return f
}

func (f *fields) places() (list []abi.Place) {
	for range f.list() {
		list = append(list, abi.Place{Function: f.str(), File: f.str(), Line: f.int()})
	}
	return list
}

func (f frame) result(r *host.Result) frame {
	f = f.fault(r.Fault).num(r.Used.Gas).num(r.Used.Memory).int(r.Used.Depth).int(r.Used.Reads).int(r.Used.Writes).int(r.Used.Bytes)
	f = f.writes(r.Writes).writes(r.Submits).bool(r.Reply != nil).bytes(r.Reply)
	return f.strs(r.Log).places(r.Where)
}

func (f *fields) result() (r host.Result) {
	r.Fault = f.fault()
	r.Used = host.Usage{Gas: f.num(), Memory: f.num(), Depth: f.int(), Reads: f.int(), Writes: f.int(), Bytes: f.int()}
	r.Writes, r.Submits = f.writes(), f.writes()
	if some, b := f.bool(), f.bytes(); some {
		r.Reply = append([]byte{}, b...)
	}
	r.Log, r.Where = f.strs(), f.places()
	return r
}

func (f frame) keys(list []host.Key) frame {
	f = f.int(len(list))
	for _, k := range list {
		f = f.str(string(k.Address)).str(k.Key)
	}
	return f
}

func (f *fields) keys() (list []host.Key) {
	for range f.list() {
		list = append(list, host.Key{Address: abi.Address(f.str()), Key: f.str()})
	}
	return list
}

func (f frame) values(list []abi.Value) frame {
	f = f.int(len(list))
	for _, v := range list {
		f = f.bool(v.Ok).bytes(v.Bytes)
	}
	return f
}

func (f *fields) values() (list []abi.Value) {
	for range f.list() {
		list = append(list, abi.Value{Ok: f.bool(), Bytes: f.bytes()})
	}
	return list
}

func (f frame) entries(list []abi.KeyValue) frame {
	f = f.int(len(list))
	for _, e := range list {
		f = f.str(e.Key).bytes(e.Value)
	}
	return f
}

func (f *fields) entries() (list []abi.KeyValue) {
	for range f.list() {
		list = append(list, abi.KeyValue{Key: f.str(), Value: f.bytes()})
	}
	return list
}

func (f frame) request(r host.HTTPRequest) frame { return f.str(r.Method).str(r.URL).bytes(r.Body) }

func (f *fields) request() host.HTTPRequest {
	return host.HTTPRequest{Method: f.str(), URL: f.str(), Body: f.bytes()}
}

func (f frame) response(r host.HTTPResponse) frame { return f.int(r.Status).bytes(r.Body) }

func (f *fields) response() host.HTTPResponse {
	return host.HTTPResponse{Status: f.int(), Body: f.bytes()}
}

func (f frame) hostCall(c host.HostCall) frame {
	return f.int(c.Number).str(c.Name).strs(c.Args).str(c.Result).num(c.Gas).fault(c.Fault)
}

func (f *fields) hostCall() host.HostCall {
	return host.HostCall{Number: f.int(), Name: f.str(), Args: f.strs(), Result: f.str(), Gas: f.num(), Fault: f.fault()}
}
