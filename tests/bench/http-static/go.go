// HTTP server of the files of a folder.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("port=%d\n", listener.Addr().(*net.TCPAddr).Port)
	panic(http.Serve(listener, http.FileServer(http.Dir(os.Args[1]+"/www"))))
}
