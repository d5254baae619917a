package meter

// This file decides where a NaN has to be made canonical. An instruction that can make
// one (a maker) needs it only if the bits may be seen: by a store, a call, a
// reinterpretation, a branch that carries the value. Arithmetic and comparisons do not see them.
// A value put into a local may be seen if any read of that local may.
//
// Each operand on the walker's stack says where a NaN in it may come from: a maker's
// number, none, or a local (fromLocal).

const none = -1

func fromLocal(i uint32) int32 { return -2 - int32(i) }

// nans is what the first walk collects about one function.
type nans struct {
	local  uint32 // index read by the latest local instruction
	seen   []bool // by local: a read of it may be seen; nil until needed
	stores []nanStore
}

// nanStore says that a value from a maker or another local goes into a local.
type nanStore struct {
	from int32
	to   uint32
}

// need notes that an operand is seen.
func (w *walker) need(from int32, seen bool) {
	if w.emit || !seen || from == none {
		return
	}
	if from >= 0 {
		w.f.needs[from] = true
	} else {
		w.nans.seen[-2-from] = true
	}
}

// local takes local.get, local.set and local.tee; the index has been read.
func (w *walker) local(code byte, from int) *Refusal {
	i := w.nans.local
	if w.nans.seen == nil {
		w.nans.seen = make([]bool, w.f.locals)
	}
	origin := int32(none)
	if code == opLocalGet {
		if t := w.f.types[i]; t == f32Type || t == f64Type {
			origin = fromLocal(i)
		}
	} else {
		if len(w.stack) > w.top().height {
			origin = w.stack[len(w.stack)-1].from
		}
		if err := w.pop(1, false); err != nil {
			return err
		}
		if !w.emit && origin != none {
			w.nans.stores = append(w.nans.stores, nanStore{origin, i})
		}
	}
	if code != opLocalSet {
		w.push(w.f.types[i])
		w.stack[len(w.stack)-1].from = origin
	}
	if w.emit {
		w.out = append(w.out, w.r.b[from:w.r.pos]...)
	}
	return nil
}

// makes notes that the operand on top may be a NaN of any bits and, when they can be
// seen, makes it canonical.
func (w *walker) makes(single bool) {
	n := w.made
	w.made++
	w.stack[len(w.stack)-1].from = int32(n)
	if !w.emit {
		w.f.needs = append(w.f.needs, false)
		if single {
			w.f.nan32 = true
		} else {
			w.f.nan64 = true
		}
	} else if w.f.needs[n] {
		w.canonical(single)
	}
}

// settle follows the stores into locals once all reads are known.
func (w *walker) settle() {
	into := map[uint32][]int32{} // by local: where its values come from
	var todo []uint32
	for _, s := range w.nans.stores {
		if into[s.to] == nil && w.nans.seen[s.to] {
			todo = append(todo, s.to)
		}
		into[s.to] = append(into[s.to], s.from)
	}
	for len(todo) > 0 {
		l := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, from := range into[l] {
			if from >= 0 {
				w.f.needs[from] = true
			} else if k := uint32(-2 - from); !w.nans.seen[k] {
				w.nans.seen[k] = true
				todo = append(todo, k)
			}
		}
	}
}
