package wasm

import (
	"encoding/binary"
	"errors"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A page of a private mapping of a file belongs to the file until somebody writes to it; then
// the writer has a copy, which is anonymous memory. The kernel tells which pages are anonymous
// in /proc/self/pagemap: by an ioctl (Linux 6.7), or one word for each page.

// pagemap is the descriptor of this process's page map, negative when it can not be had. It is
// never closed.
var pagemap = sync.OnceValue(func() int {
	fd, err := unix.Open("/proc/self/pagemap", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return fd
})

// choose replaces restoreAuto by the best that works here.
var bestRestore = sync.OnceValue(func() restoreMode {
	for _, mode := range []restoreMode{restoreScan, restoreRead} {
		if tryOwnPages(mode) {
			return mode
		}
	}
	return restoreDrop
})

func (m restoreMode) choose() restoreMode {
	if m == restoreAuto {
		return bestRestore()
	}
	return m
}

// ownPages calls own for each range of pages, as offsets into mem, that are anonymous, in
// order and until it returns false. It may name pages that nobody wrote to. mem begins at
// a page and is a whole number of them.
func ownPages(mode restoreMode, mem []byte, own func(from, to int) bool) error {
	fd := pagemap()
	switch {
	case fd < 0:
		return errors.New("there is no page map")
	case len(mem) == 0:
		return nil
	case mode == restoreScan:
		return scanPages(fd, mem, own)
	default:
		return readPages(fd, mem, own)
	}
}

// pageRegion and scanArg are struct page_region and struct pm_scan_arg of linux/fs.h.
type pageRegion struct{ start, end, _ uint64 } // the last: categories

type scanArg struct {
	size, flags         uint64
	start, end, walkEnd uint64
	vec, vecLen         uint64
	maxPages            uint64
	inverted, mask      uint64
	anyOf, returned     uint64
}

const (
	pagemapScan = 0xc0606610 // _IOWR('f', 16, struct pm_scan_arg)

	pageIsFile    = 1 << 2
	pageIsPresent = 1 << 3
	pageIsSwapped = 1 << 4
)

// scans keeps what a scan needs, so that none is allocated.
var scans = sync.Pool{New: func() any { return new(scan) }}

type scan struct {
	arg     scanArg
	regions [64]pageRegion
}

func scanPages(fd int, mem []byte, own func(from, to int) bool) error {
	s := scans.Get().(*scan)
	defer scans.Put(s)
	base := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(mem))))
	end := base + uint64(len(mem))
	for start := base; start < end; start = s.arg.walkEnd {
		s.arg = scanArg{
			size: uint64(unsafe.Sizeof(s.arg)), start: start, end: end,
			vec: uint64(uintptr(unsafe.Pointer(&s.regions))), vecLen: uint64(len(s.regions)),
			// Anonymous and there, be it in memory or swapped out.
			inverted: pageIsFile, mask: pageIsFile, anyOf: pageIsPresent | pageIsSwapped,
		}
		n, errno := s.do(fd, len(mem))
		switch {
		case errno == unix.EINTR || errno == unix.EAGAIN:
			s.arg.walkEnd = start
			continue
		case errno != 0:
			return errno
		case s.arg.walkEnd <= start:
			return errors.New("the scan of the page map stands still")
		}
		for _, r := range s.regions[:n] {
			if !own(int(r.start-base), int(r.end-base)) {
				return nil
			}
		}
	}
	return nil
}

// do asks the kernel. It takes 0.3 to 1 us, so the scheduler is told of it for large
// memories only.
func (s *scan) do(fd, size int) (uintptr, unix.Errno) {
	call := unix.RawSyscall
	if size > 16<<20 {
		call = unix.Syscall
	}
	n, _, errno := call(unix.SYS_IOCTL, uintptr(fd), pagemapScan, uintptr(unsafe.Pointer(&s.arg)))
	return n, errno
}

// Bits of a word of the page map.
const (
	bitFile    = 1 << 61 // of a file, or shared
	bitSwapped = 1 << 62
	bitPresent = 1 << 63
)

func readPages(fd int, mem []byte, own func(from, to int) bool) error {
	const words = 512
	var b [8 * words]byte
	first := int64(uintptr(unsafe.Pointer(unsafe.SliceData(mem)))) / int64(osPage) * 8
	pages := len(mem) / osPage
	for at := 0; at < pages; {
		n, err := unix.Pread(fd, b[:8*min(words, pages-at)], first+8*int64(at))
		if err != nil {
			return err
		} else if n < 8 {
			return errors.New("the page map ends early")
		}
		for w := range n / 8 {
			bits := binary.NativeEndian.Uint64(b[8*w:])
			if bits&bitFile == 0 && bits&(bitPresent|bitSwapped) != 0 {
				if !own((at+w)*osPage, (at+w+1)*osPage) {
					return nil
				}
			}
		}
		at += n / 8
	}
	return nil
}

// tryOwnPages finds out whether the kernel answers, and truly.
func tryOwnPages(mode restoreMode) bool {
	img, err := newImageFile(make([]byte, 16*osPage))
	if err != nil {
		return false
	}
	defer img.close()
	mem, err := unix.Mmap(img.fd, 0, 16*osPage, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	if err != nil {
		return false
	}
	defer unix.Munmap(mem)
	sum := mem[0] + mem[5*osPage] // read, so they are there, and are the file's
	want := map[int]bool{1: true, 2: true, 9: true}
	for p := range want {
		mem[p*osPage] = 1 + sum
	}
	found := 0
	err = ownPages(mode, mem, func(from, to int) bool {
		for ; from < to; from += osPage {
			if want[from/osPage] {
				found++
			} else {
				found = -len(mem)
			}
		}
		return true
	})
	return err == nil && found == len(want)
}
