package starlark

import (
	"crypto/sha256"
	"fmt"
	"sync"
)

// What a contract pays beside StepGas. A unit is about a nanosecond, as a step's ten are.
const (
	elementSize  = 16        // bytes of an element of a list
	entrySize    = 64        // bytes of an entry of a dict or a set
	emptyDict    = 512       // bytes of a dict or a set with nothing in it
	maxBits      = 4096      // of an int
	maxNesting   = 64        // of a value that is printed, hashed or made from JSON
	maxRange     = 96        // characters of a range that is printed
	maxString    = 256 << 10 // bytes
	bytesPerGas  = 16        // compared or hashed
	searchPerGas = 4         // bytes looked through
	compareGas   = 4         // a pair of elements
	freeKeys     = 128       // keys of a table that are looked up for nothing even if all collide
	keyGas       = 2         // each of the others
	mathGas      = 100       // a function of math
	jsonGas      = 4         // a byte of JSON
	sortGas      = 8         // an element moved in a round of sorting
)

// version counts changes of the prices, and of what steps and guards there are.
const version = 2

// Engine is the version of the interpreter: another one may count other steps.
const Engine = "v0.0.0-20260908191801-89a6a09411d5"

// schedule names the prices: their version and a digest of them.
var schedule = sync.OnceValue(func() string {
	h := sha256.New()
	fmt.Fprintln(h, Engine, StepGas, MaxSource, elementSize, entrySize, emptyDict, maxBits, maxNesting, maxRange, maxString,
		bytesPerGas, searchPerGas, compareGas, freeKeys, keyGas, mathGas, jsonGas, sortGas, shortText, smallDict, maxDepth)
	return fmt.Sprintf("starlark/%d %.12x", version, h.Sum(nil))
})
