// JSON that comes back: 25 kinds of things, two routes each.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
)

func reply(w http.ResponseWriter, thing any) {
	body, err := json.Marshal(thing)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(body)
}

func list(w http.ResponseWriter, r *http.Request) {
	reply(w, []any{})
}

func echo(w http.ResponseWriter, r *http.Request) {
	var thing map[string]any
	if err := json.NewDecoder(r.Body).Decode(&thing); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	reply(w, thing)
}

func main() {
	app := http.NewServeMux()
	for kind := 0; kind < 25; kind++ {
		app.HandleFunc(fmt.Sprintf("/things%d", kind), list)
		app.HandleFunc(fmt.Sprintf("/things%d/", kind), echo)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("port=%d\n", listener.Addr().(*net.TCPAddr).Port)
	panic(http.Serve(listener, app))
}
