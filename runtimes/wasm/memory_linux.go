package wasm

import (
	"fmt"
	"runtime"
	"syscall"
	"unsafe"

	"github.com/tetratelabs/wazero/experimental"
	"golang.org/x/sys/unix"
)

// linear is the memory of an instance: one range of addresses, reserved at its full
// size, of which the image's part is mapped from the image's file, private to the
// instance. Pages the contract writes are copied by the kernel, and dropping them shows
// the file again.
type linear struct {
	buf   []byte // reserved
	size  int    // in use
	image int    // bytes mapped from the file
}

// newLinear reserves the memory for a module that begins with that many pages and may
// have most bytes. It is nil for a small one, which is better left to the engine.
func newLinear(pages uint32, most uint64) (*linear, error) {
	if int(pages)*pageSize <= copyWhole {
		return nil, nil
	}
	buf, err := syscall.Mmap(-1, 0, int(most), syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("reserve %d bytes of addresses: %w", most, err)
	}
	return &linear{buf: buf}, nil
}

// Allocate is wazero's MemoryAllocator; the engine asks once.
func (l *linear) Allocate(_, _ uint64) experimental.LinearMemory { return l }

// Reallocate sets the size; the memory never moves.
func (l *linear) Reallocate(size uint64) []byte {
	if size > uint64(len(l.buf)) {
		return nil
	}
	l.size = int(size)
	return l.buf[:size:size]
}

// Free gives the addresses back.
func (l *linear) Free() {
	if l.buf != nil {
		_ = syscall.Munmap(l.buf) // what Mmap returned: can not fail
		l.buf = nil
	}
}

// show maps the image over the beginning of the memory.
func (l *linear) show(f *imageFile) error {
	_, err := unix.MmapPtr(f.fd, 0, unsafe.Pointer(unsafe.SliceData(l.buf)), uintptr(f.size),
		unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED)
	if err == nil {
		l.image = f.size
	}
	return err
}

// reset drops the pages written since show.
func (l *linear) reset() bool {
	return unix.Madvise(l.buf[:l.image], unix.MADV_DONTNEED) == nil
}

// imageFile is an image as an unnamed file in memory.
type imageFile struct {
	fd   int
	size int
}

func newImageFile(mem []byte) (*imageFile, error) {
	fd, err := unix.MemfdCreate("kalima-image", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	f := &imageFile{fd: fd, size: len(mem)}
	runtime.SetFinalizer(f, func(f *imageFile) { f.close() })
	for at := 0; at < len(mem); {
		n, err := unix.Pwrite(fd, mem[at:], int64(at))
		if err != nil || n == 0 {
			f.close()
			return nil, fmt.Errorf("write %d bytes: %w", len(mem)-at, err)
		}
		at += n
	}
	return f, nil
}

func (f *imageFile) close() error {
	if f.fd < 0 {
		return nil
	}
	fd := f.fd
	f.fd = -1
	runtime.SetFinalizer(f, nil)
	return unix.Close(fd)
}
