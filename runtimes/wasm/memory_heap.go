package wasm

import (
	"bytes"
	"os"

	"github.com/tetratelabs/wazero/experimental"
)

// memory is where an instance keeps its linear memory, and how the image gets back into
// it. The engine asks it for room (experimental.LinearMemory); the rest is for image.go.
type memory interface {
	experimental.MemoryAllocator
	experimental.LinearMemory

	// adopt makes room for the image and fills it in, for Reallocate to answer with.
	adopt(*image) error

	// answer makes the next Reallocate give that size, whatever it is asked for: the
	// engine only knows growing.
	answer(size int)

	// restore puts the image back after a call, and zero where the memory grew; the size
	// is the engine's affair. false when the memory can not be used again.
	restore(*image) bool

	// failure is why memory was refused that the contract was entitled to, nil when that
	// did not happen.
	failure() error

	// resident is about how many bytes the memory takes now.
	resident() int
}

// osPage is the size of the operating system's pages, of which a page of WebAssembly has a
// whole number.
var osPage = os.Getpagesize()

// answerSize is what the next Reallocate shall answer, if it is set.
type answerSize struct {
	size int
	set  bool
}

// growRoom is how much grown memory an instance keeps for its next call.
const growRoom = 4 << 20

// heapMemory is memory from Go's heap, put back by copying. It serves where mapping is not
// to be had.
type heapMemory struct {
	buf   []byte // as long as the memory has been since the last restore, or longer
	size  int    // most bytes in use since the last restore
	force answerSize
}

func (h *heapMemory) Allocate(_, _ uint64) experimental.LinearMemory { return h }

func (h *heapMemory) Reallocate(size uint64) []byte {
	n := int(size)
	if h.force.set {
		n, h.force = h.force.size, answerSize{}
	}
	if n > len(h.buf) || h.buf == nil { // nil would be a refusal
		buf := make([]byte, n)
		copy(buf, h.buf)
		h.buf = buf
	}
	h.size = max(h.size, n)
	return h.buf[:n:n]
}

func (h *heapMemory) Free() { h.buf = nil }

func (h *heapMemory) adopt(img *image) error {
	if n := len(img.memory); len(h.buf) < n {
		h.buf = make([]byte, n)
	}
	h.size = max(h.size, len(img.memory))
	h.restore(img)
	return nil
}

func (h *heapMemory) answer(size int) {
	h.force = answerSize{size, true}
	if len(h.buf) > size+growRoom {
		h.buf = bytes.Clone(h.buf[:size])
	}
}

// copyWhole is the size up to which memory is simply copied back: comparing is cheaper
// than writing only for what is not in the cache anyhow.
const copyWhole = 256 << 10

func (h *heapMemory) restore(img *image) bool {
	n := len(img.memory)
	clear(h.buf[n:h.size])
	h.size = n
	if n <= copyWhole {
		copy(h.buf, img.memory)
		return true
	}
	for at := 0; at < n; at += osPage {
		if now, was := h.buf[at:at+osPage], img.memory[at:at+osPage]; !bytes.Equal(now, was) {
			copy(now, was)
		}
	}
	return true
}

func (h *heapMemory) failure() error { return nil }

func (h *heapMemory) resident() int { return len(h.buf) }

// restoreMode is how memory is put back between calls. All do the same; which is the best
// that works is found out. Tests force each.
type restoreMode int

const (
	restoreAuto restoreMode = iota
	restoreScan             // map the image; ask the kernel for the pages written, in one go
	restoreRead             // the same, a word for each page
	restoreDrop             // map the image; drop all pages written
	restoreCopy             // copy the image
)

// loan is an instance's memory while the engine makes the instance from its data segments:
// they go to borrowed memory that nobody looks at, because the image replaces them. A Go
// contract has megabytes of them.
type loan struct {
	memory
	lent []byte
}

func (l *loan) Allocate(_, _ uint64) experimental.LinearMemory { return l }

func (l *loan) Reallocate(size uint64) []byte {
	if lent := l.lent; lent != nil {
		l.lent = nil
		return lent[:size:size]
	}
	return l.memory.Reallocate(size)
}
