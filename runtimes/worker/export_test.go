package worker

// Raced says that workers have no limit on memory in this build.
const Raced = raced

// Unthrottled lets a runtime start workers as fast as they die.
func Unthrottled(r *Runtime) *Runtime {
	r.pool.starts.every = 0
	return r
}

// PID is the child's process id.
func (c *Child) PID() int { return c.cmd.Process.Pid }
