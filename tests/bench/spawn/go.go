// 100 goroutines and a WaitGroup, again and again: OPS goroutines in all.
package main

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"
)

const width = 100

func cpuNanoseconds() int64 {
	var used syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return used.Utime.Nano() + used.Stime.Nano()
}

func child() int {
	return 1
}

func gather() []int {
	results := make([]int, width)
	var done sync.WaitGroup
	done.Add(width)
	for i := 0; i < width; i++ {
		go func(i int) {
			results[i] = child()
			done.Done()
		}(i)
	}
	done.Wait()
	return results
}

func measure(total int) float64 {
	rounds := total / width
	start := cpuNanoseconds()
	for i := 0; i < rounds; i++ {
		if results := gather(); results[width-1] != 1 {
			panic("results are missing")
		}
	}
	return float64(cpuNanoseconds()-start) / float64(rounds*width)
}

func main() {
	ops, _ := strconv.Atoi(os.Args[2])
	measure(ops / 10)
	fmt.Printf("ns=%.2f\n", measure(ops))
}
