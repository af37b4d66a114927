// N goroutines that all sleep at the same time for SECONDS.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func cpuNanoseconds() int64 {
	var used syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return used.Utime.Nano() + used.Stime.Nano()
}

func peakKib() int {
	status, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(status), "\n") {
		if strings.HasPrefix(line, "VmHWM:") {
			kib, _ := strconv.Atoi(strings.Fields(line)[1])
			return kib
		}
	}
	return 0
}

func measure(count int64, delay time.Duration) (startTime float64, early int32) {
	var started int64
	var done sync.WaitGroup
	began := time.Now()
	done.Add(int(count))
	for i := int64(0); i < count; i++ {
		go func() {
			if atomic.AddInt64(&started, 1) == count {
				startTime = time.Since(began).Seconds()
			}
			time.Sleep(delay)
			if atomic.LoadInt64(&started) < count {
				atomic.StoreInt32(&early, 1)
			}
			done.Done()
		}()
	}
	done.Wait()
	return startTime, early
}

func main() {
	n, _ := strconv.Atoi(os.Args[1])
	seconds, _ := strconv.ParseFloat(os.Args[2], 64)
	measure(1000, 10*time.Millisecond)
	kib, cpu := peakKib(), cpuNanoseconds()
	start, early := measure(int64(n), time.Duration(seconds*float64(time.Second)))
	cpu, kib = cpuNanoseconds()-cpu, peakKib()-kib
	fmt.Printf("ns=%.1f rss=%.1f start=%.3f early=%d\n", float64(cpu)/float64(n),
		float64(kib)*1024/float64(n), start, early)
}
