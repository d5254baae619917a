package worker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
)

// FuzzParent gives the parent any bytes as what a worker says during a call. It must end,
// and let through nothing that the contract may not do.
func FuzzParent(f *testing.F) {
	r := host.Result{Writes: []abi.Write{{Address: "/granted/x", Key: "k", Value: []byte("v")}}, Reply: []byte("r"), Log: []string{"l"}}
	for _, seed := range []frame{
		newFrame(kindResult).used(nil).result(&r),
		newFrame(kindGet).used(nil).str("/a").str("k"),
		newFrame(kindNext).used(nil).str("/a").str("k"),
		newFrame(kindMany).used(nil).keys([]host.Key{{Address: "/a", Key: "k"}}),
		newFrame(kindRange).used(nil).str("/a").str("").str("z").int(3),
		newFrame(kindQuery).used(nil).str("twin").str("k").bytes([]byte("arg")).num(10).writes(r.Writes),
		newFrame(kindHTTP).request(host.HTTPRequest{Method: "GET", URL: "https://granted.example/x"}),
		newFrame(kindClock),
		newFrame(kindTrace).hostCall(host.HostCall{Name: "get"}),
		newFrame(kindCharge).places([]abi.Place{{Function: "f"}}).num(3),
		newFrame(kindDeadline).str("late"),
		newFrame(kindError).str("ill"),
	} {
		for _, last := range []frame{nil, newFrame(kindResult).used(nil).result(&r)} {
			var b bytes.Buffer
			for _, one := range []frame{seed, last} {
				if one != nil {
					if err := one.send(&b); err != nil {
						f.Fatal(err)
					}
				}
			}
			f.Add(uint8(abi.React), b.Bytes())
		}
	}
	f.Fuzz(func(t *testing.T, phase uint8, said []byte) {
		g := grant
		g.HTTP, g.Clock = []string{"https://granted.example"}, true
		s := host.NewSession(hosttest.NewCall(abi.Phase(phase%4+1), "key", "value"), hosttest.State{"/a": {"k": "v", "l": "w"}}, g, host.Limits{Gas: 1000})
		s.Begin(free{})
		w := &watched{t: t}
		s.World, s.Contracts = w, w
		d := &dialogue{p: &process{conn: newConn(bytes.NewReader(said), io.Discard, false)}, s: s, probe: &host.Probe{HostCall: func(host.HostCall) {}}}
		r, err := d.call(context.Background(), &module{})
		if err != nil {
			var broken *brokenError
			if !errors.As(err, &broken) && said == nil {
				t.Errorf("call of a silent worker = %v, want it broken", err)
			}
			return
		}
		r = replay(s, r)
		for _, write := range r.Writes {
			if a := write.Address; a != abi.StateAddress("conf") && a != abi.EventsAddress("conf") && !grant.Write[0].Match(a) {
				t.Errorf("a worker could write to %s", a)
			}
		}
		for _, write := range r.Submits {
			if !grant.Submit[0].Match(write.Address) {
				t.Errorf("a worker could submit to %s", write.Address)
			}
		}
		if len(r.Writes) > 0 && (s.Call.Phase == abi.React || s.Call.Phase == abi.Query) {
			t.Errorf("a worker could write in %s", s.Call.Phase)
		}
	})
}

// watched is a world and contracts that see what a worker got through to.
type watched struct{ t *testing.T }

func (w *watched) HTTP(_ context.Context, r host.HTTPRequest) (host.HTTPResponse, error) {
	if want := "https://granted.example"; len(r.URL) < len(want) || r.URL[:len(want)] != want {
		w.t.Errorf("a worker could reach %s", r.URL)
	}
	return host.HTTPResponse{Status: 200}, nil
}

func (w *watched) Now() abi.Time { return 1 }

func (w *watched) Query(_ context.Context, s *host.Session) (host.Result, bool, error) {
	if s.Nested != 1 || s.Call.Phase != abi.Query || s.Limits.Gas > 1000 || len(s.Grant().Write)+len(s.Grant().Submit) > 0 {
		w.t.Errorf("a worker could ask with %+v, nested %d, gas %d, grant %+v", s.Call, s.Nested, s.Limits.Gas, s.Grant())
	}
	return host.Result{Reply: []byte("r")}, true, nil
}

// reader is an engine that asks for all there is.
type reader struct{}

func (reader) Name() string                                      { return "reader" }
func (reader) Schedule() string                                  { return "reader/1" }
func (reader) Close() error                                      { return nil }
func (reader) Phases() []abi.Phase                               { return abi.Phases() }
func (reader) Load(context.Context, []byte) (host.Module, error) { return reader{}, nil }
func (reader) Call(ctx context.Context, s *host.Session) (host.Result, error) {
	s.Begin(free{})
	_, _, f := s.Get("", "k")
	if f == nil {
		_, _, f = s.Next("", "")
	}
	if f == nil {
		_, f = s.GetMany([]abi.KeyRef{{Key: "a"}, {Key: "b"}})
	}
	if f == nil {
		_, f = s.Scan("", "", "", 5)
	}
	if f == nil {
		_, _, f, _ = s.Query(ctx, "twin", "k", nil)
	}
	return s.Finish(f, 1, 1), nil
}

// FuzzChild gives a worker any bytes as what the node says. It must end, with an error
// where they make no sense.
func FuzzChild(f *testing.F) {
	call := hosttest.NewCall(abi.Validate, "key", "value")
	var digest abi.Digest
	e := equipment{contracts: true, world: true, trace: true, charges: true, nested: 1}
	conversation := []frame{
		newFrame(kindLoad).raw(digest[:]).bytes([]byte("code")),
		newFrame(kindCall).raw(digest[:]).call(&call).grant(grant).limits(host.DefaultLimits).equipment(e).ahead(nil),
		newFrame(kindValue).bool(true).bytes([]byte("v")),
		newFrame(kindValue).bool(true).str("key"),
		newFrame(kindValues).values([]abi.Value{{Ok: true, Bytes: []byte("1")}, {}}),
		newFrame(kindEntries).entries([]abi.KeyValue{{Key: "a", Value: []byte("1")}}).bool(true),
		newFrame(kindReply).bool(true).result(&host.Result{Reply: []byte("r")}),
	}
	var b bytes.Buffer
	for _, one := range conversation {
		if err := one.send(&b); err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.Clone(b.Bytes()))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		s := newServer(reader{}, bytes.NewReader(said), io.Discard)
		gone := errors.New("gone")
		s.die = func(error) { panic(gone) }
		defer func() {
			if p := recover(); p != nil && p != gone {
				panic(p)
			}
		}()
		if err := s.serve(); err == nil && len(said) > 0 && len(said) < 5 {
			t.Errorf("serve(%q) = nil, want an error", said)
		}
	})
}

// TestConversation holds FuzzChild's seed to be a whole call, so that the fuzzer starts from
// something that works, and a value that came with the call not to be asked for.
func TestConversation(t *testing.T) {
	call := hosttest.NewCall(abi.Query, "key", "value")
	own := host.Key{Address: abi.StateAddress(call.Contract), Key: "k"}
	for _, tt := range []struct {
		name  string
		ahead []sent
		want  string
		used  []int // with the first frame after the read
	}{
		{"nothing ahead", nil, "lgnmsqr", nil},
		{"ahead", []sent{{key: host.Key{Address: "/other", Key: "k"}}, {own, abi.Value{Bytes: []byte("v"), Ok: true}}}, "lnmsqr", []int{1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var digest abi.Digest
			frames := []frame{
				newFrame(kindLoad).raw(digest[:]).bytes([]byte("code")),
				newFrame(kindCall).raw(digest[:]).call(&call).grant(grant).limits(host.DefaultLimits).equipment(equipment{contracts: true}).ahead(tt.ahead),
				newFrame(kindValue).bool(true).bytes([]byte("v")),
				newFrame(kindValue).bool(true).str("key"),
				newFrame(kindValues).values([]abi.Value{{Ok: true, Bytes: []byte("1")}, {}}),
				newFrame(kindEntries).entries([]abi.KeyValue{{Key: "a", Value: []byte("1")}}).bool(true),
				newFrame(kindReply).bool(true).result(&host.Result{Reply: []byte("r")}),
			}
			if tt.ahead != nil {
				frames = append(frames[:2], frames[3:]...)
			}
			var in, out bytes.Buffer
			for _, one := range frames {
				if err := one.send(&in); err != nil {
					t.Fatal(err)
				}
			}
			s := newServer(reader{}, &in, &out)
			s.die = func(err error) { t.Fatal(err) }
			if err := s.serve(); err != nil {
				t.Fatal(err)
			}
			var kinds []byte
			for {
				kind, b, err := receive(&out, nil)
				if err == io.EOF {
					break
				} else if err != nil {
					t.Fatal(err)
				}
				kinds = append(kinds, kind)
				f := &fields{b: b}
				switch kind {
				case kindNext:
					if used := f.used(); !slices.Equal(used, tt.used) {
						t.Errorf("used %v, want %v", used, tt.used)
					}
				case kindResult:
					f.used()
					if r := f.result(); f.done() != nil || r.Fault != nil || r.Used.Reads == 0 {
						t.Errorf("result = %+v, %v, want an accept", r, f.err)
					}
				}
			}
			if string(kinds) != tt.want {
				t.Errorf("the worker said %q, want %q", kinds, tt.want)
			}
		})
	}
}
