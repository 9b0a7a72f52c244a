// Command report makes a table and charts of what the benchmark has measured.
//
//	report PREFIX                 PREFIX-rounds.csv and PREFIX-specials.csv are
//	                              read; PREFIX.md, PREFIX-ratios.svg and
//	                              PREFIX-latency.svg are written
//	report -guard BOUNDS PREFIX   compares ratios with the bounds of a file
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("report: ")
	bounds := flag.String("guard", "", "file of bounds")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: report [-guard BOUNDS] PREFIX")
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	prefix := flag.Arg(0)
	figures, err := load(prefix)
	if err != nil {
		log.Fatal(err)
	}
	figures.notes["versions"] += ", " + runtime.Version()
	if *bounds != "" {
		ok, err := guard(figures, *bounds)
		if err != nil {
			log.Fatal(err)
		}
		if !ok {
			os.Exit(1)
		}
		return
	}
	if err := write(figures, prefix); err != nil {
		log.Fatal(err)
	}
}

func write(f *figures, prefix string) error {
	name := filepath.Base(prefix)
	text := table(f, name)
	for _, file := range []struct{ path, content string }{
		{prefix + ".md", text},
		{prefix + "-ratios.svg", ratioChart(f)},
		{prefix + "-latency.svg", latencyChart(f)},
	} {
		if err := os.WriteFile(file.path, []byte(file.content), 0o666); err != nil {
			return err
		}
	}
	fmt.Print(targetTable(f))
	fmt.Printf("\nAll of it: %s.md\n", prefix)
	return nil
}
