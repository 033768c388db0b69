package main

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/livello/livello/test/engine"
)

// A service that dies while it is asked is named as the reason, and the request is not sent again: it may have been carried out.
func TestServiceEndsBeforeItAnswers(t *testing.T) {
	t.Parallel()
	data := engine.TempDir(t)
	l, err := listenLocal(data)
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan int, 1)
	go func() {
		n := 0
		for {
			conn, err := l.Accept()
			if err != nil {
				asked <- n
				return
			}
			// The first connection only looks whether somebody is there.
			if request, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				n++
				_, _ = io.Copy(io.Discard, request.Body)
			}
			conn.Close()
		}
	}()
	client := runningService(t.Context(), data)
	if client == nil {
		t.Fatalf("nobody answers on %s", filepath.Join(data, socketName))
	}
	err = askLocal(t.Context(), client, http.MethodPost, erasePath, eraseRequest{ID: "ada"}, nil)
	if !errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "the service ended before it answered") {
		t.Errorf("got %v", err)
	}
	l.Close()
	if n := <-asked; n != 1 {
		t.Errorf("asked %d times, want once", n)
	}
}
