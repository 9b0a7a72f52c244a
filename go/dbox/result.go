package dbox

// Result is the outcome of a parser. Exactly one of these is the case:
//
//   - OK: the thing was parsed.
//   - Need is not 0: the slice is too short to tell. Never at the end of the
//     file.
//   - Rule is not RuleNone: a rule of the format is broken, at Offset.
type Result struct {
	Need   int  // length that the slice must have at least, in bytes
	Offset int  // where the rule is broken, in bytes from the slice's start
	Rule   Rule // RuleNone unless broken
}

// OK reports whether the thing was parsed.
func (r Result) OK() bool {
	return r.Need == 0 && r.Rule == RuleNone
}

func broken(rule Rule, offset int) Result {
	return Result{Rule: rule, Offset: offset}
}

// short is the Result for a slice b that ends inside the thing to be parsed.
func short(b []byte, need int, eof bool, truncated Rule) Result {
	if eof {
		return broken(truncated, len(b))
	}
	return Result{Need: need}
}
