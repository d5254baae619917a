package node

import "errors"

// ErrInUse means that another process runs on the same folder.
var ErrInUse = errors.New("in use by another process")
