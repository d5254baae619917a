package devnet

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// BusyError says that another process runs the chain of a folder.
type BusyError struct {
	Home string
	PID  int // 0 when not known
}

func (e *BusyError) Error() string {
	s := fmt.Sprintf("the chain in %s is running already", e.Home)
	if e.PID != 0 {
		s += fmt.Sprintf(", as process %d", e.PID)
	}
	return s
}

// Lock makes this process the one that runs the chain of a folder, until release or its
// end, however it ends. The folder is made when it is not there.
func Lock(home string) (release func(), err error) {
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, fmt.Errorf("make folder %s: %w", home, err)
	}
	path := filepath.Join(home, "lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", home, err)
	}
	if err := lockFile(f); err != nil {
		b, _ := io.ReadAll(io.LimitReader(f, 32))
		pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
		f.Close()
		return nil, &BusyError{Home: home, PID: pid}
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", home, err)
	}
	return func() { f.Close() }, nil
}
