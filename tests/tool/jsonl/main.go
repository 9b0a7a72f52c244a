// Jsonl reads JSON lines from standard input, each of which must be an object,
// and prints the values of the keys that it is given, one line for each line,
// tabs between them; "-" where there is none.
//
//	jsonl KEY...           of all lines
//	jsonl -type T KEY...   of those whose type is T
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("jsonl: ")
	keys, only := os.Args[1:], ""
	if len(keys) > 1 && keys[0] == "-type" {
		only, keys = keys[1], keys[2:]
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var object map[string]any
		decoder := json.NewDecoder(strings.NewReader(lines.Text()))
		decoder.UseNumber()
		if err := decoder.Decode(&object); err != nil || decoder.More() {
			log.Fatalf("not one JSON object (%v): %q", err, lines.Text())
		}
		if only != "" && object["type"] != only {
			continue
		}
		values := make([]string, len(keys))
		for i, key := range keys {
			values[i] = "-"
			if value, ok := object[key]; ok && value != nil {
				values[i] = fmt.Sprint(value)
			}
		}
		fmt.Println(strings.Join(values, "\t"))
	}
	if err := lines.Err(); err != nil {
		log.Fatal(err)
	}
}
