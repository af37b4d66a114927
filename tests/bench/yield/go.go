// runtime.Gosched with TASKS goroutines; OPS switches in all.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
)

func cpuNanoseconds() int64 {
	var used syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return used.Utime.Nano() + used.Stime.Nano()
}

func task(turns int, done *sync.WaitGroup) {
	for i := 0; i < turns; i++ {
		runtime.Gosched()
	}
	done.Done()
}

func measure(tasks, total int) float64 {
	turns := total / tasks
	start := cpuNanoseconds()
	var done sync.WaitGroup
	done.Add(tasks)
	for i := 0; i < tasks; i++ {
		go task(turns, &done)
	}
	done.Wait()
	return float64(cpuNanoseconds()-start) / float64(turns*tasks)
}

func main() {
	tasks, _ := strconv.Atoi(os.Args[1])
	ops, _ := strconv.Atoi(os.Args[2])
	measure(tasks, ops/10)
	fmt.Printf("ns=%.2f\n", measure(tasks, ops))
}
