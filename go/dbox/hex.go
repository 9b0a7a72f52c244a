package dbox

import "math"

// ParseHex parses a whole value as a hex number without sign or prefix, in
// either case, as str_to_uintmax_hex() in Dovecot's strnum.c does. It returns
// false for an empty value, for anything that is not a hex digit, and for a
// number of more than 64 bits.
func ParseHex(value []byte) (uint64, bool) {
	if len(value) == 0 {
		return 0, false
	}
	var n uint64
	for _, c := range value {
		digit, ok := hexDigit(c)
		if !ok || n > math.MaxUint64>>4 {
			return 0, false
		}
		n = n<<4 | uint64(digit)
	}
	return n, true
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
