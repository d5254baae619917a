package wasm

import (
	"bytes"
	"encoding/binary"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/meter"
)

// WASI preview 1 is what toolchains link in, not what contracts use. Each function here is
// as deterministic as the rest of a call: no files, no arguments, the block's clock.

const wasiModule = "wasi_snapshot_preview1"

// Error numbers of WASI.
const (
	wasiBadFile = 8
	wasiFault   = 21
	wasiInvalid = 28
	wasiNoSys   = 52
)

var wasiFuncs = map[string]hostFunc{
	"args_get":          wasi("ii", wasiNothing),
	"args_sizes_get":    wasi("ii", wasiNoStrings),
	"environ_get":       wasi("ii", wasiNothing),
	"environ_sizes_get": wasi("ii", wasiNoStrings),
	"clock_res_get":     wasi("ii", func(i *instance, s []uint64) uint64 { return i.putU64(s[1], 1000) }),
	"clock_time_get":    wasi("iIi", wasiClock),
	"random_get":        wasi("ii", wasiRandom),
	"fd_write":          wasi("iiii", wasiWrite),
	"sched_yield":       wasi("", wasiNothing),
	"proc_exit":         {typ: meter.Func{Params: "i"}, fn: wasiExit},

	"fd_advise":             wasi("iIIi", wasiNoFile),
	"fd_allocate":           wasi("iII", wasiNoFile),
	"fd_close":              wasi("i", wasiNoFile),
	"fd_datasync":           wasi("i", wasiNoFile),
	"fd_fdstat_get":         wasi("ii", wasiNoFile),
	"fd_fdstat_set_flags":   wasi("ii", wasiNoFile),
	"fd_fdstat_set_rights":  wasi("iII", wasiNoFile),
	"fd_filestat_get":       wasi("ii", wasiNoFile),
	"fd_filestat_set_size":  wasi("iI", wasiNoFile),
	"fd_filestat_set_times": wasi("iIIi", wasiNoFile),
	"fd_pread":              wasi("iiiIi", wasiNoFile),
	"fd_prestat_get":        wasi("ii", wasiNoFile),
	"fd_prestat_dir_name":   wasi("iii", wasiNoFile),
	"fd_pwrite":             wasi("iiiIi", wasiNoFile),
	"fd_read":               wasi("iiii", wasiNoFile),
	"fd_readdir":            wasi("iiiIi", wasiNoFile),
	"fd_renumber":           wasi("ii", wasiNoFile),
	"fd_seek":               wasi("iIii", wasiNoFile),
	"fd_sync":               wasi("i", wasiNoFile),
	"fd_tell":               wasi("ii", wasiNoFile),

	"path_create_directory":   wasi("iii", wasiNotHere),
	"path_filestat_get":       wasi("iiiii", wasiNotHere),
	"path_filestat_set_times": wasi("iiiiIIi", wasiNotHere),
	"path_link":               wasi("iiiiiii", wasiNotHere),
	"path_open":               wasi("iiiiiIIii", wasiNotHere),
	"path_readlink":           wasi("iiiiii", wasiNotHere),
	"path_remove_directory":   wasi("iii", wasiNotHere),
	"path_rename":             wasi("iiiiii", wasiNotHere),
	"path_symlink":            wasi("iiiii", wasiNotHere),
	"path_unlink_file":        wasi("iii", wasiNotHere),
	"poll_oneoff":             wasi("iiii", wasiPoll),
	"proc_raise":              wasi("i", wasiNotHere),
	"sock_accept":             wasi("iii", wasiNotHere),
	"sock_recv":               wasi("iiiiii", wasiNotHere),
	"sock_send":               wasi("iiiii", wasiNotHere),
	"sock_shutdown":           wasi("ii", wasiNotHere),
}

// wasi makes a host function that answers an error number and costs a host call.
func wasi(params string, fn func(*instance, []uint64) uint64) hostFunc {
	return hostFunc{typ: meter.Func{Params: params, Results: "i"}, fn: func(i *instance, s []uint64) {
		i.must(i.Charge(host.PriceCall))
		s[0] = fn(i, s)
	}}
}

func wasiNothing(*instance, []uint64) uint64 { return 0 }
func wasiNoFile(*instance, []uint64) uint64  { return wasiBadFile }
func wasiNotHere(*instance, []uint64) uint64 { return wasiNoSys }

// wasiNoStrings answers that there are no arguments or variables.
func wasiNoStrings(i *instance, s []uint64) uint64 {
	if !i.mem.WriteUint32Le(uint32(s[0]), 0) || !i.mem.WriteUint32Le(uint32(s[1]), 0) {
		return wasiFault
	}
	return 0
}

func (i *instance) putU64(ptr, v uint64) uint64 {
	if !i.mem.WriteUint64Le(uint32(ptr), v) {
		return wasiFault
	}
	return 0
}

// wasiClock answers with the block's time in nanoseconds. While a contract is initialised
// there is no block; the answer is then 1, because Go refuses to start at 0.
func wasiClock(i *instance, s []uint64) uint64 {
	return i.putU64(s[2], max(1, uint64(i.session.Call.Time)*1000))
}

// wasiPoll answers every subscription at once with a clock event: waiting takes no time.
// Go waits so before it dies of a panic, and calls a refusal a second panic.
func wasiPoll(i *instance, s []uint64) uint64 {
	const event = 32 // bytes; all zero is a clock event without an error
	n := uint64(uint32(s[2]))
	i.must(i.Charge(host.PriceByte * n * event))
	out, ok := i.mem.Read(uint32(s[1]), uint32(min(n*event, 1<<32-1)))
	if !ok || n == 0 {
		return wasiInvalid
	}
	clear(out)
	if !i.mem.WriteUint32Le(uint32(s[3]), uint32(n)) {
		return wasiFault
	}
	return 0
}

func wasiRandom(i *instance, s []uint64) uint64 {
	dst, ok := i.mem.Read(uint32(s[0]), uint32(s[1]))
	if !ok {
		return wasiFault
	}
	for len(dst) > 0 {
		b, f := i.session.Random(min(len(dst), 1<<16))
		i.must(f)
		dst = dst[copy(dst, b):]
	}
	return 0
}

// wasiWrite makes log lines of what is written to standard output and error.
func wasiWrite(i *instance, s []uint64) uint64 {
	// Only the lower half of a slot is the i32; the engine leaves the upper one as it was.
	if fd := uint32(s[0]); fd != 1 && fd != 2 {
		return wasiBadFile
	}
	if uint32(s[2]) > 1024 {
		return wasiInvalid
	}
	vecs, ok := i.mem.Read(uint32(s[1]), uint32(s[2])*8)
	if !ok {
		return wasiFault
	}
	total := uint64(0)
	for n := 0; n < len(vecs); n += 8 {
		b, ok := i.mem.Read(binary.LittleEndian.Uint32(vecs[n:]), binary.LittleEndian.Uint32(vecs[n+4:]))
		if !ok {
			return wasiFault
		}
		i.must(i.Charge(host.PriceCall + host.PriceByte*uint64(len(b))))
		total += uint64(len(b))
		i.print(b)
	}
	if !i.mem.WriteUint32Le(uint32(s[3]), uint32(total)) {
		return wasiFault
	}
	return 0
}

// print adds output and logs the lines that are complete.
func (i *instance) print(b []byte) {
	for len(b) > 0 {
		line, rest, full := bytes.Cut(b, []byte("\n"))
		if room := i.session.Limits.Log + 1 - len(i.text); room > 0 {
			i.text = append(i.text, line[:min(len(line), room)]...)
		}
		if full {
			i.flush(false)
		}
		b = rest
	}
}

// flush logs the text collected. At the end of a call it costs nothing more, so that an
// unfinished line is no way to change an outcome that stands.
func (i *instance) flush(unfinished bool) {
	if unfinished && len(i.text) == 0 {
		return
	}
	line := string(i.text)
	i.text = i.text[:0]
	if i.Context == nil {
		i.session.Begin(free{})
		_ = i.session.Log(line) // can not fail: nothing is charged
		return
	}
	i.must(i.session.Log(line))
}

// free charges nothing.
type free struct{}

func (free) Charge(uint64) *abi.Fault { return nil }
func (free) Left() uint64             { return 1 << 62 }

// wasiExit ends the call: exit(0) accepts, anything else is how languages die.
func wasiExit(i *instance, s []uint64) {
	i.must(i.Charge(host.PriceCall))
	if code := uint32(s[0]); code != 0 {
		i.end(abi.Faultf(abi.Trap, "exit with status %d", code))
	}
	i.exited = true
	panic(errStop)
}
