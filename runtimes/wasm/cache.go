package wasm

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kalima-chain/kalima/abi"
)

// codeCache keeps machine code in a directory and gives back only what was put in with the
// same key, which whoever can write to the directory should not know. Several processes
// may share a directory. An entry is a file named by what the code depends on:
//
//	0      8 bytes   "KALIMAMC"
//	8      1 byte    version of this layout, now 1
//	9      32 bytes  the entry's own name: a file moved to another name is no entry
//	41     32 bytes  what wazero calls the code
//	73     8 bytes   n, big-endian: length of the code
//	81     n bytes   the code
//	81+n   32 bytes  HMAC-SHA-256 of all of the above under the key
//
// The obvious way, a plain digest, finds what a disk did to the code and not what a person
// did. Whoever can write code into a node's process owns the node, its keys too.
type codeCache struct {
	dir  string
	mac  []byte
	size int64
	mu   sync.Mutex // held while room is made
}

const (
	entryMagic  = "KALIMAMC"
	entryFormat = 1
	entryHead   = len(entryMagic) + 1 + 2*sha256.Size + 8
	entryFrame  = entryHead + sha256.Size // what is not code
	entrySuffix = ".code"
	tempSuffix  = ".part"

	maxCode = 1 << 30 // bytes of machine code of one contract; a Go contract with encoding/json has 20 MiB

	// staleTemp is the age at which a file that was never finished is removed.
	staleTemp = time.Hour
)

var errEntry = errors.New("not what this node wrote")

func openCodeCache(dir string, key []byte, size int64) (*codeCache, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return &codeCache{dir: dir, mac: key, size: size}, nil
}

func (c *codeCache) path(key abi.Digest) string {
	return filepath.Join(c.dir, hex.EncodeToString(key[:])+entrySuffix)
}

func (c *codeCache) remove(key abi.Digest) { _ = os.RemoveAll(c.path(key)) }

// get copies the code of an entry into a new file in the directory to, which is the
// caller's. The error is os.ErrNotExist when there is no entry. Any other entry that it
// does not return is removed.
func (c *codeCache) get(key abi.Digest, to string) (f codeFile, err error) {
	path := c.path(key)
	info, err := os.Lstat(path)
	if err != nil {
		return f, err
	}
	defer func() {
		if err != nil {
			c.remove(key)
			_ = os.Remove(f.path)
		}
	}()
	if n := info.Size(); !info.Mode().IsRegular() || n < int64(entryFrame) || n > maxCode {
		return f, fmt.Errorf("%w: %v of %d bytes", errEntry, info.Mode(), n)
	}
	in, err := os.Open(path)
	if err != nil {
		return f, err
	}
	defer in.Close()
	out, err := os.CreateTemp(to, "code-")
	if err != nil {
		return f, err
	}
	f.path = out.Name()
	f.name, err = c.open(bufio.NewReaderSize(in, 64<<10), info.Size(), key, out)
	if err = errors.Join(err, out.Close()); err != nil {
		return f, err
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now) // used: the order in which entries are given up
	return f, nil
}

// open verifies an entry of a size and copies the code in it.
func (c *codeCache) open(in io.Reader, size int64, key abi.Digest, out io.Writer) (name string, err error) {
	h := hmac.New(sha256.New, c.mac)
	in = io.TeeReader(in, h)
	head := make([]byte, entryHead)
	if _, err := io.ReadFull(in, head); err != nil {
		return "", err
	}
	rest, ok := strings.CutPrefix(string(head), entryMagic+string(rune(entryFormat))+string(key[:]))
	if !ok {
		return "", fmt.Errorf("%w: another beginning", errEntry)
	}
	n := binary.BigEndian.Uint64([]byte(rest[sha256.Size:]))
	if n != uint64(size-int64(entryFrame)) {
		return "", fmt.Errorf("%w: %d bytes of code in %d", errEntry, n, size)
	}
	if _, err := io.CopyN(out, in, int64(n)); err != nil {
		return "", err
	}
	want := h.Sum(nil)
	got := make([]byte, sha256.Size)
	if _, err := io.ReadFull(in, got); err != nil {
		return "", err
	}
	if !hmac.Equal(got, want) {
		return "", fmt.Errorf("%w: another sum", errEntry)
	}
	return hex.EncodeToString([]byte(rest[:sha256.Size])), nil
}

// put adds an entry with the code in a file, and gives up others when there are too many. A
// reader finds all of it or nothing. It is not flushed to the disk: what a power cut leaves
// is found out by get.
func (c *codeCache) put(key abi.Digest, f codeFile) (err error) {
	in, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	n := info.Size()
	if n+int64(entryFrame) > min(c.size, maxCode) {
		return fmt.Errorf("keep compiled code: %d bytes, at most %d", n, min(c.size, maxCode))
	}
	out, err := os.CreateTemp(c.dir, "*"+tempSuffix)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, out.Close()); err == nil {
			err = os.Rename(out.Name(), c.path(key))
		}
		if err != nil {
			_ = os.Remove(out.Name())
		}
		c.makeRoom()
	}()
	name, err := hex.DecodeString(f.name)
	if err != nil {
		return err
	}
	h := hmac.New(sha256.New, c.mac)
	w := bufio.NewWriterSize(io.MultiWriter(out, h), 64<<10)
	w.WriteString(entryMagic)
	w.WriteByte(entryFormat)
	w.Write(key[:])
	w.Write(name)
	w.Write(binary.BigEndian.AppendUint64(nil, uint64(n)))
	if _, err := io.CopyN(w, in, n); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return writeSum(out, h)
}

func writeSum(out io.Writer, h hash.Hash) error {
	_, err := out.Write(h.Sum(nil))
	return err
}

// makeRoom removes the entries that were not used for longest until the rest fits, and
// what was never finished. Another process may do the same at once.
func (c *codeCache) makeRoom() {
	c.mu.Lock()
	defer c.mu.Unlock()
	list, err := os.ReadDir(c.dir)
	if err != nil {
		return
	}
	type entry struct {
		path string
		size int64
		used time.Time
	}
	var all []entry
	var sum int64
	for _, d := range list {
		info, err := d.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		path := filepath.Join(c.dir, d.Name())
		switch filepath.Ext(d.Name()) {
		case entrySuffix:
			all = append(all, entry{path, info.Size(), info.ModTime()})
			sum += info.Size()
		case tempSuffix:
			if time.Since(info.ModTime()) > staleTemp {
				_ = os.Remove(path)
			}
		}
	}
	slices.SortFunc(all, func(a, b entry) int { return a.used.Compare(b.used) })
	for _, e := range all {
		if sum <= c.size {
			return
		}
		if err := os.Remove(e.path); err == nil || errors.Is(err, os.ErrNotExist) {
			sum -= e.size
		}
	}
}
