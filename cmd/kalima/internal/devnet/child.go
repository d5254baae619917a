package devnet

import (
	"encoding/json"
	"fmt"
)

// NodeError is why a node's process ended before it was ready, as it said itself.
type NodeError struct {
	Node    string
	Code    string // word for programs
	Exit    int
	Message string
	Fix     string
}

func (e *NodeError) Error() string { return e.Node + ": " + e.Message }

// childError reads the JSON error object that a node prints last.
func childError(name, line string) error {
	var said struct {
		Error *struct {
			Code    string `json:"code"`
			Exit    int    `json:"exit"`
			Message string `json:"message"`
			Fix     string `json:"fix"`
		} `json:"error"`
	}
	if err := json.Unmarshal([]byte(line), &said); err != nil || said.Error == nil {
		return fmt.Errorf("%s ended before it was ready; its log says why", name)
	}
	e := said.Error
	return &NodeError{Node: name, Code: e.Code, Exit: e.Exit, Message: e.Message, Fix: e.Fix}
}
