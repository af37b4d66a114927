// FROM copied to TO, 256 KiB at a time: wall time of all.
package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

func need(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	start := time.Now()
	from, err := os.Open(os.Args[1])
	need(err)
	to, err := os.Create(os.Args[2])
	need(err)
	chunk := make([]byte, 256*1024)
	for {
		size, err := from.Read(chunk)
		if err == io.EOF {
			break
		}
		need(err)
		_, err = to.Write(chunk[:size])
		need(err)
	}
	need(to.Close())
	fmt.Printf("ns=%d\n", time.Since(start).Nanoseconds())
}
