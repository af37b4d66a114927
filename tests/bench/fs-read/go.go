// Every file of DIR/1 to DIR/COUNT read, 100 at once: wall time of one.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

func readAll(paths []string) {
	var next int64 = -1
	var group sync.WaitGroup
	for i := 0; i < 100; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for {
				n := int(atomic.AddInt64(&next, 1))
				if n >= len(paths) {
					return
				}
				if bytes, err := os.ReadFile(paths[n]); err != nil || len(bytes) != 4096 {
					panic(err)
				}
			}
		}()
	}
	group.Wait()
}

func measure(paths []string, times int) float64 {
	start := time.Now()
	for i := 0; i < times; i++ {
		readAll(paths)
	}
	return float64(time.Since(start).Nanoseconds()) / float64(times*len(paths))
}

func main() {
	runtime.GOMAXPROCS(runtime.NumCPU()) // wall time: it may have all of them
	count, _ := strconv.Atoi(os.Args[2])
	paths := make([]string, count)
	for i := range paths {
		paths[i] = fmt.Sprintf("%s/%d", os.Args[1], i+1)
	}
	measure(paths, 1)
	fmt.Printf("ns=%.2f\n", measure(paths, 5))
}
