//go:build unix

package devnet

import (
	"os/exec"
	"syscall"
)

// apart gives a child a process group of its own.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
