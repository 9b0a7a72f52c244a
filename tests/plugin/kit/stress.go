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
	r.note("%d sessions compared", s.sessions)
	for _, other := range s.sites {
		r.test("stress/healthy/"+other.name, other.healthy())
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
				s.session(kinds[at], random, seed)
			}
		}()
		delay := time.Duration(order[i]%4) * 500 * time.Microsecond
		if err := s.slow.slow.SetDelay(delay); err != nil {
			s.r.test("stress/delay", err)
		}
	}
	group.Wait()
}

func (s *stresser) enough() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.differences >= enough
}

// session compares one random session.
func (s *stresser) session(k *kind, random *rand.Rand, seed uint64) {
	sc := randomScript(random, k)
	c := &comparison{r: s.r, k: k, stock: s.w.stock, others: s.sites}
	found, err := c.each("random", true, func(site *site) (*transcript, error) {
		return site.play(k.name, sc)
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions++
	if err == nil && len(found) == 0 {
		return
	}
	s.differences++
	s.r.test(fmt.Sprintf("stress/seed-%d/%s", seed, k.name), errors.Join(err,
		fmt.Errorf("%s\nthe session:\n%q", strings.Join(found, "\n"), sc.lines)))
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
