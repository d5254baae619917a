// Package ingest turns the lines of a file into rows, each with the place in the file
// where it ends, so that reading can stop and go on there. What is wrong with a line is a
// Reject with its number; it never stops the reading and never takes good lines with it.
package ingest
