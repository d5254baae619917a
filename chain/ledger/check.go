package ledger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/fb"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/pb"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/badger/v4/y"
	"github.com/dgraph-io/ristretto/v2"
	"github.com/dgraph-io/ristretto/v2/z"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/ledger/bodies"
	"google.golang.org/protobuf/proto"
)

// CheckHead decodes the head block and the Config.Recent blocks below it, and checks
// that they form a chain up to the head. Open has done the rest: see DESIGN.md.
func (l *Ledger) CheckHead() error {
	m := l.meta.Load()
	if m.tree.Size == 0 {
		return nil
	}
	want := m.head.Hash
	for h, n := m.head.Height, 0; ; h, n = h-1, n+1 {
		b, err := l.Block(h)
		if errors.Is(err, ErrMissing) {
			return nil // it comes back, and Fill compares its hash
		}
		if err != nil {
			return err
		}
		if b.Hash != want {
			return corrupt(h, nil, "block %s is not the one that the block above, or the head, names: %s", b.Hash.Short(), want.Short())
		}
		if b.Header.Chain != m.head.Chain {
			return corrupt(h, nil, "block is of chain %s, the head of %s", b.Header.Chain.Short(), m.head.Chain.Short())
		}
		if h == 0 || n == l.cfg.Recent {
			return nil
		}
		want = b.Header.Parent
	}
}

// checkHashes reads the stored hash of every block, and the block itself, and rebuilds the
// tree over them. So a block that is missing anywhere is found, and a head that is not the
// tree's. Where the bytes were never forced to disk they may be lost: then they are noted as
// missing.
func (l *Ledger) checkHashes(k mark) error {
	m := l.meta.Load()
	var tree chain.Tree
	var last stamp
	txn := l.db.NewTransaction(false)
	defer txn.Discard()
	opt := badger.DefaultIteratorOptions
	opt.Prefix = []byte{kindHash}
	it := txn.NewIterator(opt)
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		h := chain.Height(tree.Size)
		if string(it.Item().Key()) != string(numberKey(kindHash, tree.Size)) {
			return corrupt(h, nil, "the block is missing")
		}
		b, err := it.Item().ValueCopy(nil)
		if err != nil {
			return corrupt(h, explain(err), "hash record")
		}
		s, err := decodeStamp(b)
		if err != nil {
			return corrupt(h, err, "hash record")
		}
		if s.time < last.time && tree.Size > 0 {
			return corrupt(h, nil, "block's time %d is before its parent's %d", s.time, last.time)
		}
		last = s
		if _, err := l.bodies.Read(tree.Size, s.place); errors.Is(err, bodies.ErrWrongKey) {
			return ErrWrongKey
		} else if err != nil && tree.Size < k.size {
			return corrupt(h, err, "block")
		} else if err != nil {
			l.holes[h] = true // it was never forced to disk
		}
		tree.Append(s.hash)
		if tree.Size == k.size && s.hash != k.hash {
			return corrupt(h, nil, "block is %s, but %s was on disk", s.hash.Short(), k.hash.Short())
		}
	}
	switch {
	case tree.Size != m.tree.Size:
		return corrupt(chain.Height(tree.Size), nil, "%d blocks are stored, the head says %d", tree.Size, m.tree.Size)
	case tree.Size > 0 && (tree.Root() != m.tree.Root() || last.hash != m.head.Hash):
		return corrupt(m.head.Height, nil, "stored hashes make the tree %s, the head says %s", tree.Root().Short(), m.tree.Root().Short())
	}
	return nil
}

// checkFiles reads every table before Badger does. Badger itself ends the process over
// some damage, and goes on without the table over other.
func checkFiles(opt badger.Options) (err error) {
	if err := removeEmpty(opt.Dir); err != nil {
		return err
	}
	tables, err := filepath.Glob(filepath.Join(opt.Dir, "*.sst"))
	if err != nil {
		return err
	}
	fp, err := os.Open(filepath.Join(opt.Dir, badger.ManifestFilename))
	if errors.Is(err, os.ErrNotExist) {
		if len(tables) > 0 {
			return corrupt(NoHeight, nil, "%d tables, but no %s", len(tables), badger.ManifestFilename)
		}
		return nil
	}
	if err != nil {
		return err
	}
	defer fp.Close()
	manifest, _, err := badger.ReplayManifestFile(fp, 0, opt)
	if err != nil {
		return corrupt(NoHeight, err, "%s", badger.ManifestFilename)
	}
	damage, err := checkTables(opt, manifest, false)
	if err == nil && len(damage) > 0 {
		err = damage[0]
	}
	return err
}

// Check reads every block and every table from disk again while the ledger runs, past all
// caches of ours, and returns what is damaged: a *CorruptError each. The newest records, which
// no table holds yet, are in memory and in Badger's log; the next Open checks those.
func (l *Ledger) Check() ([]error, error) {
	var damage []error
	for h := chain.Height(0); uint64(h) < l.meta.Load().tree.Size; h++ {
		if _, err := l.Block(h); errors.Is(err, ErrCorrupt) {
			damage = append(damage, err)
		} else if err != nil && !errors.Is(err, ErrMissing) {
			return damage, err
		}
	}
	more, err := l.checkRunning()
	return append(damage, more...), err
}

func (l *Ledger) checkRunning() ([]error, error) {
	opt := l.db.Opts()
	fp, err := os.Open(filepath.Join(opt.Dir, badger.ManifestFilename))
	if err != nil {
		return nil, err
	}
	defer fp.Close()
	manifest, _, err := badger.ReplayManifestFile(fp, 0, opt)
	if err != nil {
		return []error{corrupt(NoHeight, err, "%s", badger.ManifestFilename)}, nil
	}
	return checkTables(opt, manifest, true)
}

// checkTables compares all checksums of the tables that the manifest names. While the
// ledger is running, a table may have been merged into another since the manifest was read.
func checkTables(opt badger.Options, manifest badger.Manifest, running bool) (damage []error, err error) {
	if len(manifest.Tables) == 0 {
		return nil, nil
	}
	keys, err := openKeys(opt)
	if err != nil {
		return nil, err
	}
	defer keys.Close()
	cache, err := ristretto.NewCache(&ristretto.Config[uint64, *fb.TableIndex]{NumCounters: 64, MaxCost: 64 << 20, BufferItems: 64})
	if err != nil {
		return nil, err
	}
	defer cache.Close()
	for id, t := range manifest.Tables {
		key, err := keys.DataKey(t.KeyID)
		if err != nil {
			return nil, corrupt(NoHeight, err, "key registry")
		}
		o := table.Options{
			ReadOnly: true, ChkMode: options.OnTableRead, DataKey: key, Compression: t.Compression,
			BlockSize: opt.BlockSize, IndexCache: cache,
		}
		name := table.NewFilename(id, opt.Dir)
		err = checkTable(name, o)
		if running && errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			damage = append(damage, corrupt(NoHeight, err, "table %s", filepath.Base(name)))
		}
	}
	return damage, nil
}

// removeEmpty removes logs without a byte: the power failed after they were made and
// before anything was written. Badger does not open with them. What such a log should
// have held, the file SYNCED knows.
func removeEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); ext != ".mem" && ext != ".vlog" {
			continue
		}
		fi, err := e.Info()
		if err == nil && fi.Size() == 0 {
			err = os.Remove(filepath.Join(dir, e.Name()))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// openKeys reads Badger's key registry, read only and thus without making one.
func openKeys(opt badger.Options) (*badger.KeyRegistry, error) {
	keys, err := badger.OpenKeyRegistry(badger.KeyRegistryOptions{
		Dir: opt.Dir, ReadOnly: true, EncryptionKey: opt.EncryptionKey, EncryptionKeyRotationDuration: opt.EncryptionKeyRotationDuration,
	})
	if err != nil {
		if err = explain(err); errors.Is(err, ErrWrongKey) {
			return nil, err
		}
		return nil, corrupt(NoHeight, err, "key registry")
	}
	return keys, nil
}

// checkTable compares all checksums of a table.
func checkTable(name string, opt table.Options) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("malformed: %.200s", strings.TrimSpace(fmt.Sprint(p)))
		}
	}()
	if err := checkFooter(name); err != nil {
		return err
	}
	f, err := z.OpenMmapFile(name, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	t, err := table.OpenTable(f, opt)
	if err != nil {
		return err
	}
	return t.Close(-1)
}

// checkFooter checks the end of a table file, which Badger trusts: index, its length (4
// bytes), its checksum, and the checksum's length (4 bytes).
func checkFooter(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	end := fi.Size()
	take := func(n int64) ([]byte, error) {
		if n < 0 || n > end {
			return nil, errors.New("malformed footer")
		}
		end -= n
		b := make([]byte, n)
		_, err := f.ReadAt(b, end)
		return b, err
	}
	length := func() (int64, error) {
		b, err := take(4)
		if err != nil {
			return 0, err
		}
		return int64(y.BytesToU32(b)), nil
	}
	n, err := length()
	if err != nil {
		return err
	}
	b, err := take(n)
	if err != nil {
		return err
	}
	var sum pb.Checksum
	if err := proto.Unmarshal(b, &sum); err != nil {
		return fmt.Errorf("malformed footer: %w", err)
	}
	if n, err = length(); err != nil {
		return err
	}
	if b, err = take(n); err != nil {
		return err
	}
	return y.VerifyChecksum(b, &sum)
}
