// COUNT pages at once, and the end.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
)

func main() {
	url := os.Args[1]
	count, _ := strconv.Atoi(os.Args[2])
	var done sync.WaitGroup
	done.Add(count)
	for i := 0; i < count; i++ {
		go func(i int) {
			defer done.Done()
			response, err := http.Get(fmt.Sprintf("%s?n=%d", url, i))
			if err != nil {
				panic(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil || len(body) != 30720 {
				panic("not the page expected")
			}
		}(i)
	}
	done.Wait()
}
