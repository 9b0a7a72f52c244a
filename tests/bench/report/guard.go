package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// guard compares ratios with the lines "LAYOUT STATE BATCH MODE PEER TO BOUND"
// of a file, and reports whether all are within them.
func guard(f *figures, path string) (bool, error) {
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	good := true
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		ok, err := guardLine(f, fields)
		if err != nil {
			return false, fmt.Errorf("%s: %s: %w", path, lines.Text(), err)
		}
		good = good && ok
	}
	return good, lines.Err()
}

func guardLine(f *figures, fields []string) (bool, error) {
	if len(fields) != 7 {
		return false, fmt.Errorf("%d fields, not 7", len(fields))
	}
	batch, err := strconv.Atoi(fields[2])
	if err != nil {
		return false, err
	}
	bound, err := strconv.ParseFloat(fields[6], 64)
	if err != nil {
		return false, err
	}
	k, peer, to := key{fields[0], fields[1], batch, fields[3]}, fields[4], fields[5]
	name := fmt.Sprintf("%s: %s of %s", k.title(), peer, to)
	ratio, measured := f.ratio(k, peer, to, wall)
	switch {
	case !measured:
		fmt.Printf("skip %s: not measured here\n", name)
	case ratio > bound:
		fmt.Printf("not ok %s: %.3f, bound %s\n", name, ratio, fields[6])
		return false, nil
	default:
		fmt.Printf("ok %s: %.3f, bound %s\n", name, ratio, fields[6])
	}
	return true, nil
}
