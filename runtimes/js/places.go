package js

import (
	"fmt"
	"strings"

	"github.com/dop251/goja"

	"github.com/kalima-chain/kalima/abi"
)

// sourceName stands for the contract's file in positions.
const sourceName = "contract.js"

// maxPlaces is how much of a stack a fault keeps.
const maxPlaces = 16

// frames gives the contract's own places on a stack, innermost first.
func (c *call) frames(stack []goja.StackFrame, most int) []abi.Place {
	var at []abi.Place
	for _, frame := range stack {
		if frame.SrcName() != sourceName || len(at) == most {
			continue
		}
		pos := frame.Position()
		if pos.Line > c.prog.lines {
			continue // the text around the contract
		}
		p := abi.Place{Function: frame.FuncName(), File: sourceName, Line: pos.Line}
		if strings.HasPrefix(p.Function, "<") {
			p.Function = ""
		}
		c.prog.origin(&p, pos.Column)
		at = append(at, p)
	}
	return at
}

// places is a stack as one line of text.
func places(stack []abi.Place) string {
	var at []string
	for i, p := range stack {
		if i == 4 {
			break
		}
		s := fmt.Sprintf("line %d", p.Line)
		if p.File != sourceName {
			s = fmt.Sprintf("%s:%d", p.File, p.Line)
		}
		if p.Function != "" {
			s += " in " + p.Function
		}
		at = append(at, s)
	}
	return strings.Join(at, ", ")
}
