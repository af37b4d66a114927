// Fetches URL PAGES times over CONNECTIONS connections, dropping every body
// once it is whole: once to warm up and PASSES times that count.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

func cpuNanoseconds() int64 {
	var used syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return used.Utime.Nano() + used.Stime.Nano()
}

func fetch(client *http.Client, url string) int {
	response, err := client.Get(url)
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 200 {
		panic("not the page expected")
	}
	return len(body)
}

func pass(client *http.Client, url string, pages int) {
	lengths := make([]int, pages)
	var done sync.WaitGroup
	done.Add(pages)
	for i := range lengths {
		go func(i int) {
			lengths[i] = fetch(client, url)
			done.Done()
		}(i)
	}
	done.Wait()
	for _, length := range lengths {
		if length != lengths[0] {
			panic("not the page expected")
		}
	}
}

func main() {
	var numbers [3]int
	for i := range numbers {
		numbers[i], _ = strconv.Atoi(os.Args[i+2])
	}
	url, pages, connections, passes := os.Args[1], numbers[0], numbers[1], numbers[2]
	client := &http.Client{Transport: &http.Transport{
		MaxConnsPerHost:     connections,
		MaxIdleConnsPerHost: connections,
	}}
	pass(client, url, pages)
	cpu, wall := cpuNanoseconds(), time.Now()
	for i := 0; i < passes; i++ {
		pass(client, url, pages)
	}
	count := float64(pages * passes)
	fmt.Printf("ns=%.1f wall=%.1f\n", float64(cpuNanoseconds()-cpu)/count,
		float64(time.Since(wall).Nanoseconds())/count)
}
