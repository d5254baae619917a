package wasm

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/tetratelabs/wazero"
)

// codeFile is machine code as wazero writes it to a file.
type codeFile struct {
	path string
	name string // what wazero calls it: 64 hexadecimal digits
}

// stage is the directory through which wazero is given code. No other user can write to
// it, and between two loads it is empty.
type stage struct {
	dir  string // of this process alone
	code string // below dir: where wazero looks for its version's code
}

// newStage makes the directory, and a wazero cache that looks there.
func newStage() (*stage, wazero.CompilationCache, error) {
	dir, err := os.MkdirTemp("", "kalima-code-")
	if err != nil {
		return nil, nil, err
	}
	s := &stage{dir: dir}
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err == nil {
		s.code, err = only(dir)
	}
	if err != nil {
		return nil, nil, errors.Join(err, s.close())
	}
	return s, cache, nil
}

// only returns the one entry of a directory.
func only(dir string) (string, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	if len(list) != 1 {
		return "", fmt.Errorf("%s has %d entries, want one", dir, len(list))
	}
	return filepath.Join(dir, list[0].Name()), nil
}

// version is what wazero calls its version and the platform.
func (s *stage) version() string { return filepath.Base(s.code) }

func (s *stage) close() error { return os.RemoveAll(s.dir) }

// mend makes the directory again when somebody has cleaned up among temporary files. It
// does not take one that somebody else has made meanwhile.
func (s *stage) mend() error {
	for _, dir := range []string{s.dir, s.code} {
		if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
			if err != nil {
				return err
			}
			continue
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			return fmt.Errorf("make the directory for code again: %w", err)
		}
	}
	return nil
}

// put moves a file to where wazero looks for it.
func (s *stage) put(f codeFile) (path string, err error) {
	if err := s.mend(); err != nil {
		return "", err
	}
	path = filepath.Join(s.code, f.name)
	return path, os.Rename(f.path, path)
}

// take gives the file that wazero has just written to use, and removes it.
func (s *stage) take(use func(codeFile) error) error {
	path, err := only(s.code)
	if err != nil {
		return err
	}
	if err := checkCodeFile(path); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return errors.Join(use(codeFile{path: path, name: filepath.Base(path)}), os.Remove(path))
}

// fetch moves the one file that a child has made below dir into another directory.
func fetch(dir, to string) (f codeFile, err error) {
	for range 2 { // wazero's directory, the file
		if dir, err = only(dir); err != nil {
			return f, fmt.Errorf("look for a compiled contract: %w", err)
		}
	}
	if err := checkCodeFile(dir); err != nil {
		return f, err
	}
	tmp, err := os.CreateTemp(to, "code-")
	if err != nil {
		return f, err
	}
	f = codeFile{path: tmp.Name(), name: filepath.Base(dir)}
	return f, errors.Join(tmp.Close(), os.Rename(dir, f.path))
}

func checkCodeFile(path string) error {
	info, err := os.Lstat(path)
	switch name := filepath.Base(path); {
	case err != nil:
		return err
	case !info.Mode().IsRegular() || !isCodeName(name):
		return fmt.Errorf("%q is no file of compiled code", name)
	case info.Size() > maxCode:
		return fmt.Errorf("compiled code of %d bytes, at most %d", info.Size(), maxCode)
	}
	return nil
}

// isCodeName: a name comes from a file, so it must not lead elsewhere.
func isCodeName(name string) bool {
	b, err := hex.DecodeString(name)
	return err == nil && len(b) == sha256.Size && name == strings.ToLower(name)
}

const wazeroPath = "github.com/tetratelabs/wazero"

// buildIdentity says which compiler is in this program: its version and checksum, and Go's
// version. A program that was built without telling is its own version.
var buildIdentity = sync.OnceValues(func() (string, error) {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path != wazeroPath || dep.Sum == "" || dep.Replace != nil {
				continue
			}
			return fmt.Sprintf("%s %s %s %s", wazeroPath, dep.Version, dep.Sum, runtime.Version()), nil
		}
	}
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read this program: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read this program: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
})
