//go:build !amd64

package main

// Native code runs on amd64 only: elsewhere nothing is timed.

func units(int, bool) []unit { return nil }

func readLines([]byte, int) {}

func writeLines([]byte) {}

func writePast([]byte) {}
