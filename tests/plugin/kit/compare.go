package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"libdbox_aio/tests/plugin/lab"
)

// How slow the storage is in comparisons: only so much that reads are in flight
// for a while.
const compareDelay = time.Millisecond

// compareStores compares the replies of stock Dovecot with those of one with the
// plugin, on a local disk and on slow storage, for stores of all kinds.
func compareStores(w *world, r *report) error {
	var wanted []*kind
	for _, k := range kinds {
		if r.wanted("compare/"+k.name) ||
			k.name == "sdbox" && r.wanted("compare/notices") {
			wanted = append(wanted, k)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	if err := w.makeStores(wanted); err != nil {
		return err
	}
	local, err := w.addSite("local", 0, true, nil)
	if err != nil {
		return err
	}
	local.cold = true
	others := []*site{local}
	if why := lab.CanMount(); why != nil {
		r.skip("compare/slow", why.Error())
	} else {
		slow, err := w.addSite("slow", compareDelay, true, nil)
		if err != nil {
			return err
		}
		others = append(others, slow)
	}

	var group sync.WaitGroup
	slots := make(chan struct{}, w.o.jobs)
	for _, k := range wanted {
		group.Add(1)
		slots <- struct{}{}
		go func() {
			defer func() {
				<-slots
				group.Done()
			}()
			c := &comparison{r: r, k: k, stock: w.stock, others: others,
				full: w.o.full}
			c.all()
		}()
	}
	group.Wait()
	if k := kindNamed("sdbox"); w.made[k] && r.wanted("compare/notices") {
		c := &comparison{r: r, k: k, stock: w.stock, others: others}
		r.test("compare/notices", c.notices())
	}
	if r.wanted("compare/healthy") {
		for _, s := range others {
			r.test("compare/healthy/"+s.name, s.healthy())
		}
	}
	return nil
}

// healthy: nothing crashed.
func (s *site) healthy() error {
	if lines := lab.Crashes(s.lab.Log()); len(lines) > 0 {
		return errors.New("the log says:\n" + strings.Join(lines, "\n"))
	}
	return nil
}

// comparison is of one kind of store.
type comparison struct {
	r      *report
	k      *kind
	stock  *site
	others []*site
	full   bool
}

func (c *comparison) sites() []*site {
	return append([]*site{c.stock}, c.others...)
}

func (c *comparison) all() {
	for _, g := range []struct {
		name    string
		scripts []script
	}{
		{"fetch", readScripts()},
		{"search", searchScripts()},
		{"conversations", conversations},
	} {
		scripts := slices.DeleteFunc(slices.Clone(g.scripts), c.leftOut)
		c.group(g.name, func() ([]string, error) { return c.scripts(scripts) })
	}
	c.group("pipes", func() ([]string, error) { return c.piped() })
	c.group("pop3", func() ([]string, error) { return c.pop3() })
	c.group("doveadm", func() ([]string, error) { return c.doveadm() })
	c.group("log", func() ([]string, error) { return c.logs(), nil })
}

// leftOut: a short run asks stores that are not the plain ones for each way of
// reading once, and the large ones for less.
func (c *comparison) leftOut(sc script) bool {
	if c.full || c.k.name == "sdbox" || c.k.name == "mdbox" {
		return false
	}
	if c.k.slow {
		return !largeItems[sc.name]
	}
	return !mainItems[sc.name]
}

// logs: both complain of the same.
func (c *comparison) logs() []string {
	var differences []string
	stock := c.stock.faults(c.k)
	for _, s := range c.others {
		if d := compareLogs(stock, s.faults(c.k)); d != "" {
			differences = append(differences, s.name+": "+d)
		}
	}
	return differences
}

// group reports one test for each plugin site. What f returns are the
// differences, each beginning with the site's name.
func (c *comparison) group(name string, f func() ([]string, error)) {
	if !c.r.wanted("compare/" + c.k.name + "/" + name) {
		return
	}
	start := time.Now()
	differences, err := f()
	for _, s := range c.others {
		var mine []string
		for _, d := range differences {
			if text, ok := strings.CutPrefix(d, s.name+": "); ok {
				mine = append(mine, text)
			}
		}
		result := err
		if len(mine) > 0 {
			result = errors.Join(err, errors.New(strings.Join(mine, "\n")))
		}
		c.r.test(fmt.Sprintf("compare/%s/%s/%s", c.k.name, name, s.name), result)
	}
	if c.full {
		c.r.note("compare/%s/%s took %.1f s", c.k.name, name,
			time.Since(start).Seconds())
	}
}

// scripts plays them on all sites, each beginning without a cache and, if one
// before wrote, with a fresh store.
func (c *comparison) scripts(scripts []script) ([]string, error) {
	var differences []string
	dirty := true
	for i := range scripts {
		sc := &scripts[i]
		fresh := dirty || sc.writes || c.k.broken
		dirty = sc.writes || c.k.broken
		found, err := c.each(sc.name, fresh, func(s *site) (*transcript, error) {
			if !fresh {
				if err := s.forget(c.k); err != nil {
					return nil, err
				}
			}
			t, err := s.play(c.k.name, sc)
			if sc.name == "X-SAVEDATE" && err == nil {
				for i, reply := range t.replies {
					t.replies[i] = s.rightDates(c.k, reply)
				}
			}
			return t, err
		})
		if err != nil {
			return differences, fmt.Errorf("%s: %w", sc.name, err)
		}
		differences = append(differences, found...)
	}
	return differences, nil
}

// each has f run on all sites at once, and compares what came.
func (c *comparison) each(name string, fresh bool,
	f func(*site) (*transcript, error)) ([]string, error) {
	sites := c.sites()
	results := make([]*transcript, len(sites))
	errs := make([]error, len(sites))
	var group sync.WaitGroup
	for i, s := range sites {
		group.Add(1)
		go func() {
			defer group.Done()
			if fresh {
				if errs[i] = s.reset(c.k); errs[i] != nil {
					return
				}
			}
			results[i], errs[i] = f(s)
			if errs[i] != nil {
				errs[i] = fmt.Errorf("%s: %w", s.name, errs[i])
			}
		}()
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	var differences []string
	for i, s := range sites[1:] {
		if diff := compare(results[0], results[i+1]); diff != "" {
			differences = append(differences, s.name+": "+name+": "+diff)
		}
	}
	return differences, nil
}

var (
	userOf = regexp.MustCompile(`^[a-z0-9-]+\(([^)]*)\)`)
	times  = regexp.MustCompile(`[0-9.]+ secs|pid=\d+`)
	reason = regexp.MustCompile(`\(read reason=.*\)`)
)

// faults are what the log says against the store: each line once, without what
// differs from site to site, and without why a mail was read.
func (s *site) faults(k *kind) []string {
	s.lab.SettleLog()
	var lines []string
	for _, line := range lab.Faults(s.lab.Log()) {
		m := userOf.FindStringSubmatch(line)
		if m == nil || m[1] != k.name {
			continue
		}
		line = strings.ReplaceAll(line, s.dir(k), "STORE")
		line = times.ReplaceAllString(line, "N")
		line = reason.ReplaceAllString(line, "(read reason)")
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

func compareLogs(stock, plugin []string) string {
	if slices.Equal(stock, plugin) {
		return ""
	}
	var b strings.Builder
	for _, line := range stock {
		if !slices.Contains(plugin, line) {
			fmt.Fprintf(&b, "\n    only stock:  %s", line)
		}
	}
	for _, line := range plugin {
		if !slices.Contains(stock, line) {
			fmt.Fprintf(&b, "\n    only plugin: %s", line)
		}
	}
	return b.String()
}

// piped: an imap process of its own, for one client, without a server.
func (c *comparison) piped() ([]string, error) {
	sc := &script{lines: []string{
		"UID FETCH 1:* (BODY.PEEK[])", "SEARCH BODY needle",
		"FETCH 1:* (ENVELOPE BODYSTRUCTURE RFC822.SIZE)",
		"FETCH 1:* (X-GUID BODY.PEEK[TEXT]<0.20>)"}}
	return c.each("imap on pipes", true, func(s *site) (*transcript, error) {
		return s.playPiped(c.k.name, sc)
	})
}
