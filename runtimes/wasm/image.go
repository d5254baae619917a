package wasm

import (
	"bytes"
	"fmt"
)

// image is what every call starts from: memory and globals as they were after the
// contract was initialised.
type image struct {
	memory  []byte
	globals []uint64
	file    *imageFile // the memory as something to map; nil when it is copied
}

// copyWhole is the size up to which memory is simply copied back: below it that is
// faster than finding out what changed.
const copyWhole = 256 << 10

// snapshot keeps the instance as the image.
func (i *instance) snapshot() (*image, error) {
	mem, _ := i.mem.Read(0, i.mem.Size())
	img := &image{memory: bytes.Clone(mem), globals: make([]uint64, len(i.globals))}
	for n, g := range i.globals {
		img.globals[n] = g.Get()
	}
	if i.linear != nil && len(mem) > copyWhole {
		var err error
		if img.file, err = newImageFile(mem); err != nil {
			return nil, fmt.Errorf("keep the image of a contract's memory: %w", err)
		}
		if err := i.adopt(img); err != nil {
			return nil, err
		}
	}
	return img, nil
}

func (img *image) close() error {
	if img == nil || img.file == nil {
		return nil
	}
	return img.file.close()
}

// adopt makes a newly made instance show the image.
func (i *instance) adopt(img *image) error {
	if size := int(i.mem.Size()); size < len(img.memory) {
		if _, ok := i.mem.Grow(uint32((len(img.memory) - size) / pageSize)); !ok {
			return fmt.Errorf("grow a new instance to %d bytes, as the first one did", len(img.memory))
		}
	}
	if img.file != nil {
		if err := i.linear.show(img.file); err != nil {
			return fmt.Errorf("map the image of a contract's memory: %w", err)
		}
		i.restoreGlobals(img)
		return nil
	}
	if !i.restore(img) {
		return fmt.Errorf("a new instance has more memory than the first one had")
	}
	return nil
}

// restore puts the image back after a call; false when the memory grew, which can not be
// undone.
func (i *instance) restore(img *image) bool {
	if int(i.mem.Size()) != len(img.memory) {
		return false
	}
	i.restoreGlobals(img)
	if img.file != nil {
		return i.linear.reset()
	}
	mem, _ := i.mem.Read(0, uint32(len(img.memory)))
	if len(mem) <= copyWhole {
		copy(mem, img.memory)
		return true
	}
	const step = 4096
	for at := 0; at < len(mem); at += step { // comparing is cheaper than writing
		if !bytes.Equal(mem[at:at+step], img.memory[at:at+step]) {
			copy(mem[at:at+step], img.memory[at:at+step])
		}
	}
	return true
}

func (i *instance) restoreGlobals(img *image) {
	for n, g := range i.globals {
		g.Set(img.globals[n])
	}
}
