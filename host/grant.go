package host

// Grant returns what the call may do beyond the contract's own state, for a runtime
// that runs the contract in another process and makes a Session there.
func (s *Session) Grant() Grant { return s.grant }

// Quiet returns the call's state for looking ahead: reading from it is not noted anywhere.
// It is nil when the state takes note of every read. What the contract then does read is
// still read through the Session.
func (s *Session) Quiet() State {
	if q, ok := s.state.(Quieter); ok {
		return q.Quiet()
	}
	return nil
}
