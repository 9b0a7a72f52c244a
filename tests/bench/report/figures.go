package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// key is one case: which messages, on what, how many at once, how.
type key struct {
	layout, state string
	batch         int
	mode          string
}

func (k key) String() string {
	s := fmt.Sprintf("%s %s %d", k.layout, k.state, k.batch)
	if k.mode == "direct" {
		s += " direct"
	}
	return s
}

// round is one round of one peer; times are microseconds a message.
type round struct {
	wall, user, system, switches, preemptions float64
	longest                                   float64
	interrupted                               int
	calls                                     float64
}

func (r round) cpu() float64 { return r.user + r.system }

// figures is all that was measured.
type figures struct {
	notes  map[string]string // of the machine
	skips  []string
	cases  []key
	rounds map[key]map[string][]round // by peer
	// specials by figure and variant, in the order of their rounds
	specials map[string]map[string][]float64
}

func load(prefix string) (*figures, error) {
	f := &figures{
		notes:    map[string]string{},
		rounds:   map[key]map[string][]round{},
		specials: map[string]map[string][]float64{},
	}
	if err := f.read(prefix+"-rounds.csv", f.addRound); err != nil {
		return nil, err
	}
	return f, f.read(prefix+"-specials.csv", f.addSpecial)
}

// read gives add each line of a CSV file but its heading.
func (f *figures) read(path string, add func([]string) error) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var lines strings.Builder
	for line := range strings.Lines(string(data)) {
		comment, ok := strings.CutPrefix(strings.TrimSpace(line), "# ")
		if !ok {
			lines.WriteString(line)
			continue
		}
		name, value, _ := strings.Cut(comment, ": ")
		if name == "skip" {
			f.skips = append(f.skips, value)
		} else {
			f.notes[name] = value
		}
	}
	rows, err := csv.NewReader(strings.NewReader(lines.String())).ReadAll()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for i := 1; i < len(rows); i++ {
		if err := add(rows[i]); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

func numbers(fields []string) ([]float64, error) {
	values := make([]float64, len(fields))
	for i, field := range fields {
		var err error
		if values[i], err = strconv.ParseFloat(field, 64); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func (f *figures) addRound(row []string) error {
	batch, err := strconv.Atoi(row[2])
	if err != nil {
		return err
	}
	v, err := numbers(row[6:])
	if err != nil {
		return err
	}
	k, peer := key{row[0], row[1], batch, row[3]}, row[4]
	if f.rounds[k] == nil {
		f.rounds[k] = map[string][]round{}
		f.cases = append(f.cases, k)
	}
	n := v[0]
	f.rounds[k][peer] = append(f.rounds[k][peer], round{
		wall: v[1] / 1e3 / n, user: v[2] / n, system: v[3] / n,
		switches: v[4] / n, preemptions: v[5] / n,
		longest: v[6], interrupted: int(v[7]), calls: v[8],
	})
	return nil
}

func (f *figures) addSpecial(row []string) error {
	value, err := strconv.ParseFloat(row[3], 64)
	if err != nil {
		return err
	}
	if f.specials[row[0]] == nil {
		f.specials[row[0]] = map[string][]float64{}
	}
	f.specials[row[0]][row[1]] = append(f.specials[row[0]][row[1]], value)
	return nil
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	values = slices.Sorted(slices.Values(values))
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// of is the median of a figure over a peer's rounds.
func (f *figures) of(k key, peer string, get func(round) float64) float64 {
	var values []float64
	for _, r := range f.rounds[k][peer] {
		values = append(values, get(r))
	}
	return median(values)
}

// ratio is the median of the ratios of rounds that were run side by side.
// false: one of the two was not measured.
func (f *figures) ratio(k key, peer, to string, get func(round) float64) (float64, bool) {
	a, b := f.rounds[k][peer], f.rounds[k][to]
	if len(a) == 0 || len(a) != len(b) {
		return 0, false
	}
	var values []float64
	for i := range a {
		if get(b[i]) > 0 {
			values = append(values, get(a[i])/get(b[i]))
		}
	}
	return median(values), len(values) > 0
}

func wall(r round) float64 { return r.wall }
func cpu(r round) float64  { return r.cpu() }

// special returns the values of a special figure.
func (f *figures) special(figure, variant string) []float64 {
	return f.specials[figure][variant]
}
