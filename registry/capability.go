package registry

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Capabilities are what a react contract may use beyond the ABI's own functions. A manifest
// declares what the contract would use; a deployment grants some of it, or nothing.
type Capabilities struct {
	HTTP  []string `json:"http,omitempty"`  // origins it sends requests to: https://api.example.com, sorted
	Clock bool     `json:"clock,omitempty"` // it reads the node's clock
}

func (c Capabilities) none() bool { return len(c.HTTP) == 0 && !c.Clock }

func (c Capabilities) check() error {
	if len(c.HTTP) > MaxOrigins {
		return fmt.Errorf("http has %d origins, at most %d", len(c.HTTP), MaxOrigins)
	}
	for _, o := range c.HTTP {
		if err := checkOrigin(o); err != nil {
			return err
		}
	}
	return checkSorted("http", c.HTTP, strings.Compare)
}

// checkOrigin checks one origin: scheme, host and, unless it is the scheme's own, port.
func checkOrigin(o string) error {
	if len(o) > MaxOrigin {
		return fmt.Errorf("http: origin of %d bytes, at most %d", len(o), MaxOrigin)
	}
	u, err := url.Parse(o)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.Scheme+"://"+u.Host != o || strings.ToLower(o) != o {
		return fmt.Errorf("http: %s is not an origin such as https://api.example.com", short(o))
	}
	return nil
}

// within refuses capabilities that were not declared.
func (c Capabilities) within(declared Capabilities) error {
	for _, o := range c.HTTP {
		if !slices.Contains(declared.HTTP, o) {
			return fmt.Errorf("http to %s was not declared in the manifest", o)
		}
	}
	if c.Clock && !declared.Clock {
		return fmt.Errorf("clock was not declared in the manifest")
	}
	return nil
}
