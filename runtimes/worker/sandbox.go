package worker

// Piece is one part of the restrictions that a child put on itself before it ran anything.
type Piece struct {
	Name    string // such as "system calls"
	Missing string // why it is not in force; empty when it is
}

// The pieces, in the order in which a child reports them.
const (
	pieceLimits   = "limits of memory, files, processor time" // rlimits
	piecePrivs    = "no new privileges"
	pieceHidden   = "closed to debuggers"        // not dumpable
	pieceFiles    = "no files (landlock)"        // or those of one directory
	pieceNetwork  = "no TCP (landlock)"          // beside what the filter of system calls says
	pieceSignals  = "no signals out (landlock)"  // beside what the filter of system calls says
	pieceSyscalls = "system calls (seccomp)"     // only those that the Go runtime needs
	pieceParent   = "ends with the node"         // parent-death signal, own session
	pieceVictim   = "first to go without memory" // the kernel's choice when memory runs out
)

// Sandbox lists the restrictions that the child reported, in force or not. What the
// platform lacks is reported, not refused: a node runs on whatever there is, and says so.
func (c *Child) Sandbox() []Piece { return append([]Piece(nil), c.pieces...) }

// sandbox collects the pieces as they are put in place.
type sandbox []Piece

// note adds a piece; err is why it is missing.
func (s *sandbox) note(name string, err error) {
	p := Piece{Name: name}
	if err != nil {
		p.Missing = err.Error()
	}
	*s = append(*s, p)
}
