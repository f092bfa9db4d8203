// echo: the lab's test container, server and client in one.
//
//	echo                 serves on :8080; every answer is "HOSTNAME to REMOTE-ADDRESS"
//	echo get URL         prints what the URL answers
//	echo lookup NAME     prints the addresses that the resolver of the container knows for NAME
//	echo dial HOST:PORT  prints the local address of a TCP connection to there
//
// The clients try for up to five seconds: a service's address may still lead to an endpoint that has just gone.
package main

import (
	"context"
	"fmt"
	"io"
	"io/ioutil"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

const patience = 5 * time.Second

func get(url string) (string, error) {
	c := http.Client{Timeout: 2 * time.Second}
	r, err := c.Get(url)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	b, err := ioutil.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s", r.Status)
	}
	return string(b), err
}

func lookup(name string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	a, err := net.DefaultResolver.LookupHost(ctx, name)
	return strings.Join(a, "\n") + "\n", err
}

func dial(address string) (string, error) {
	c, err := net.DialTimeout("tcp", address, 2*time.Second)
	if err != nil {
		return "", err
	}
	defer c.Close()
	return c.LocalAddr().String() + "\n", nil
}

func serve() {
	host, _ := os.Hostname()
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, host, "to", r.RemoteAddr)
	})
	fmt.Fprintln(os.Stderr, http.ListenAndServe(":8080", nil))
	os.Exit(1)
}

func main() {
	if len(os.Args) == 1 {
		serve()
	}
	ask := map[string]func(string) (string, error){"get": get, "lookup": lookup, "dial": dial}[os.Args[1]]
	if ask == nil || len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: echo [get URL | lookup NAME | dial HOST:PORT]")
		os.Exit(2)
	}
	for end := time.Now().Add(patience); ; time.Sleep(300 * time.Millisecond) {
		answer, err := ask(os.Args[2])
		if err == nil {
			io.WriteString(os.Stdout, answer)
			return
		}
		if time.Now().After(end) {
			fmt.Fprintln(os.Stderr, "echo:", err)
			os.Exit(1)
		}
	}
}
