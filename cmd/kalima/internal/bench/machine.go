// Package bench measures a chain under load, and the machine it runs on.
package bench

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Machine is what the machine itself can do: the other figures rest on these.
type Machine struct {
	FsyncUS         float64 `json:"fsync_us"`          // median of writing 16 KiB at a file's end and syncing it
	Ed25519VerifyUS float64 `json:"ed25519_verify_us"` // of a 200-byte message, one core
	Cores           int     `json:"cores"`
	Load1           float64 `json:"load1"` // before the measurement; -1 when not known
	Go              string  `json:"go"`
	Platform        string  `json:"platform"`
}

// MeasureMachine measures in a folder of the disk that matters.
func MeasureMachine(dir string) (Machine, error) {
	m := Machine{Cores: runtime.NumCPU(), Load1: load1(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	var err error
	if m.FsyncUS, err = fsync(dir, 64); err != nil {
		return m, err
	}
	m.Ed25519VerifyUS, err = verify(200 * time.Millisecond)
	return m, err
}

func load1() float64 {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return -1
	}
	first, _, _ := strings.Cut(string(b), " ")
	var l float64
	if _, err := fmt.Sscan(first, &l); err != nil {
		return -1
	}
	return l
}

func fsync(dir string, times int) (us float64, err error) {
	f, err := os.CreateTemp(dir, "fsync-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 16<<10)
	all := make([]time.Duration, times)
	for i := range all {
		start := time.Now()
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		all[i] = time.Since(start)
	}
	slices.Sort(all)
	return float64(all[times/2].Nanoseconds()) / 1000, nil
}

func verify(d time.Duration) (us float64, err error) {
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return 0, err
	}
	msg := make([]byte, 200)
	sig := ed25519.Sign(key, msg)
	n := 0
	start := time.Now()
	for time.Since(start) < d {
		if !ed25519.Verify(pub, msg, sig) {
			return 0, fmt.Errorf("ed25519: a good signature does not verify")
		}
		n++
	}
	return float64(time.Since(start).Nanoseconds()) / 1000 / float64(n), nil
}
