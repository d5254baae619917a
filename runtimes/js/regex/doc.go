// Package regex matches ECMAScript regular expressions in time that grows with the length
// of the text and of the expression only, and counts that time in steps which are the same
// on every machine.
//
// It takes what a machine without backtracking can run: everything but backreferences,
// lookahead, lookbehind, Unicode property classes and the flags d and v, which Compile
// refuses by name. A match is the one that a backtracking engine would find, with one
// exception: where an iteration of a loop matches the empty text, groups inside of it may
// be reported differently.
package regex
