// All that is below DIR, with its sizes: wall time.  It must be COUNT files.
package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

func measure(dir string, count int) int64 {
	start := time.Now()
	files := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Size() == 0 {
			files++
		}
		return err
	})
	if err != nil || files != count {
		panic("missing files")
	}
	return time.Since(start).Nanoseconds()
}

func main() {
	count, _ := strconv.Atoi(os.Args[2])
	measure(os.Args[1], count)
	fmt.Printf("ns=%d\n", measure(os.Args[1], count))
}
