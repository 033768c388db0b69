package main

import "fmt"

// counted is a number of things: 1 row, 2 rows. The word takes an s.
func counted[N int | uint | uint32 | uint64 | int64](n N, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
