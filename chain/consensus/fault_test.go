package consensus

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// faulty is a log whose writes a test lets fail or hang.
type faulty struct {
	logs
	mu   sync.Mutex
	err  error
	hang chan struct{}
}

func (f *faulty) StoreLogs(l []*raft.Log) error {
	f.mu.Lock()
	err, hang := f.err, f.hang
	f.mu.Unlock()
	if hang != nil {
		<-hang
	}
	if err != nil {
		return err
	}
	return f.logs.StoreLogs(l)
}

// A disk that fails or hangs ends the leader, and the others go on without it.
func TestDiskFails(t *testing.T) {
	hang := make(chan struct{})
	tests := []struct {
		name string
		hurt func(*faulty)
		heal func(*faulty)
	}{
		{"error", func(f *faulty) { f.err = errors.New("input/output error") }, func(f *faulty) { f.err = nil }},
		{"hang", func(f *faulty) { f.hang = hang }, func(f *faulty) { close(hang) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			faults := make([]*faulty, 3)
			c := newCluster(t, 3, func(i int, cfg *Config) {
				cfg.StoreTimeout = 500 * time.Millisecond
				cfg.wrap = func(l logs) logs { faults[i] = &faulty{logs: l}; return faults[i] }
			})
			c.put("before")
			l := c.leader()
			f := faults[l]
			f.mu.Lock()
			tt.hurt(f)
			f.mu.Unlock()
			p := c.nodes[l].Propose([]byte("doubtful"))
			select {
			case i := <-c.fatal:
				c.mu.Lock()
				err := c.fatals[i]
				c.mu.Unlock()
				if i != l || !errors.Is(err, ErrDisk) {
					t.Errorf("Fatal at %d: %v, want %v at %d", i, err, ErrDisk, l)
				}
			case <-time.After(patience):
				t.Fatal("Fatal was not called")
			}
			f.mu.Lock()
			tt.heal(f)
			f.mu.Unlock()
			if _, err := p.Wait(); err == nil {
				t.Error("the proposal was acknowledged by the leader whose disk failed")
			}
			if err := c.nodes[l].store.StoreLog(&raft.Log{Index: 1 << 40}); !errors.Is(err, ErrDisk) {
				t.Errorf("StoreLog after a failure: %v, want %v", err, ErrDisk)
			}
			c.kill(l) // what Fatal is for
			c.put("after")
			c.start(l)
			c.agree()
		})
	}
}

// Flipped bits in the log or the vote are found, at the latest when they are read.
func TestBitFlips(t *testing.T) {
	for _, plain := range []bool{false, true} {
		t.Run(fmt.Sprintf("plain=%v", plain), func(t *testing.T) {
			c := newCluster(t, 1, func(_ int, cfg *Config) {
				if cfg.Plain = plain; plain {
					cfg.Key = nil
				}
			})
			for i := range 30 {
				c.put(fmt.Sprintf("%d %s", i, strings.Repeat("x", 2000)))
			}
			want := strings.Join(c.tapes[0].values(), "\n")
			c.kill(0)
			logs, err := filepath.Glob(filepath.Join(c.dirs[0], "*.wal"))
			if err != nil || len(logs) != 1 {
				t.Fatalf("log files %v, %v, want one", logs, err)
			}
			whole, err := os.ReadFile(logs[0])
			if err != nil {
				t.Fatal(err)
			}
			used := len(strings.TrimRight(string(whole), "\x00"))
			last := 0 // end of the batch before the last: what comes after it may be a torn write
			for at := 0; at < used; {
				end, ok := wholeBatches(append(append([]byte(nil), whole[:used-at-1]...), make([]byte, 64)...))
				if ok || end < used-8 {
					last = end
					break
				}
				at++
			}
			if last < used/2 {
				t.Fatalf("batches end at %d of %d", last, used)
			}
			for at := 9; at < last; at += last/60 + 1 {
				b := append([]byte(nil), whole...)
				b[at] ^= 4
				if err := c.hurt(logs[0], b, want); err == nil {
					t.Errorf("bit flipped at %d of %d: all is well, want %v", at, used, ErrCorrupt)
				} else if !errors.Is(err, ErrCorrupt) {
					t.Errorf("bit flipped at %d of %d: %v, want %v", at, used, err, ErrCorrupt)
				}
			}
			name := filepath.Join(c.dirs[0], voteName)
			vote, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for at := range vote {
				b := append([]byte(nil), vote...)
				b[at] ^= 1
				if err := c.hurt(name, b, want); !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrWrongKey) {
					t.Errorf("bit flipped in the vote at %d: %v, want %v", at, err, ErrCorrupt)
				}
			}
			if err := c.hurt(logs[0], whole, want); err != nil {
				t.Errorf("undamaged: %v", err)
			}
		})
	}
}

// hurt replaces a file of the only server in a copy of its directory, opens that, and
// returns the first complaint: from Open, from Fatal, or about what was played back.
func (c *cluster) hurt(name string, content []byte, want string) error {
	c.t.Helper()
	dir := c.t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(c.dirs[0])); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), content, 0o600); err != nil {
		c.t.Fatal(err)
	}
	p, err := c.network.listen(c.servers[0].Address)
	if err != nil {
		c.t.Fatal(err)
	}
	cfg := c.config(0)
	machine := newTape()
	fatal := make(chan error, 1)
	cfg.Dir, cfg.Layer, cfg.Machine, cfg.Fatal = dir, p, machine, func(err error) { fatal <- err }
	n, err := Open(cfg)
	if err != nil {
		return err
	}
	defer n.Close()
	deadline := time.After(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-fatal:
			return err
		case <-tick.C:
			if strings.Join(machine.values(), "\n") == want {
				return nil
			}
		case <-deadline:
			return fmt.Errorf("silent loss: %d entries were played back", len(machine.values()))
		}
	}
}
