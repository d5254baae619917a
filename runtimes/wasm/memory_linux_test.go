package wasm

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMapped soils mapped memory directly, at random, and lets the kernel move pages about
// as it may at any time: swap out, join into huge ones, drop from the cache. After
// each restore every byte is the image's, and zero beyond it.
func TestMapped(t *testing.T) {
	const room = 6 << 20 // more than an instance keeps
	zero := make([]byte, room)
	if best := restoreAuto.choose(); best != restoreScan && best != restoreRead {
		t.Logf("this kernel tells nothing about pages: calls drop what they wrote")
	}
	for name, mode := range map[string]restoreMode{"scan": restoreScan, "read": restoreRead, "drop": restoreDrop} {
		for _, pages := range []int{1, 3, 70} {
			t.Run(name, func(t *testing.T) {
				if mode != restoreDrop && !tryOwnPages(mode) {
					t.Skip("this kernel does not have it")
				}
				r := rand.New(rand.NewPCG(uint64(pages), 9))
				mem := make([]byte, pages*pageSize)
				for n := range mem {
					if n/osPage%3 != 0 { // some pages are zero
						mem[n] = byte(r.Uint32())
					}
				}
				file, err := newImageFile(mem)
				if err != nil {
					t.Fatal(err)
				}
				defer file.close()
				img := &image{memory: file.view, file: file}
				l, ok := newMemory(mode, room).(*mapped)
				if !ok {
					t.Fatal("there is no room to map memory")
				}
				defer l.Free()
				if err := l.adopt(img); err != nil {
					t.Fatal(err)
				}
				dropped := 0
				for call := range 120 {
					buf := l.Reallocate(uint64(len(mem)))
					soil(r, buf, call)
					if call%3 == 0 {
						grown := len(mem) + pageSize*(1+r.IntN((room-len(mem))/pageSize))
						buf = l.Reallocate(uint64(grown))
						if call%2 == 0 {
							_ = unix.Madvise(buf[len(mem):], unix.MADV_HUGEPAGE) // where there are none it fails
						}
						soil(r, buf[len(mem):], call)
					}
					_ = unix.Madvise(buf, []int{unix.MADV_PAGEOUT, unix.MADV_COLD, unix.MADV_COLLAPSE, unix.MADV_WILLNEED}[call%4])
					if call%5 == 0 {
						_ = buf[r.IntN(len(buf))]
					}
					if !l.restore(img) {
						t.Fatalf("call %d: restore gives up", call)
					}
					if l.own == 0 {
						dropped++
					}
					all := l.buf[:l.open]
					if !bytes.Equal(all[:len(mem)], mem) {
						t.Fatalf("call %d: memory is not the image", call)
					}
					if !bytes.Equal(all[len(mem):], zero[:len(all)-len(mem)]) {
						t.Fatalf("call %d: something is left beyond the end", call)
					}
				}
				if mode != restoreDrop && (dropped == 0 || dropped > 100) {
					t.Errorf("pages were given back after %d of 120 calls, want some: both ways are to be tested", dropped)
				}
				if !bytes.Equal(file.view, mem) {
					t.Error("the image itself has changed")
				}
			})
		}
	}
}

// soil writes little in most calls and much in some.
func soil(r *rand.Rand, buf []byte, call int) {
	times := r.IntN(6)
	if call%20 == 7 {
		times = len(buf) / osPage
	}
	for range times {
		at := r.IntN(len(buf))
		for n := at; n < min(at+1+r.IntN(5000), len(buf)); n++ {
			buf[n]++
		}
	}
}
