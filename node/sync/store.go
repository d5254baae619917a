package sync

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/node/rpc"
)

const (
	logFile    = "memcache.log"
	logMagic   = "KALIMAM1"
	saltSize   = 16
	logHeader  = len(logMagic) + saltSize
	maxRecord  = 64 << 20  // bytes: a frame of 1 MiB and what 64 contracts are to do about it
	chunkBytes = 256 << 10 // of items in one record of a base, about
	tagSize    = 16
)

var (
	// ErrCorrupt says that the memcache on disk is damaged where no crash damages it, or
	// was sealed with another key. The folder may be removed: the chain sends everything
	// again, but events that came while the node was down then start no react contract.
	ErrCorrupt = errors.New("memcache on disk does not open: damaged, or another storage key")

	// ErrOtherChain says that the memcache on disk belongs to another chain.
	ErrOtherChain = errors.New("memcache on disk belongs to another chain")
)

// Note is what the owner of a Replica keeps beside the memcache, written together with the
// block that led to it. An empty value forgets the note.
type Note struct {
	Key   uint64 `cbor:"1,keyasint"`
	Value []byte `cbor:"2,keyasint,omitempty"`
}

// record is one record of the log. Which fields are set says what it is.
type record struct {
	Base   *baseRecord `cbor:"1,keyasint,omitempty"` // the first
	Items  []diskItem  `cbor:"2,keyasint,omitempty"`
	Notes  []Note      `cbor:"3,keyasint,omitempty"`
	End    bool        `cbor:"4,keyasint,omitempty"` // the last of the base
	Token  *rpc.Token  `cbor:"5,keyasint,omitempty"` // an update: the events, and where the token then is
	Events []rpc.Event `cbor:"6,keyasint,omitempty"`
	Fill   bool        `cbor:"7,keyasint,omitempty"`
}

type baseRecord struct {
	Chain    abi.Digest    `cbor:"1,keyasint"`
	Patterns []abi.Pattern `cbor:"2,keyasint"`
	Token    *rpc.Token    `cbor:"3,keyasint,omitempty"`
	Lenient  bool          `cbor:"4,keyasint,omitempty"`
	Fill     bool          `cbor:"5,keyasint,omitempty"`
}

// diskItem is an item of the memcache. The item of an address has no key.
type diskItem struct {
	Event rpc.Event `cbor:"1,keyasint"`
	Loose bool      `cbor:"2,keyasint,omitempty"`
}

// store is the log on disk, and the notes that are in force. Safe for concurrent use.
type store struct {
	dir string
	key []byte

	mu    sync.Mutex // guards what is below
	notes map[uint64][]byte
	f     *os.File
	w     *logWriter
	base  int64 // bytes of the log when it was written anew
	err   error // the first failure: nothing is written after it
}

// logWriter seals records into a file.
type logWriter struct {
	w    io.Writer
	seal cipher.AEAD
	n    uint64 // records written
	size int64
}

func newSeal(key, salt []byte) (cipher.AEAD, error) {
	k, err := hkdf.Key(sha256.New, key, salt, "kalima/memcache/1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func nonce(n uint64) []byte { return binary.BigEndian.AppendUint64(make([]byte, 4, 12), n) }

func (l *logWriter) write(r *record) error {
	plain := rpc.Encode(r)
	if len(plain)+tagSize > maxRecord {
		return fmt.Errorf("record of %d bytes, at most %d", len(plain), maxRecord-tagSize)
	}
	b := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(plain)+tagSize), uint32(len(plain)+tagSize))
	b = l.seal.Seal(b, nonce(l.n), plain, nil)
	l.n++
	l.size += int64(len(b))
	_, err := l.w.Write(b)
	return err
}

// openStore reads what is on disk into the machine, if there is anything, and begins a new
// log. torn is how many bytes a crash left at the end.
func openStore(dir string, key []byte, m *Machine) (s *store, torn int64, err error) {
	if len(key) != 32 {
		return nil, 0, fmt.Errorf("storage key of %d bytes, want 32", len(key))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, 0, err
	}
	s = &store{dir: dir, key: key, notes: map[uint64][]byte{}}
	f, err := os.Open(filepath.Join(dir, logFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, 0, err
	default:
		torn, err = s.read(f, m)
		f.Close()
		if err != nil {
			return nil, 0, err
		}
	}
	if err := s.rewrite(m); err != nil {
		return nil, 0, err
	}
	return s, torn, nil
}

// read plays a log into the machine.
func (s *store) read(f *os.File, m *Machine) (torn int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	r := bufio.NewReaderSize(f, 1<<20)
	head := make([]byte, logHeader)
	if _, err := io.ReadFull(r, head); err != nil || string(head[:len(logMagic)]) != logMagic {
		return 0, fmt.Errorf("%w: no %s at its start", ErrCorrupt, logMagic)
	}
	seal, err := newSeal(s.key, head[len(logMagic):])
	if err != nil {
		return 0, err
	}
	at, whole := int64(logHeader), false // whole: the base is complete
	for n := uint64(0); ; n++ {
		rec, size, err := readRecord(r, seal, n)
		if err == nil {
			whole, err = s.play(m, rec, n == 0, whole)
			if err != nil {
				return 0, err
			}
			at += size
			continue
		}
		if !whole {
			return 0, fmt.Errorf("%w: record %d of the base: %w", ErrCorrupt, n, err)
		}
		return info.Size() - at, nil // 0 at the end of a sound log
	}
}

func readRecord(r io.Reader, seal cipher.AEAD, n uint64) (*record, int64, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, 0, err
	}
	size := binary.BigEndian.Uint32(length[:])
	if size < tagSize || size > maxRecord {
		return nil, 0, fmt.Errorf("record of %d bytes", size)
	}
	sealed, err := io.ReadAll(io.LimitReader(r, int64(size))) // takes no more memory than there is file
	if err != nil {
		return nil, 0, err
	}
	if len(sealed) < int(size) {
		return nil, 0, io.ErrUnexpectedEOF
	}
	plain, err := seal.Open(sealed[:0], nonce(n), sealed, nil)
	if err != nil {
		return nil, 0, err
	}
	rec := new(record)
	if err := rpc.Decode(plain, rec); err != nil {
		return nil, 0, err
	}
	return rec, 4 + int64(size), nil
}

// play applies a record. whole says whether the base is complete, before and after.
func (s *store) play(m *Machine, rec *record, first, whole bool) (bool, error) {
	switch {
	case first != (rec.Base != nil):
		return false, fmt.Errorf("%w: the base is not where it must be", ErrCorrupt)
	case rec.Base != nil:
		return false, m.restoreBase(rec.Base)
	case rec.Token != nil:
		m.replay(rec.Events, rec.Token, rec.Fill)
	}
	for i := range rec.Items {
		m.restoreItem(&rec.Items[i])
	}
	for _, n := range rec.Notes {
		s.keep(n)
	}
	if rec.End {
		m.publish(m.work)
	}
	return whole || rec.End, nil
}

func (s *store) keep(n Note) {
	if len(n.Value) == 0 {
		delete(s.notes, n.Key)
	} else {
		s.notes[n.Key] = n.Value
	}
}

// hold takes a note into force without writing it: the next rewrite does.
func (s *store) hold(n Note) {
	s.mu.Lock()
	s.keep(n)
	s.mu.Unlock()
}

// append writes a record, and with force waits until it survives a loss of power.
func (s *store) append(rec *record, force bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	err := s.w.write(rec)
	if err == nil && force {
		err = s.f.Sync()
	}
	if err != nil {
		s.err = fmt.Errorf("write memcache: %w", err)
		return s.err
	}
	for _, n := range rec.Notes {
		s.keep(n)
	}
	return nil
}

// grown reports whether the log is worth writing anew: four times what it began with.
func (s *store) grown() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.size > 4*s.base+8<<20
}

// rewrite writes a new log from the machine and the notes, and puts it in the place of the
// old one. Only the goroutine that feeds the machine may call it.
func (s *store) rewrite(m *Machine) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if err := s.rewriteLocked(m); err != nil {
		s.err = fmt.Errorf("write memcache anew: %w", err)
		return s.err
	}
	return nil
}

func (s *store) rewriteLocked(m *Machine) error {
	path := filepath.Join(s.dir, logFile)
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	w, err := s.writeBase(f, m)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err == nil {
		err = syncDir(s.dir)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	if s.f != nil {
		s.f.Close() // nobody reads it any more
	}
	s.f, s.w, s.base = f, w, w.size
	return nil
}

func (s *store) writeBase(f *os.File, m *Machine) (*logWriter, error) {
	head := append([]byte(logMagic), make([]byte, saltSize)...)
	rand.Read(head[len(logMagic):])
	seal, err := newSeal(s.key, head[len(logMagic):])
	if err != nil {
		return nil, err
	}
	buf := bufio.NewWriterSize(f, 1<<20)
	if _, err := buf.Write(head); err != nil {
		return nil, err
	}
	w := &logWriter{w: buf, seal: seal, size: int64(logHeader)}
	if err := w.write(&record{Base: m.base()}); err != nil {
		return nil, err
	}
	var items []diskItem
	size := 0
	flush := func() {
		if len(items) > 0 && err == nil {
			err = w.write(&record{Items: items})
		}
		items, size = nil, 0
	}
	m.state.Items(func(at string, v *chain.Value) bool {
		a, key, _ := chain.SplitItem(at)
		it := diskItem{Event: rpc.Event{
			Address: a, Key: key, Value: v.Bytes, Sequence: v.Sequence, Height: v.Height, Index: v.Index, Time: v.Time, At: v.At, Sender: v.Sender,
		}, Loose: key == "" && m.loose[a]}
		items = append(items, it)
		if size += eventSize(&it.Event); size >= chunkBytes {
			flush()
		}
		return err == nil
	})
	flush()
	for _, key := range slices.Sorted(maps.Keys(s.notes)) {
		if err == nil {
			err = w.write(&record{Notes: []Note{{key, s.notes[key]}}})
		}
	}
	if err == nil {
		err = w.write(&record{End: true})
	}
	if err == nil {
		err = buf.Flush()
	}
	w.w = f // from now on each record is one write
	return w, err
}

func (s *store) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = errors.New("write memcache: closed")
	}
	return errors.Join(s.f.Sync(), s.f.Close())
}

// list returns the notes in force, by key.
func (s *store) list() (out []Note) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(s.notes)) {
		out = append(out, Note{key, s.notes[key]})
	}
	return out
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
