package host

// Grant returns what the call may do beyond the contract's own state, for a runtime
// that runs the contract in another process and makes a Session there.
func (s *Session) Grant() Grant { return s.grant }
