// Ping-pong between two goroutines over two unbuffered channels.
package main

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
)

func cpuNanoseconds() int64 {
	var used syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return used.Utime.Nano() + used.Stime.Nano()
}

func measure(trips int) float64 {
	there, back := make(chan int), make(chan int)
	go func() {
		for value := range there {
			back <- value
		}
	}()
	start := cpuNanoseconds()
	for i := 0; i < trips; i++ {
		there <- i
		if <-back != i {
			panic("wrong value")
		}
	}
	spent := cpuNanoseconds() - start
	close(there)
	return float64(spent) / float64(trips)
}

func main() {
	ops, _ := strconv.Atoi(os.Args[1])
	measure(ops / 10)
	fmt.Printf("ns=%.2f\n", measure(ops))
}
