package chain

import "github.com/kalima-chain/kalima/abi"

// append appends the encoding of an entry, see doc.go.
func (e *Entry) append(b []byte) []byte {
	b = appendHead(b, majorArray, 2)
	b = appendBytes(b, e.Envelope)
	o := &e.Outcome
	b = appendHead(b, majorArray, 7)
	b = appendHead(b, majorUint, uint64(o.Code))
	b = appendInt(b, o.Reason)
	b = appendText(b, o.Message)
	b = appendHead(b, majorUint, o.Gas)
	b = appendHead(b, majorArray, uint64(len(o.Sequences)))
	for _, s := range o.Sequences {
		b = appendHead(b, majorUint, uint64(s))
	}
	b = appendHead(b, majorArray, uint64(len(o.Writes)))
	for i := range o.Writes {
		w := &o.Writes[i]
		b = appendHead(b, majorArray, 5)
		b = appendHead(b, majorUint, uint64(w.Op))
		b = appendText(b, string(w.Address))
		b = appendText(b, w.Key)
		b = appendBytes(b, w.Value)
		b = appendHead(b, majorUint, uint64(w.Sequence))
	}
	b = appendHead(b, majorArray, uint64(len(o.Reads)))
	for i := range o.Reads {
		b = appendHead(b, majorArray, 2)
		b = appendText(b, string(o.Reads[i].Address))
		b = appendText(b, o.Reads[i].Key)
	}
	return b
}

// decode reads an entry. It shares memory with the input.
func (e *Entry) decode(raw []byte) error {
	r := reader{b: raw}
	r.tuple(2)
	e.Envelope = r.bytes(majorBytes)
	o := &e.Outcome
	r.tuple(7)
	code := r.head(majorUint)
	if code > 1<<16-1 {
		r.fail("a code of 16 bits")
	}
	o.Code = abi.Code(code)
	o.Reason = r.int()
	o.Message = r.text()
	o.Gas = r.head(majorUint)
	if n := r.list(); n > 0 {
		o.Sequences = make([]Sequence, n)
		for i := range o.Sequences {
			o.Sequences[i] = Sequence(r.head(majorUint))
		}
	}
	if n := r.list(); n > 0 {
		o.Writes = make([]Write, n)
		for i := range o.Writes {
			w := &o.Writes[i]
			r.tuple(5)
			op := r.head(majorUint)
			if op >= MaxOps {
				r.fail("the position of an operation")
			}
			w.Op, w.Address, w.Key = uint32(op), Address(r.text()), r.text()
			w.Value, w.Sequence = r.bytes(majorBytes), Sequence(r.head(majorUint))
		}
	}
	if n := r.list(); n > 0 {
		o.Reads = make([]Read, n)
		for i := range o.Reads {
			r.tuple(2)
			o.Reads[i] = Read{Address: Address(r.text()), Key: r.text()}
		}
	}
	return r.end()
}
