package registry

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a source archive.
const (
	MaxArchive = 1 << 20 // bytes; the Go SDK and a large contract are 100 KiB
	MaxFiles   = 256
	MaxPath    = 100 // bytes; the name field of USTAR
)

// File is one file of a project. Path is relative, with slashes.
type File struct {
	Path string
	Data []byte
}

// Archive packs files canonically: equal files give equal bytes, in whatever order.
func Archive(files []File) ([]byte, error) {
	if len(files) > MaxFiles {
		return nil, fmt.Errorf("archive of %d files, at most %d", len(files), MaxFiles)
	}
	sorted := slices.Clone(files)
	slices.SortFunc(sorted, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	size := 1024 // the two empty blocks at the end
	for i, f := range sorted {
		if err := checkFilePath(f.Path); err != nil {
			return nil, fmt.Errorf("archive %q: %w", f.Path, err)
		}
		if i > 0 && sorted[i-1].Path == f.Path {
			return nil, fmt.Errorf("archive %q: named twice", f.Path)
		}
		if size += 512 + (len(f.Data)+511)/512*512; size > MaxArchive {
			return nil, fmt.Errorf("archive of more than %d bytes: at %q", MaxArchive, f.Path)
		}
	}
	var buf bytes.Buffer
	buf.Grow(size)
	w := tar.NewWriter(&buf)
	for _, f := range sorted {
		h := &tar.Header{
			Typeflag: tar.TypeReg, Name: f.Path, Size: int64(len(f.Data)), Mode: 0o644,
			Format: tar.FormatUSTAR, // no time is time 0
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, fmt.Errorf("archive %q: %w", f.Path, err)
		}
		if _, err := w.Write(f.Data); err != nil {
			return nil, fmt.Errorf("archive %q: %w", f.Path, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	return buf.Bytes(), nil
}

// Unarchive unpacks what Archive packed and refuses every other spelling. The data of the
// files are copies.
func Unarchive(archive []byte) ([]File, error) {
	if len(archive) > MaxArchive {
		return nil, fmt.Errorf("archive of %d bytes, at most %d", len(archive), MaxArchive)
	}
	var files []File
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read archive: %w", err)
		}
		switch {
		case len(files) == MaxFiles:
			return nil, fmt.Errorf("read archive: more than %d files", MaxFiles)
		case h.Typeflag != tar.TypeReg:
			return nil, fmt.Errorf("read archive: %q is not a regular file", h.Name)
		case h.Size > int64(len(archive)): // a sparse file can claim any size
			return nil, fmt.Errorf("read archive: %q claims %d bytes", h.Name, h.Size)
		}
		data, err := io.ReadAll(io.LimitReader(r, h.Size))
		if err != nil {
			return nil, fmt.Errorf("read archive: %q: %w", h.Name, err)
		}
		files = append(files, File{Path: h.Name, Data: data})
	}
	again, err := Archive(files)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, archive) {
		return nil, errors.New("read archive: not in canonical form")
	}
	return files, nil
}

// checkFilePath checks a relative path: segments of letters, digits and ._+- that do not
// begin with a dot, so that no path leaves its folder or hides.
func checkFilePath(p string) error {
	if p == "" || len(p) > MaxPath {
		return fmt.Errorf("path of %d bytes, want 1 to %d", len(p), MaxPath)
	}
	for seg := range strings.SplitSeq(p, "/") {
		if seg == "" || seg[0] == '.' {
			return fmt.Errorf("path with an empty segment or one that begins with a dot")
		}
		for _, r := range seg {
			if r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._+-", r) {
				return fmt.Errorf("character %q is not allowed", r)
			}
		}
	}
	return nil
}

// checkText refuses what makes a text look different from what it is: invalid UTF-8,
// control characters, and the format characters that reorder or hide others.
func checkText(field, s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("%s is not valid UTF-8", field)
	}
	for _, r := range s {
		if unicode.Is(unicode.C, r) {
			return fmt.Errorf("%s has the invisible character %U", field, r)
		}
	}
	return nil
}

// short quotes a text of unknown length for a message.
func short(s string) string {
	if len(s) > 64 {
		return fmt.Sprintf("%q...", s[:64])
	}
	return fmt.Sprintf("%q", s)
}
