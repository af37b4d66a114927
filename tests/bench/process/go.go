// /bin/true with its output taken, OPS times: wall time of one.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"
)

func measure(total int) float64 {
	start := time.Now()
	for i := 0; i < total; i++ {
		command := exec.Command("/bin/true")
		command.Stderr = os.Stderr
		if _, err := command.Output(); err != nil {
			panic(err)
		}
	}
	return float64(time.Since(start).Nanoseconds()) / float64(total)
}

func main() {
	ops, _ := strconv.Atoi(os.Args[1])
	measure(ops/10 + 1)
	fmt.Printf("ns=%.2f\n", measure(ops))
}
