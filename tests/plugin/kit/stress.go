package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"libdbox_aio/tests/plugin/lab"
)

// After so many differences there is enough to look at.
const enough = 10

// stress: random sessions on stores of all kinds, compared with stock's, while
// other clients come and go; and in turns with them, all the races.
func stress(w *world, r *report) error {
	if err := lab.CanMount(); err != nil {
		return err
	}
	seed := w.o.seed
	if seed == 0 {
		seed = rand.Uint64N(1 << 32)
	}
	fmt.Printf("# seed %d: repeat with -seed %d (make: SEED=%d)\n", seed, seed, seed)
	if err := w.makeStores(kinds); err != nil {
		return err
	}
	local, err := w.addSite("local", 0, true, nil)
	if err != nil {
		return err
	}
	local.cold = true
	slow, err := w.addSite("slow", time.Millisecond, true, nil)
	if err != nil {
		return err
	}
	race, err := w.addRaceSite("race", r, nil)
	if err != nil {
		return err
	}
	s := &stresser{w: w, r: r, slow: slow, sites: []*site{local, slow}}
	end := time.Now().Add(w.o.duration)
	for round := uint64(0); time.Now().Before(end) && s.differences < enough; round++ {
		s.round(seed+round, min(time.Until(end), 2*time.Minute))
		if time.Now().Before(end) {
			race.comeAndGo(r, seed+round)
		}
	}
	r.note("%d sessions compared, %d of them too much for stock", s.sessions,
		s.fatal)
	for _, other := range s.sites {
		other.lab.SettleLog()
		r.test("stress/healthy/"+other.name, s.healthy(other))
	}
	return nil
}

// stresser counts what the workers of a round find.
type stresser struct {
	w     *world
	r     *report
	slow  *site
	sites []*site

	mu                    sync.Mutex
	sessions, differences int
	// sessions that ended otherwise while Dovecots crashed: all clients are in
	// one process, and it may have been another client's doing.
	unsure []stressed
	// sessions that stock Dovecot does not survive
	fatal int
}

// stressed is a random session on a kind of store.
type stressed struct {
	k  *kind
	sc *script
}

// round: each kind of store has a worker, as many at once as there are jobs.
func (s *stresser) round(seed uint64, d time.Duration) {
	end := time.Now().Add(d)
	var group sync.WaitGroup
	slots := make(chan struct{}, s.w.o.jobs)
	order := rand.New(rand.NewPCG(seed, 0)).Perm(len(kinds))
	for i, at := range order {
		group.Add(1)
		slots <- struct{}{}
		go func() {
			defer func() {
				<-slots
				group.Done()
			}()
			random := rand.New(rand.NewPCG(seed, uint64(at)+1))
			for range 25 {
				if !time.Now().Before(end) || s.enough() {
					return
				}
				k := kinds[at]
				s.session(stressed{k, randomScript(random, k)}, seed)
			}
		}()
		delay := time.Duration(order[i]%4) * 500 * time.Microsecond
		if err := s.slow.slow.SetDelay(delay); err != nil {
			s.r.test("stress/delay", err)
		}
	}
	group.Wait()
	for _, one := range s.unsure {
		s.alone(one, seed)
	}
	s.unsure = nil
}

func (s *stresser) enough() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.differences >= enough
}

// logs of all sites, by their lengths
func (s *stresser) marks() []int {
	marks := []int{len(s.w.stock.lab.Log())}
	for _, site := range s.sites {
		marks = append(marks, len(site.lab.Log()))
	}
	return marks
}

// crashes since then, of stock and of all.
func (s *stresser) crashes(marks []int) (stock, all []string) {
	s.w.stock.lab.SettleLog()
	stock = lab.Crashes(s.w.stock.lab.LogSince(marks[0]))
	all = stock
	for i, site := range s.sites {
		all = append(all, lab.Crashes(site.lab.LogSince(marks[i+1]))...)
	}
	return stock, all
}

func (s *stresser) compare(one stressed) error {
	c := &comparison{r: s.r, k: one.k, stock: s.w.stock, others: s.sites}
	found, err := c.each("random", true, func(site *site) (*transcript, error) {
		return site.play(one.k.name, one.sc)
	})
	if err == nil && len(found) > 0 {
		err = errors.New(strings.Join(found, "\n"))
	}
	return err
}

// session compares one random session.
func (s *stresser) session(one stressed, seed uint64) {
	marks := s.marks()
	err := s.compare(one)
	var crashes []string
	if err != nil {
		_, crashes = s.crashes(marks)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions++
	if len(crashes) > 0 {
		s.unsure = append(s.unsure, one)
	} else if err != nil {
		s.fail(one, seed, err)
	}
}

// alone repeats a session while nobody else is there. If stock does not survive
// it there is nothing to compare.
func (s *stresser) alone(one stressed, seed uint64) {
	marks := s.marks()
	err := s.compare(one)
	stock, all := s.crashes(marks)
	switch {
	case len(stock) > 0:
		s.fatal++
		s.r.note("seed %d: %s: stock says %.200s\n# %q", seed, one.k.name,
			stock[0], one.sc.lines)
	case err != nil || len(all) > 0:
		s.fail(one, seed, errors.Join(err, errors.New(strings.Join(all, "\n"))))
	}
}

func (s *stresser) fail(one stressed, seed uint64, err error) {
	s.differences++
	s.r.test(fmt.Sprintf("stress/seed-%d/%s", seed, one.k.name),
		fmt.Errorf("%w\nthe session:\n%q", err, one.sc.lines))
}

// healthy: nothing crashed with the plugin that stock survives.
func (s *stresser) healthy(site *site) error {
	known := make(map[string]bool)
	for _, line := range lab.Panics(s.w.stock.lab.Log()) {
		known[line] = true
	}
	var lines []string
	for _, line := range lab.Panics(site.lab.Log()) {
		if !known[line] {
			lines = append(lines, line)
		}
	}
	if len(lines) > 0 {
		return fmt.Errorf("only with the plugin:\n%s", strings.Join(lines, "\n"))
	}
	return nil
}

// comeAndGo repeats the races that are a matter of luck.
func (s *raceSite) comeAndGo(r *report, seed uint64) {
	users := []string{"sdbox", "mdbox", "mdbox-one", "sdbox-zlib", "mdbox-zlib",
		"sdbox-large"}
	random := rand.New(rand.NewPCG(seed, 99))
	s.run(fmt.Sprintf("stress/%d/disconnect", seed), func() error {
		if err := s.resetBoth(users...); err != nil {
			return err
		}
		return s.descriptors(func() error {
			return s.disconnectAnyTime(60, random)
		})
	})
	s.run(fmt.Sprintf("stress/%d/many-clients", seed), func() error {
		return s.manyClients(users[:5], 4)
	})
	s.processRaces()
	s.run(fmt.Sprintf("stress/%d/doveadm-exits", seed), func() error {
		return s.doveadmExits(60)
	})
}
