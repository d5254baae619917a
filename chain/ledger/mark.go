package ledger

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"

	"github.com/kalima-chain/kalima/chain"
)

const (
	markName  = "SYNCED"
	markWord  = "kalima-synced-1"
	maxMark   = 256 // bytes
	markShape = "%d %d %64s"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// mark says how far the ledger was forced to disk. It lives outside of Badger, so that
// it still knows when Badger forgot.
type mark struct {
	index uint64
	size  uint64       // number of blocks
	hash  chain.Digest // of the last of them
}

func (m *meta) mark() mark { return mark{index: m.index, size: m.tree.Size, hash: m.head.Hash} }

func readMark(dir string) (mark, error) {
	b, err := os.ReadFile(filepath.Join(dir, markName))
	if errors.Is(err, os.ErrNotExist) {
		return mark{}, nil
	}
	if err != nil {
		return mark{}, fmt.Errorf("read %s: %w", markName, err)
	}
	var m mark
	var hash string
	var crc uint32
	bad := corrupt(NoHeight, nil, "file %s does not read as one", markName)
	if len(b) > maxMark {
		return mark{}, bad
	}
	if n, err := fmt.Sscanf(string(b), markWord+" "+markShape+" %08x\n", &m.index, &m.size, &hash, &crc); n != 4 || err != nil {
		return mark{}, bad
	}
	if m.hash, err = parseDigest(hash); err != nil || string(b) != m.line() {
		return mark{}, bad
	}
	return m, nil
}

func (m mark) line() string {
	s := fmt.Sprintf(markWord+" "+markShape, m.index, m.size, m.hash.String())
	return fmt.Sprintf("%s %08x\n", s, crc32.Checksum([]byte(s), castagnoli))
}

// write replaces the file, so that a crash leaves the old one or the new one.
func (m mark) write(dir string) error {
	name := filepath.Join(dir, markName)
	f, err := os.OpenFile(name+".tmp", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(m.line())
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(name+".tmp", name)
	}
	if err == nil {
		err = syncPath(dir)
	}
	return err
}

// syncPath forces a file or a directory to disk.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// Sync forces to disk what was appended before the call. It may take as long as the
// disk needs for a memory table; appends go on meanwhile.
func (l *Ledger) Sync() error {
	if l.closed.Load() {
		return ErrClosed
	}
	return l.sync()
}

func (l *Ledger) sync() error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	m := l.meta.Load()
	if k := m.mark(); k == l.marked {
		return nil
	}
	if n := len(l.Missing()); n > 0 { // the Raft log, which has them, must not be cut
		return fmt.Errorf("sync ledger: %d blocks: %w", n, ErrMissing)
	}
	if err := l.syncFiles(m.mark()); err != nil {
		err = fmt.Errorf("sync ledger: %w", explain(err))
		l.mu.Lock()
		if l.failed == nil { // after a failed fsync nobody knows what the disk holds
			l.failed = err
		}
		l.mu.Unlock()
		return err
	}
	l.marked = m.mark()
	l.synced.Store(m.index)
	return nil
}

// syncFiles forces every memory table's log to disk, and then says so. Badger's own Sync
// does it for the active one only; those that wait to become tables matter as much.
func (l *Ledger) syncFiles(k mark) error {
	if err := l.bodies.Sync(); err != nil {
		return err
	}
	if err := l.db.Sync(); err != nil {
		return err
	}
	entries, err := os.ReadDir(l.cfg.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".mem") {
			continue
		}
		// Gone meanwhile: it became a table, which Badger syncs before it removes the log.
		if err := syncPath(filepath.Join(l.cfg.Dir, e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if err := syncPath(l.cfg.Dir); err != nil {
		return err
	}
	return k.write(l.cfg.Dir)
}
