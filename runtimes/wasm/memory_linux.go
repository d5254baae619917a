package wasm

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/tetratelabs/wazero/experimental"
	"golang.org/x/sys/unix"
)

// mapped is memory as a range of addresses reserved at its full size, so that it never
// moves. Its beginning is the image's file, mapped private: the kernel gives the instance
// its own copy of a page when it first writes to it. After a call the pages that are the
// instance's own are found (pages.go) and the image is copied back into just these. They stay its
// own, so the next call writes to them without a page fault, which costs more than all
// the rest of a call.
type mapped struct {
	mode  restoreMode
	buf   []byte // reserved
	open  int    // bytes from the start that may be touched
	image int    // bytes mapped from the file
	size  int    // most bytes in use since the last restore
	force answerSize
	own   int   // pages that were the instance's own after the last restore
	waste int   // see restorePages
	err   error // why memory was refused
}

// newMemory returns the memory of a new instance that may have most bytes. Where addresses
// are short it is copied memory: slower, and the same otherwise.
func newMemory(mode restoreMode, most uint64) memory {
	if mode = mode.choose(); mode == restoreCopy {
		return &heapMemory{}
	}
	buf, err := unix.Mmap(-1, 0, int(most), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return &heapMemory{}
	}
	return &mapped{mode: mode, buf: buf}
}

// Allocate is the engine asking for its memory; it asks once.
func (l *mapped) Allocate(_, _ uint64) experimental.LinearMemory { return l }

// Reallocate sets the size; nil when there is no room.
func (l *mapped) Reallocate(size uint64) []byte {
	n := int(size)
	if l.force.set {
		n, l.force = l.force.size, answerSize{}
	}
	if err := l.touch(n); err != nil {
		l.err = fmt.Errorf("grow a contract's memory to %d bytes: %w", n, err)
		return nil
	}
	l.size = max(l.size, n)
	return l.buf[:n:n]
}

// touch allows the first n bytes to be used.
func (l *mapped) touch(n int) error {
	if n <= l.open {
		return nil
	} else if n > len(l.buf) {
		return unix.ENOMEM
	}
	if err := unix.Mprotect(l.buf[l.open:n], unix.PROT_READ|unix.PROT_WRITE); err != nil {
		return err
	}
	l.open = n
	return nil
}

// Free gives the addresses back.
func (l *mapped) Free() {
	if l.buf != nil {
		_ = unix.Munmap(l.buf) // what Mmap returned: can not fail
		l.buf = nil
	}
}

func (l *mapped) answer(size int) { l.force = answerSize{size, true} }

func (l *mapped) adopt(img *image) error {
	if l.image != 0 || len(img.memory) == 0 {
		return nil
	}
	if len(img.memory) > len(l.buf) {
		return fmt.Errorf("%d bytes of addresses for an image of %d", len(l.buf), len(img.memory))
	}
	_, err := unix.MmapPtr(img.file.fd, 0, unsafe.Pointer(unsafe.SliceData(l.buf)), uintptr(len(img.memory)),
		unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED)
	if err != nil {
		return err
	}
	l.image = len(img.memory)
	l.open = max(l.open, l.image)
	return nil
}

// Past this many own pages it is cheaper to give all back than to copy them.
const maxOwn = 1024

func (l *mapped) restore(img *image) bool {
	dirty := l.buf[:l.size]
	l.size = l.image
	if l.mode != restoreDrop && l.restorePages(img, dirty) {
		return true
	}
	l.own, l.waste = 0, 0
	return unix.Madvise(dirty, unix.MADV_DONTNEED) == nil
}

// restorePages copies the image back into the instance's own pages. false when they are
// better given back: there are too many, or those that calls no longer write to have by
// now cost about as much as the page faults that giving back costs.
func (l *mapped) restorePages(img *image, dirty []byte) bool {
	own, changed := 0, 0
	err := ownPages(l.mode, dirty, func(from, to int) bool {
		if own += (to - from) / osPage; own > maxOwn {
			return false
		}
		for at := from; at < to; at += osPage {
			now := dirty[at : at+osPage]
			if at >= l.image {
				clear(now)
				changed++
			} else if was := img.memory[at : at+osPage]; !bytes.Equal(now, was) {
				copy(now, was)
				changed++
			}
		}
		return true
	})
	l.own = own
	l.waste += own - changed
	return err == nil && own <= maxOwn && l.waste <= 64*(changed+1)
}

func (l *mapped) failure() error { return l.err }

func (l *mapped) resident() int { return l.own * osPage }

// imageFile is an image as an unnamed file in memory that can not be changed any more.
type imageFile struct {
	fd   int
	view []byte
}

func newImageFile(mem []byte) (*imageFile, error) {
	fd, err := unix.MemfdCreate("kalima-image", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, err
	}
	f := &imageFile{fd: fd}
	runtime.SetFinalizer(f, func(f *imageFile) { f.close() })
	if err := f.fill(mem); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

func (f *imageFile) fill(mem []byte) error {
	if err := unix.Ftruncate(f.fd, int64(len(mem))); err != nil {
		return fmt.Errorf("make a file of %d bytes: %w", len(mem), err)
	}
	for at := 0; at < len(mem); {
		n, err := unix.Pwrite(f.fd, mem[at:], int64(at))
		if err != nil || n == 0 {
			return fmt.Errorf("write %d bytes: %w", len(mem)-at, err)
		}
		at += n
	}
	// Where the kernel knows no seals there are none: nobody else has the file.
	_, _ = unix.FcntlInt(uintptr(f.fd), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW)
	view, err := unix.Mmap(f.fd, 0, len(mem), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return fmt.Errorf("map %d bytes: %w", len(mem), err)
	}
	f.view = view
	return nil
}

func (f *imageFile) close() error {
	if f == nil || f.fd < 0 {
		return nil
	}
	fd := f.fd
	f.fd = -1
	runtime.SetFinalizer(f, nil)
	if f.view != nil {
		_ = unix.Munmap(f.view) // what Mmap returned: can not fail
		f.view = nil
	}
	return unix.Close(fd)
}
