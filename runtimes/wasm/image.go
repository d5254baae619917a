package wasm

import (
	"bytes"
	"fmt"

	"github.com/tetratelabs/wazero/api"
)

// image is what every call starts from: memory and globals as they were after the
// contract was initialised.
type image struct {
	memory  []byte
	globals []uint64
	file    *imageFile // where memory is, when it is mapped; else nil
}

// snapshot keeps the instance as the image.
func (i *instance) snapshot() (*image, error) {
	mem, _ := i.mem.Read(0, i.mem.Size())
	img := &image{globals: make([]uint64, len(i.globals))}
	for n, g := range i.globals {
		img.globals[n] = g.Get()
	}
	if _, copied := i.linear.(*heapMemory); copied || len(mem) == 0 {
		img.memory = bytes.Clone(mem)
		return img, nil
	}
	var err error
	if img.file, err = newImageFile(mem); err != nil {
		return nil, fmt.Errorf("keep the image of a contract's memory: %w", err)
	}
	img.memory = img.file.view
	return img, nil
}

func (img *image) close() error {
	if img == nil {
		return nil
	}
	return img.file.close()
}

// adopt makes a newly made instance show the image.
func (i *instance) adopt(img *image) error {
	if err := i.linear.adopt(img); err != nil {
		return fmt.Errorf("show the image of a contract's memory: %w", err)
	}
	if (i.lent || int(i.mem.Size()) != len(img.memory)) && !i.resize(len(img.memory)) {
		return fmt.Errorf("resize a new instance to %d bytes, as the first one was", len(img.memory))
	}
	i.lent = false
	i.restoreGlobals(img)
	return nil
}

// restore puts the image back after a call; false when it can not be done.
func (i *instance) restore(img *image) bool {
	if !i.linear.restore(img) || i.m.info.Sticky && !i.tables.restore() {
		return false
	}
	if int(i.mem.Size()) != len(img.memory) && !i.resize(len(img.memory)) {
		return false
	}
	i.restoreGlobals(img)
	return true
}

// resize makes the engine ask for its memory again, and gives it that size. The engine
// asks when memory grows, so that has to be possible by a page.
func (i *instance) resize(size int) bool {
	i.linear.answer(size)
	more := max(1, (size-int(i.mem.Size()))/pageSize)
	if _, ok := i.mem.Grow(uint32(more)); !ok {
		return false // and is used no more
	}
	return int(i.mem.Size()) == size
}

// restoreGlobals puts the image's values into the globals. A reference points into one
// instance, so every instance keeps its own.
func (i *instance) restoreGlobals(img *image) {
	for n, g := range i.globals {
		if i.refs != nil && isReference(g.Type()) {
			g.Set(i.refs[n])
		} else {
			g.Set(img.globals[n])
		}
	}
}

// saveRefs keeps the globals as they are now, for those that hold references.
func (i *instance) saveRefs() {
	i.refs = make([]uint64, len(i.globals))
	for n, g := range i.globals {
		i.refs[n] = g.Get()
	}
}

func isReference(t api.ValueType) bool {
	switch t {
	case api.ValueTypeI32, api.ValueTypeI64, api.ValueTypeF32, api.ValueTypeF64:
		return false
	}
	return true
}
