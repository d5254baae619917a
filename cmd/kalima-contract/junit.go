package main

import (
	"encoding/xml"
	"fmt"
	"io"

	"github.com/kalima-chain/kalima/registry"
)

// The JUnit form, as build servers read it: a suite for each scenario, a test case for each
// of its cases. There are no times: a scenario gives the same bytes on every machine.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name     string         `xml:"name,attr"`
		Class    string         `xml:"classname,attr"`
		File     string         `xml:"file,attr"`
		Line     int            `xml:"line,attr"`
		Failures []junitFailure `xml:"failure"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

func writeJUnit(w io.Writer, m registry.Manifest, results []tested) error {
	all := junitSuites{Name: m.Name + " " + m.Version}
	for _, r := range results {
		s := junitSuite{Name: r.File}
		for _, c := range r.Cases {
			jc := junitCase{Name: c.Name, Class: r.File, File: r.File, Line: c.Line}
			if jc.Name == "" {
				jc.Name = "scenario"
			}
			for _, f := range c.Failures {
				jc.Failures = append(jc.Failures, junitFailure{
					Message: fmt.Sprintf("%s:%d: %s", r.File, f.Line, f.Statement), Text: failureText(r.File, c.Name, f),
				})
			}
			s.Tests++
			if len(jc.Failures) > 0 {
				s.Failures++
			}
			s.Cases = append(s.Cases, jc)
		}
		all.Tests, all.Failures = all.Tests+s.Tests, all.Failures+s.Failures
		all.Suites = append(all.Suites, s)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
