package ledger

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/ledger/bodies"
)

// Config says where the ledger lives.
type Config struct {
	Dir   string // made when absent
	Key   []byte // 32 bytes: everything on disk is encrypted under data keys that it protects
	Plain bool   // store without encryption; must be set when Key is empty

	KeyRotation time.Duration // age at which a new data key is made; 0 means 240 hours
	Memory      int64         // bytes of one memory table, at least 8 MiB; 0 means 32 MiB. Up to 4 exist at once
	Cache       int64         // bytes of block cache, and of index cache; 0 means 16 MiB each
	Recent      int           // blocks below the head that CheckHead decodes and compares; 0 means 1000
	MinFree     int64         // bytes of free disk below which Append refuses; 0 means 256 MiB

	Log *slog.Logger // nil discards
}

const minMemory = 8 << 20 // bytes; one block with all its records must fit one commit, 15 % of this

func (c *Config) complete() error {
	switch {
	case c.Dir == "":
		return errors.New("ledger: no directory given")
	case c.Plain && len(c.Key) != 0:
		return errors.New("ledger: a storage key is given, but plain storage is asked for")
	case !c.Plain && len(c.Key) == 0:
		return errors.New("ledger: no storage key given, and plain storage is not asked for")
	case !c.Plain && len(c.Key) != 32:
		return fmt.Errorf("ledger: storage key of %d bytes, want 32", len(c.Key))
	case c.Memory != 0 && c.Memory < minMemory:
		return fmt.Errorf("ledger: memory of %d bytes, at least %d", c.Memory, minMemory)
	}
	c.KeyRotation = orDefault(c.KeyRotation, 240*time.Hour)
	c.Memory = orDefault(c.Memory, 32<<20)
	c.Cache = orDefault(c.Cache, 16<<20)
	c.Recent = orDefault(c.Recent, 1000)
	c.MinFree = orDefault(c.MinFree, 256<<20)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

func orDefault[T int | int64 | time.Duration](v, d T) T {
	if v == 0 {
		return d
	}
	return v
}

// Ledger is an open ledger. All methods may be called together; Append and SetIndex are
// meant for one goroutine, which applies blocks in order.
type Ledger struct {
	cfg    Config
	db     *badger.DB
	bodies *bodies.Store // of the blocks
	synced atomic.Uint64 // Raft index up to which everything is forced to disk

	mu     sync.Mutex // serialises commits; guards what follows
	sums   map[uint64]uint64
	failed error // of the first write that went wrong; every later one returns it

	holesMu sync.Mutex
	holes   map[chain.Height]bool // blocks whose bytes a power failure took, see Missing

	syncing sync.Mutex // serialises Sync, guards marked; taken before mu, never after
	marked  mark       // what the file SYNCED says

	reading sync.RWMutex // guards view; held for reading during a look-up
	view    *badger.Txn  // as of the last commit; nil when the ledger is closed

	meta   atomic.Pointer[meta] // as of the last commit; a meta is immutable
	closed atomic.Bool
	logged logger // what Badger said while it opened
}

// Open opens the ledger in a directory, or starts an empty one there. Every table on
// disk is read and its checksums compared, which takes as long as reading the directory.
// Errors worth telling apart: ErrWrongKey, ErrInUse, ErrDiskFull, ErrCorrupt.
func Open(cfg Config) (_ *Ledger, err error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	opening := func(err error) error {
		return fmt.Errorf("open ledger in %s: %w", cfg.Dir, err)
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		if errors.Is(err, syscall.ENOTDIR) {
			return nil, opening(errors.New("not a directory"))
		}
		return nil, opening(explain(err))
	}
	if free, ok := freeBytes(cfg.Dir); ok && free < cfg.MinFree {
		return nil, opening(fmt.Errorf("%w: %d MiB free, at least %d needed", ErrDiskFull, free>>20, cfg.MinFree>>20))
	}
	l := &Ledger{cfg: cfg, sums: make(map[uint64]uint64), holes: make(map[chain.Height]bool)}
	l.logged.out = cfg.Log
	opt := l.options()
	if err := checkFiles(opt); err != nil {
		return nil, opening(err)
	}
	if l.db, err = openBadger(opt); err != nil {
		return nil, opening(explain(err))
	}
	if said := l.logged.ignored(); said != "" {
		l.db.Close()
		return nil, opening(corrupt(NoHeight, nil, "%s", said))
	}
	if l.bodies, err = bodies.Open(bodies.Config{Dir: filepath.Join(cfg.Dir, "blocks"), Key: cfg.Key}); err != nil {
		l.db.Close()
		return nil, opening(err)
	}
	if err := l.start(); err != nil {
		l.swap(nil)
		l.bodies.Close()
		l.db.Close()
		return nil, opening(err)
	}
	return l, nil
}

func (l *Ledger) options() badger.Options {
	c := &l.cfg
	return badger.DefaultOptions(c.Dir).
		WithLogger(&l.logged).
		WithMetricsEnabled(false).
		WithSyncWrites(false).
		WithDetectConflicts(false). // one writer
		WithNumVersionsToKeep(1).
		WithEncryptionKey(c.Key).
		WithEncryptionKeyRotationDuration(c.KeyRotation).
		WithCompression(options.None).
		WithChecksumVerificationMode(options.OnBlockRead). // checkFiles did the tables
		WithVerifyValueChecksum(true).
		WithValueThreshold(valueThreshold).
		WithValueLogFileSize(64 << 20).
		WithMemTableSize(c.Memory).
		WithNumMemtables(3).
		WithBaseTableSize(8 << 20).
		WithBaseLevelSize(64 << 20).
		WithBlockCacheSize(c.Cache).
		WithIndexCacheSize(c.Cache).
		WithNumCompactors(2).
		WithNumGoroutines(2)
}

// valueThreshold is the size from which Badger keeps a value outside of its tree. It is
// above every value, see DESIGN.md.
const valueThreshold = chain.MaxBlock + 4096

// openBadger turns a panic over damaged files into an error.
func openBadger(opt badger.Options) (db *badger.DB, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = corrupt(NoHeight, nil, "%v", p)
		}
	}()
	return badger.Open(opt)
}

// explain gives Badger's errors, which are mere text, their meaning.
func explain(err error) error {
	if err == nil || errors.Is(err, ErrCorrupt) {
		return err
	}
	text := err.Error()
	has := func(s string) bool { return strings.Contains(text, s) }
	switch {
	case errors.Is(err, badger.ErrEncryptionKeyMismatch) || has(badger.ErrEncryptionKeyMismatch.Error()):
		return ErrWrongKey
	case has("Another process is using"):
		return ErrInUse
	case errors.Is(err, syscall.ENOSPC) || has(syscall.ENOSPC.Error()):
		return fmt.Errorf("%w: %w", ErrDiskFull, err)
	case errors.Is(err, badger.ErrDBClosed) || errors.Is(err, badger.ErrBlockedWrites):
		return ErrClosed
	case has("checksum") || has("CHECKSUM") || has("corrupt") || has("magic") || has("data key") || has("datakey") ||
		has("MANIFEST") || has("Manifest") || has("file does not exist for table") || has("Level validation") || has("EOF"):
		return corrupt(NoHeight, err, "storage")
	}
	return err
}

// start reads the meta record and compares it with what was once forced to disk.
func (l *Ledger) start() error {
	l.renew()
	m := &meta{}
	if b, err := l.get(metaKey); err == nil {
		if *m, err = decodeMeta(b); err != nil {
			return corrupt(NoHeight, err, "meta record")
		}
	} else if !errors.Is(err, ErrNotFound) {
		return err
	}
	mark, err := readMark(l.cfg.Dir)
	if err != nil {
		return err
	}
	if mark.index > m.index || mark.size > m.tree.Size {
		return corrupt(chain.Height(m.tree.Size), nil,
			"ledger ends at raft index %d with %d blocks, but index %d with %d blocks was on disk", m.index, m.tree.Size, mark.index, mark.size)
	}
	l.meta.Store(m)
	if err := l.checkHashes(mark); err != nil {
		return err
	}
	if err := l.loadSums(); err != nil {
		return err
	}
	l.marked = mark
	l.synced.Store(mark.index)
	return nil
}

// Head returns the head of the chain as of the last Append; ok is false when the ledger
// is empty.
func (l *Ledger) Head() (h chain.Head, ok bool) {
	m := l.meta.Load()
	return m.head, m.tree.Size > 0
}

// Index returns the Raft index of the last entry applied, 0 when there is none.
func (l *Ledger) Index() uint64 { return l.meta.Load().index }

// Synced returns the Raft index up to which everything is forced to disk. The Raft log
// may be cut up to it, and no further.
func (l *Ledger) Synced() uint64 { return l.synced.Load() }

// Size returns the bytes that the ledger takes on disk.
func (l *Ledger) Size() (int64, error) {
	var total int64
	err := filepath.WalkDir(l.cfg.Dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			var fi os.FileInfo
			if fi, err = d.Info(); err == nil {
				total += allocated(fi)
			}
		}
		if errors.Is(err, os.ErrNotExist) { // compaction removed it
			return nil
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("measure ledger: %w", err)
	}
	return total, nil
}

// Close forces everything to disk and closes the ledger. Closing twice is fine.
func (l *Ledger) Close() error {
	if l.closed.Swap(true) {
		return nil
	}
	err := l.sync()
	l.mu.Lock() // no commit is under way
	defer l.mu.Unlock()
	l.swap(nil)
	l.bodies.Close()
	if cerr := l.db.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("close ledger: %w", explain(cerr))
	}
	return err
}
