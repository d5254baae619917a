package bodies

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// MaxRecord bounds a record's content, in bytes.
const MaxRecord = 64 << 10

// Errors worth telling apart.
var (
	ErrDamaged  = errors.New("record is damaged")
	ErrWrongKey = errors.New("the key does not fit the file")
)

// Config says where a store lives.
type Config struct {
	Dir  string // made when absent
	Key  []byte // 32 bytes; empty: nothing is encrypted
	File int64  // bytes from which a new file begins; 0 means 64 MiB
}

// Place is where a record is.
type Place struct {
	File   uint32
	Offset uint32
}

const (
	header    = 76
	recHeader = 12
	tag       = 16
	maxOpen   = 32 // files held open for reading
)

var (
	sealedMagic = []byte("KBODIES1")
	plainMagic  = []byte("KBODIES0")
	castagnoli  = crc32.MakeTable(crc32.Castagnoli)
)

// Store is an open store. Append, Flush and Sync are for one goroutine each; everything may be
// called together.
type Store struct {
	cfg  Config
	key  cipher.AEAD // nil: plain
	next uint32      // number of the next file

	mu    sync.Mutex // guards what is below
	files map[uint32]*file
	last  *file  // being written; nil before the first record
	end   int64  // of last
	buf   []byte // records not handed over yet, which begin at end-len(buf)
	dirty []*file
	err   error // of the first write that went wrong
}

// file is open for reading, or reading and writing. Readers hold it while they read.
type file struct {
	number uint32
	f      *os.File
	aead   cipher.AEAD
	users  int
	gone   bool // out of files: the last user closes it
	fresh  bool // its name is not forced to disk yet
}

// Open opens the store in a directory. It reads no file yet.
func Open(cfg Config) (*Store, error) {
	if cfg.File == 0 {
		cfg.File = 64 << 20
	}
	if cfg.File < header || cfg.File > 1<<31 {
		return nil, fmt.Errorf("files of %d bytes, want %d to %d", cfg.File, header, 1<<31)
	}
	s := &Store{cfg: cfg, files: map[uint32]*file{}}
	if len(cfg.Key) > 0 {
		var err error
		if s.key, err = newAEAD(cfg.Key); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	names, err := filepath.Glob(filepath.Join(cfg.Dir, "*.blk"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		var n uint32
		if _, err := fmt.Sscanf(filepath.Base(name), "%08x.blk", &n); err != nil {
			return nil, fmt.Errorf("%s is no file of this store", filepath.Base(name))
		}
		s.next = max(s.next, n+1)
	}
	return s, nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	c, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(c)
}

func (s *Store) name(n uint32) string { return filepath.Join(s.cfg.Dir, fmt.Sprintf("%08x.blk", n)) }

// Append adds a record and says where it is. It can be read once Flush was called. The store
// takes no more after an error.
func (s *Store) Append(number uint64, content []byte) (Place, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(content) == 0 || len(content) > MaxRecord {
		return Place{}, fmt.Errorf("record of %d bytes, want 1 to %d", len(content), MaxRecord)
	}
	if s.err != nil {
		return Place{}, s.err
	}
	if s.last == nil || s.end >= s.cfg.File {
		if err := s.begin(); err != nil {
			return Place{}, s.fail(err)
		}
	}
	p := Place{s.last.number, uint32(s.end)}
	at := len(s.buf)
	s.buf = binary.BigEndian.AppendUint32(s.buf, uint32(len(content)))
	s.buf = binary.BigEndian.AppendUint64(s.buf, number)
	if head := s.buf[at : at+recHeader : at+recHeader]; s.last.aead != nil {
		s.buf = s.last.aead.Seal(s.buf, nonce(p.Offset), content, head)
	} else {
		crc := crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, content)
		s.buf = append(s.buf, content...)
		s.buf = binary.BigEndian.AppendUint32(s.buf, crc)
		s.buf = append(s.buf, make([]byte, tag-4)...)
	}
	s.end += int64(len(s.buf) - at)
	return p, nil
}

// Flush hands what was appended to the operating system.
func (s *Store) Flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if err := s.flush(); err != nil {
		return s.fail(err)
	}
	return nil
}

func (s *Store) flush() error {
	if len(s.buf) == 0 {
		return nil
	}
	_, err := s.last.f.WriteAt(s.buf, s.end-int64(len(s.buf)))
	if cap(s.buf) > 4<<20 {
		s.buf = nil
	}
	s.buf = s.buf[:0]
	if n := len(s.dirty); n == 0 || s.dirty[n-1] != s.last {
		s.last.users++ // until Sync
		s.dirty = append(s.dirty, s.last)
	}
	return err
}

func (s *Store) fail(err error) error {
	s.err = fmt.Errorf("write bodies: %w", err)
	return s.err
}

// begin makes the next file. s.mu is held.
func (s *Store) begin() error {
	if s.last != nil {
		if err := s.flush(); err != nil {
			return err
		}
	}
	f := &file{number: s.next, fresh: true}
	head := make([]byte, 0, header)
	if s.key == nil {
		head = append(head, plainMagic...)
	} else {
		head = append(head, sealedMagic...)
	}
	head = binary.BigEndian.AppendUint32(head, f.number)
	if s.key == nil {
		head = append(head, make([]byte, 60)...)
	} else {
		secret := make([]byte, 12+32)
		rand.Read(secret)
		iv, own := secret[:12], secret[12:]
		head = s.key.Seal(append(head, iv...), iv, own, head[:12:12])
		var err error
		if f.aead, err = newAEAD(own); err != nil {
			return err
		}
	}
	head = binary.BigEndian.AppendUint32(head, crc32.Checksum(head, castagnoli))
	var err error
	if f.f, err = os.OpenFile(s.name(f.number), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return err
	}
	if _, err := f.f.WriteAt(head, 0); err != nil {
		f.f.Close()
		return err
	}
	s.next++
	s.keep(f)
	s.last, s.end = f, header
	return nil
}

func nonce(n uint32) []byte {
	var b [12]byte
	binary.BigEndian.PutUint32(b[8:], n)
	return b[:]
}

// keep makes a file known and lets another go when there are many. s.mu is held.
func (s *Store) keep(f *file) {
	for n, old := range s.files {
		if len(s.files) < maxOpen {
			break
		}
		if old != s.last && old.users == 0 {
			old.f.Close()
			delete(s.files, n)
		}
	}
	s.files[f.number] = f
}

// use returns a file that stays open until done is called.
func (s *Store) use(n uint32) (f *file, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f = s.files[n]; f == nil {
		if f, err = s.open(n); err != nil {
			return nil, err
		}
		s.keep(f)
	}
	f.users++
	return f, nil
}

func (s *Store) done(f *file) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.users--; f.users == 0 && f.gone {
		f.f.Close()
	}
}

// open opens a file for reading.
func (s *Store) open(n uint32) (_ *file, err error) {
	f := &file{number: n}
	if f.f, err = os.Open(s.name(n)); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("file %08x is not there: %w", n, ErrDamaged)
		}
		return nil, err
	}
	defer func() {
		if err != nil {
			f.f.Close()
		}
	}()
	var head [header]byte
	if _, err := f.f.ReadAt(head[:], 0); err != nil {
		return nil, fmt.Errorf("header of file %08x: %w: %w", n, ErrDamaged, err)
	}
	if f.aead, err = s.readHeader(head[:], n); err != nil {
		return nil, fmt.Errorf("header of file %08x: %w", n, err)
	}
	return f, nil
}

// readHeader checks the header of a file and returns what opens its records.
func (s *Store) readHeader(head []byte, n uint32) (cipher.AEAD, error) {
	if binary.BigEndian.Uint32(head[72:]) != crc32.Checksum(head[:72], castagnoli) || binary.BigEndian.Uint32(head[8:]) != n {
		return nil, ErrDamaged
	}
	switch magic := string(head[:8]); {
	case magic == string(plainMagic) && s.key == nil:
		return nil, nil
	case magic == string(sealedMagic) && s.key != nil:
		own, err := s.key.Open(nil, head[12:24], head[24:72], head[:12])
		if err != nil {
			return nil, ErrWrongKey
		}
		return newAEAD(own)
	case magic == string(plainMagic) || magic == string(sealedMagic):
		return nil, ErrWrongKey
	}
	return nil, ErrDamaged
}

// Read returns the record with that number at a place. An error that is ErrDamaged says that
// it is not there as it was written.
func (s *Store) Read(number uint64, p Place) ([]byte, error) {
	f, err := s.use(p.File)
	if err != nil {
		return nil, err
	}
	defer s.done(f)
	var head [recHeader]byte
	if _, err := f.f.ReadAt(head[:], int64(p.Offset)); err != nil {
		return nil, unread(err)
	}
	n := binary.BigEndian.Uint32(head[:])
	if got := binary.BigEndian.Uint64(head[4:]); n == 0 || n > MaxRecord || got != number || p.Offset < header {
		return nil, ErrDamaged
	}
	b := make([]byte, n+tag)
	if _, err := f.f.ReadAt(b, int64(p.Offset)+recHeader); err != nil {
		return nil, unread(err)
	}
	if f.aead != nil {
		if b, err = f.aead.Open(b[:0], nonce(p.Offset), b, head[:]); err != nil {
			return nil, ErrDamaged
		}
		return b, nil
	}
	sum := b[n:]
	crc := crc32.Update(crc32.Checksum(head[:], castagnoli), castagnoli, b[:n])
	if binary.BigEndian.Uint32(sum) != crc || string(sum[4:]) != string(make([]byte, tag-4)) {
		return nil, ErrDamaged
	}
	return b[:n:n], nil
}

// unread is the error of a read: past the end there is nothing, as after a power failure.
func unread(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: the file ends before it", ErrDamaged)
	}
	return err
}

// Sync forces to disk what was flushed before the call. Appends go on meanwhile.
func (s *Store) Sync() error {
	s.mu.Lock()
	if err := s.err; err != nil {
		s.mu.Unlock()
		return err
	}
	files := s.dirty
	s.dirty = nil
	fresh := false
	for _, f := range files {
		fresh = fresh || f.fresh
		f.fresh = false
	}
	s.mu.Unlock()
	var err error
	for _, f := range files {
		if err == nil {
			err = f.f.Sync()
		}
		s.done(f)
	}
	if err == nil && fresh {
		err = syncDir(s.cfg.Dir)
	}
	if err != nil { // after a failed fsync nobody knows what the disk holds
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.fail(err)
	}
	return nil
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Close closes the files. What was appended and not flushed is dropped.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = errors.New("the store is closed")
	for n, f := range s.files {
		f.gone = true
		if f.users == 0 {
			f.f.Close()
		}
		delete(s.files, n)
	}
	s.last = nil
	return nil
}
