//go:build race

package worker

// raced says that the race detector is in this program. It maps terabytes, so that no
// limit on memory can be set.
const raced = true
