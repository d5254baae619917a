package worker

// Raced says that workers have no limit on memory in this build.
const Raced = raced

// PID is the child's process id.
func (c *Child) PID() int { return c.cmd.Process.Pid }
