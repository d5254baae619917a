//go:build !linux && !darwin

package ledger

import "os"

// freeBytes is not known on this platform.
func freeBytes(string) (int64, bool) { return 0, false }

func allocated(fi os.FileInfo) int64 { return fi.Size() }
