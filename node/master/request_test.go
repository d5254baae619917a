package master

import (
	"bytes"
	"context"
	"testing"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/node/rpc"
)

var methods = []string{
	rpc.MethodSubmit, rpc.MethodGet, rpc.MethodList, rpc.MethodHistory, rpc.MethodBlock, rpc.MethodTx,
	rpc.MethodHead, rpc.MethodStatus, rpc.MethodPutBlob, rpc.MethodGetBlob, "no-such-method",
}

// A page of history is bounded in bytes, and the next page goes on where it ended.
func TestHistoryPages(t *testing.T) {
	a := newAlone(t)
	value := bytes.Repeat([]byte("v"), abi.MaxValue/2)
	const n = 2*pageBytes/(abi.MaxValue/2) + 5
	var blocks []*chain.Block
	for range n {
		blocks = append(blocks, a.block(chain.Put("/a", "k", value)))
	}
	a.apply(blocks...)
	m, _ := a.machine.Policy().Member(testID("device"))
	next := abi.Sequence(n)
	pages := 0
	for q := (rpc.HistoryQ{Address: "/a", Key: "k"}); ; pages++ {
		out, err := a.server.history(m, &q)
		if err != nil {
			t.Fatal(err)
		}
		page := out.(rpc.HistoryA)
		if size := len(rpc.Encode(page)); size > 2*pageBytes {
			t.Fatalf("a page has %d bytes", size)
		}
		for _, e := range page.Events {
			if e.Sequence != next {
				t.Fatalf("sequence %d, want %d", e.Sequence, next)
			}
			next--
		}
		if !page.More {
			break
		}
		q.Before = next + 1
	}
	if next != 0 || pages == 0 {
		t.Errorf("history ended before sequence %d, after %d full pages", next, pages)
	}
}

// FuzzRequest sends what no client sends. The answer is an error or not; the master lives.
func FuzzRequest(f *testing.F) {
	huge := ^uint64(0)
	for i, q := range []any{
		&rpc.Submit{Envelope: []byte("x"), Forward: true}, &rpc.GetQ{Address: "/a", Key: "k"},
		&rpc.ListQ{Pattern: "/**", Limit: -1}, &rpc.HistoryQ{Address: "/a", Key: "k", Before: abi.Sequence(huge), Limit: -1 << 62},
		&rpc.BlockQ{Height: abi.Height(huge), Count: 1 << 62}, &rpc.TxQ{}, nil, nil, []byte("blob"), make([]byte, 32), nil,
	} {
		f.Add(byte(i), rpc.Encode(q))
	}
	f.Add(byte(2), rpc.Encode(&rpc.ListQ{Address: "/a", After: "\x00\xff"}))
	f.Add(byte(4), rpc.Encode(&rpc.BlockQ{Count: -1}))
	f.Add(byte(1), bytes.Repeat([]byte{0x81}, 1<<16))                                                // arrays in arrays
	f.Add(byte(0), append([]byte{0xa1, 0x01, 0x5b}, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)) // a string of 2^63 bytes
	a := newAlone(f)
	a.apply(a.block(chain.Put("/a", "k", []byte("1"))))
	f.Fuzz(func(t *testing.T, method byte, body []byte) {
		for _, name := range []string{"device", "reader", "master", "nobody"} {
			b, err := a.server.Request(t.Context(), testID(name), methods[int(method)%len(methods)], bytes.Clone(body))
			if err == nil && name == "nobody" {
				t.Errorf("an unknown identity got %x", b)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()      // a resume token may ask to wait for a block
		done := false // after the first frame the subscriber is gone
		a.server.Subscribe(ctx, testID("device"), rpc.MethodWatch, bytes.Clone(body), func([]byte) error {
			if done {
				t.Error("sent on after send failed")
			}
			done = true
			return bytes.ErrTooLarge
		})
	})
}
