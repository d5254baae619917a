//go:build !linux

package worker_test

import "github.com/kalima-chain/kalima/runtimes/worker"

var linuxRoles []worker.Role
