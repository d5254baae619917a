package consensus

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
)

// Frames of raft-wal's files: 8 bytes of header, then the payload, padded to 8 bytes.
const (
	frameHead    = 8
	segmentHead  = 32
	frameEntry   = 1
	frameIndex   = 2
	frameCommit  = 3
	maxSegment   = 1 << 30 // bytes
	entryMinimum = headSize + bodyFixed + 4
)

// checkTail reads the newest file of the log before raft-wal does. raft-wal takes the
// file to end where something does not read; that is right for a batch that was being
// written when the power failed, which was never acknowledged, and wrong for one with
// other batches after it.
func checkTail(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.wal"))
	if err != nil || len(files) == 0 {
		return err
	}
	name := slices.Max(files) // names are base index and number, both of fixed width
	fi, err := os.Stat(name)
	if err != nil {
		return err
	}
	if fi.Size() > maxSegment {
		return fmt.Errorf("%w: file %s of %d bytes", ErrCorrupt, filepath.Base(name), fi.Size())
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if at, ok := wholeBatches(b); !ok && batchAfter(b[at:]) {
		return fmt.Errorf("%w: file %s does not read at %d, but goes on after it", ErrCorrupt, filepath.Base(name), at)
	}
	return nil
}

// wholeBatches returns where the whole batches at the beginning of a file end, and
// whether nothing follows them.
func wholeBatches(b []byte) (end int, ok bool) {
	start := 0 // of the batch; the first one's checksum covers the file's header
	at := segmentHead
	for at+frameHead <= len(b) {
		word := binary.LittleEndian.Uint32(b[at+4:])
		switch kind := b[at]; {
		case kind == 0 && isZero(b[at:]):
			return start, true
		case kind == frameEntry || kind == frameIndex:
			at += frameHead + (int(word)+7)&^7
		case kind == frameCommit && crc32.Checksum(b[start:at], castagnoli) == word:
			at += frameHead
			start = at
		default:
			return start, false
		}
	}
	return start, start == len(b)
}

func isZero(b []byte) bool {
	for _, v := range b {
		if v != 0 {
			return false
		}
	}
	return true
}

// batchAfter reports whether more than one batch stands in b, of which something does
// not read: a commit, and then another entry.
func batchAfter(b []byte) bool {
	committed := false
	for at := 0; at+frameHead <= len(b); at += frameHead {
		if b[at+1] != 0 || b[at+2] != 0 || b[at+3] != 0 {
			continue
		}
		switch b[at] {
		case frameCommit:
			committed = committed || binary.LittleEndian.Uint32(b[at+4:]) != 0
		case frameEntry:
			size := int(binary.LittleEndian.Uint32(b[at+4:]))
			rest := b[at+frameHead:]
			if committed && size >= entryMinimum && size <= len(rest) {
				// raft-wal's entry: index, then term and type, which we leave zero.
				if _, n := binary.Uvarint(rest[:size]); n > 0 && rest[n] == 0 && rest[n+1] == 0 {
					return true
				}
			}
		}
	}
	return false
}
