package meter

// Opcodes of line programs that are treated by name.
const (
	lnCopy        = 1
	lnAdvancePC   = 2
	lnAdvanceLine = 3
	lnSetFile     = 4
	lnConstAdd    = 8
	lnFixedAdd    = 9

	lnEndSequence = 1 // extended
	lnSetAddress  = 2
)

// run executes a unit's line program. Each of its bytes makes at most one row. A sequence
// that does not begin in the code, as of a function the linker dropped, makes none.
func (u *lineUnit) run(r *reader) {
	type state struct {
		addr, file uint32
		line       int64
		began      bool // a row was made
		dead       bool // the sequence is not about code that is there
	}
	start := state{file: 1, line: 1}
	s := start
	row := func(line int64) {
		if !s.began {
			s.began, s.dead = true, s.addr < u.low || s.addr >= u.high
		}
		if line == 0 || line > 1<<30 || s.dead || len(u.table.rows) >= maxRows {
			return // line 0 is code that the compiler made up
		}
		file := s.file + u.files
		if int64(s.file) > maxFiles || s.addr > u.high {
			return
		}
		u.table.rows = append(u.table.rows, lineRow{addr: s.addr, line: int32(max(line, -1)), file: file})
	}
	for !r.done() {
		op := r.byte()
		if op >= u.opBase {
			n := int(op - u.opBase)
			s.addr += uint32(n/int(u.lineRange)) * u.minLength
			s.line += int64(u.lineBase) + int64(n%int(u.lineRange))
			row(max(s.line, 0))
			continue
		}
		switch op {
		case 0:
			x := reader{b: r.take(int(r.u32()))}
			switch x.byte() {
			case lnEndSequence:
				row(-1)
				s = start
			case lnSetAddress:
				s.addr = le32(&x)
			}
		case lnCopy:
			row(max(s.line, 0))
		case lnAdvancePC:
			s.addr += r.u32() * u.minLength
		case lnAdvanceLine:
			s.line += int64(int32(r.signed(64)))
		case lnSetFile:
			s.file = r.u32()
		case lnConstAdd:
			s.addr += uint32((255-int(u.opBase))/int(u.lineRange)) * u.minLength
		case lnFixedAdd:
			s.addr += uint32(le16(r))
		default:
			for range u.lengths[op-1] {
				r.u32()
			}
		}
	}
}
