package wire

import "fmt"

// How much is shown before and after the place of a difference.
const (
	before = 120
	after  = 200
)

func formatDifference(a, b []byte, at int) string {
	return fmt.Sprintf("%d and %d bytes, which differ from %d on\n"+
		"    stock:  %s\n    plugin: %s", len(a), len(b), at,
		around(a, at), around(b, at))
}

func around(text []byte, at int) string {
	from, to := max(0, at-before), min(len(text), at+after)
	return fmt.Sprintf("%q | %q", text[from:min(at, len(text))],
		text[min(at, len(text)):to])
}
