package mails

import "math/rand/v2"

// Demo are 200 mails of 1 KB to 5 MB, 35 MB in all, in mixed order.
func Demo() []Mail {
	var sizes []int
	for _, some := range []struct{ count, size int }{
		{60, 1024}, {50, 4096}, {40, 20000}, {25, 100000}, {15, 400000},
		{7, 1500000}, {3, 5000000},
	} {
		for range some.count {
			sizes = append(sizes, some.size)
		}
	}
	random := rand.New(rand.NewPCG(42, 0))
	random.Shuffle(len(sizes), func(i, j int) {
		sizes[i], sizes[j] = sizes[j], sizes[i]
	})
	all := make([]Mail, len(sizes))
	for i, size := range sizes {
		nl := []string{"\r\n", "\n"}[i%2]
		if i%5 == 4 {
			all[i] = Mixed(i, size*7/10, nl)
		} else {
			all[i] = Plain(i, size, nl)
		}
	}
	return all
}

// Small are count mails of 2 KB.
func Small(count int) []Mail {
	all := make([]Mail, count)
	for i := range all {
		all[i] = Plain(i, 1400, "\n")
	}
	return all
}
