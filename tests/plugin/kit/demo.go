package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"libdbox_aio/tests/plugin/lab"
	"libdbox_aio/tests/plugin/mails"
	"libdbox_aio/tests/plugin/wire"
)

const demoDelay = 20 * time.Millisecond

var demoKinds = []*kind{
	{name: "sdbox", driver: "sdbox", mails: mails.Demo},
	{name: "mdbox", driver: "mdbox", mails: mails.Demo,
		fields: []string{"mdbox_rotate_size=10M"}},
	{name: "small", driver: "sdbox", mails: func() []mails.Mail {
		return mails.Small(2000)
	}},
	{name: "small-mdbox", driver: "mdbox", mails: func() []mails.Mail {
		return mails.Small(2000)
	}, fields: []string{"mdbox_rotate_size=10M"}},
}

// demo prints figures of stock and plugin, side by side.
func demo(w *world, r *report) error {
	if err := lab.CanMount(); err != nil {
		return err
	}
	w.kinds, w.direct = demoKinds, false
	wire.Patience = 20 * time.Minute
	fmt.Println("Making mail stores: 200 mails of 1 KB to 5 MB, and 2000 of 2 KB ...")
	if err := w.makeStores(demoKinds); err != nil {
		return err
	}
	d := &figures{w: w, rounds: w.o.rounds}
	for _, part := range []struct {
		name    string
		wanted  bool
		measure func() error
	}{
		{"slow", true, d.onSlowStorage},
		{"warm", true, d.onLocalDisk},
		{"crowd", w.o.full, d.manyClients},
	} {
		if !part.wanted || !r.wanted(part.name) {
			continue
		}
		if err := part.measure(); err != nil {
			return err
		}
	}
	if !w.o.full {
		fmt.Println("\nFULL=1 adds 500 clients in one process, and rounds:" +
			" some 15 minutes.")
	}
	return nil
}

type figures struct {
	w      *world
	rounds int
}

// demoSite is one column of the table.
type demoSite struct {
	*site
	title string
}

// columns are stock, stock with mail_prefetch_count, and the plugin.
func (d *figures) columns(delay time.Duration) ([]demoSite, error) {
	prefix := "slow"
	if delay == 0 {
		prefix = "warm"
	}
	var all []demoSite
	for _, c := range []struct {
		name, title string
		plugin      bool
		prefetch    int
	}{
		{"stock", "stock", false, 0},
		{"stock32", "stock, mail_prefetch_count=32", false, 32},
		{"plugin", "plugin", true, 0},
	} {
		s, err := d.w.addSite(prefix+"-"+c.name, delay,
			c.plugin && d.w.o.modules != "", func(config *lab.Config) {
				config.Prefetch = c.prefetch
				config.OtherPlugins = ""
				config.Extra = ""
			})
		if err != nil {
			return nil, err
		}
		for _, k := range demoKinds {
			if err := s.reset(k); err != nil {
				return nil, err
			}
		}
		all = append(all, demoSite{s, c.title})
	}
	return all, nil
}

// measured is what a command of one client took, what others waited meanwhile,
// and what it returned.
type measured struct {
	took  time.Duration
	noops []time.Duration
	sum   string
}

// fetch measures one command of one client, while another one sends NOOPs.
func (s *demoSite) fetch(k *kind, command string, noops bool) (*measured, error) {
	if err := s.forget(k); err != nil {
		return nil, err
	}
	a, err := s.client(k.name, "INBOX")
	if err != nil {
		return nil, err
	}
	defer a.Drop()
	b, err := s.client("small", "Empty")
	if err != nil {
		return nil, err
	}
	defer b.Drop()
	stop, stopped := make(chan struct{}), make(chan error, 1)
	m := &measured{}
	go func() { stopped <- m.sendNoops(b, noops, stop) }()
	start := time.Now()
	reply, err := a.Do(command)
	m.took = time.Since(start)
	close(stop)
	if err := <-stopped; err != nil {
		return nil, err
	}
	m.sum = fmt.Sprintf("%.8x", sha256.Sum256(wire.Normal(reply)))
	return m, err
}

func (m *measured) sendNoops(c *wire.IMAP, wanted bool, stop <-chan struct{}) error {
	for wanted {
		select {
		case <-stop:
			return nil
		case <-time.After(5 * time.Millisecond):
		}
		start := time.Now()
		if _, err := c.OK("NOOP"); err != nil {
			return err
		}
		m.noops = append(m.noops, time.Since(start))
	}
	return nil
}

// row is a command, in all columns; rounds of it in turns.
func (d *figures) row(columns []demoSite, k *kind, title, command string,
	rounds int, noops bool) error {
	results := make([][]*measured, len(columns))
	for range rounds {
		for i := range columns {
			m, err := columns[i].fetch(k, command, noops)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", columns[i].title, title, err)
			}
			results[i] = append(results[i], m)
		}
	}
	var took []time.Duration
	var sums []string
	var waits [][]time.Duration
	for _, rs := range results {
		var times, waited []time.Duration
		for _, m := range rs {
			times = append(times, m.took)
			waited = append(waited, m.noops...)
			sums = append(sums, m.sum)
		}
		took = append(took, quantile(times, 0.5))
		waits = append(waits, waited)
	}
	printRow(title, took)
	if noops {
		fmt.Printf("| %s |", "&nbsp; another client's NOOP: median, 99 %, longest")
		for _, w := range waits {
			fmt.Printf(" %s, %s, %s |", short(quantile(w, 0.5)),
				short(quantile(w, 0.99)), short(quantile(w, 1)))
		}
		fmt.Println()
	}
	if sums = slices.Compact(sums); len(sums) > 1 {
		return fmt.Errorf("%s: the replies differ: SHA-256 %v", title, sums)
	}
	return nil
}

func printRow(title string, took []time.Duration) {
	fmt.Printf("| %s |", title)
	for _, t := range took {
		fmt.Printf(" %s |", short(t))
	}
	fmt.Printf(" %.2f, %.2f |\n", ratio(took[2], took[0]), ratio(took[2], took[1]))
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

// short is a duration to two or three digits.
func short(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
	}
	return fmt.Sprintf("%.1f ms", d.Seconds()*1e3)
}

func quantile(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func head(columns []demoSite, title string) {
	fmt.Printf("\n%s\n\n| |", title)
	for _, c := range columns {
		fmt.Printf(" %s |", c.title)
	}
	fmt.Println(" plugin : stock, : stock with prefetch |")
	fmt.Println("| --- |" + strings.Repeat(" --- |", len(columns)+1))
}

// onSlowStorage: each open and each read of a mail file takes 20 ms.
func (d *figures) onSlowStorage() error {
	columns, err := d.columns(demoDelay)
	if err != nil {
		return err
	}
	head(columns, "Storage that takes 20 ms for each open and read; all clients "+
		"in one imap process; nothing cached:")
	rounds := d.rounds
	if rounds == 0 {
		rounds = 1
		if d.w.o.full {
			rounds = 3
		}
	}
	for _, r := range []struct {
		kind           *kind
		title, command string
	}{
		{demoKinds[0], "sdbox, `UID FETCH 1:* (UID BODY.PEEK[])`",
			"UID FETCH 1:* (UID BODY.PEEK[])"},
		{demoKinds[1], "mdbox, the same", "UID FETCH 1:* (UID BODY.PEEK[])"},
		{demoKinds[0], "sdbox, `FETCH 1:* (BODY.PEEK[HEADER])`",
			"FETCH 1:* (BODY.PEEK[HEADER])"},
		{demoKinds[1], "mdbox, the same", "FETCH 1:* (BODY.PEEK[HEADER])"},
		{demoKinds[0], "sdbox, `UID SEARCH BODY needle`",
			"UID SEARCH BODY needle"},
		{demoKinds[1], "mdbox, the same", "UID SEARCH BODY needle"},
	} {
		err := d.row(columns, r.kind, r.title, r.command, rounds, true)
		if err != nil {
			return err
		}
	}
	if err := d.doveadm(columns, rounds); err != nil {
		return err
	}
	fmt.Println("\nIn each row all replies were the same, by their SHA-256.")
	return d.closeAll(columns)
}

func (d *figures) doveadm(columns []demoSite, rounds int) error {
	k := demoKinds[0]
	took := make([][]time.Duration, len(columns))
	var outputs [][]byte
	for range rounds {
		for i := range columns {
			if err := columns[i].forget(k); err != nil {
				return err
			}
			start := time.Now()
			out, err := columns[i].lab.Admin(k.name, "fetch", "text", "mailbox",
				"INBOX", "1:60")
			if err != nil {
				return err
			}
			took[i] = append(took[i], time.Since(start))
			outputs = append(outputs, out)
		}
	}
	var medians []time.Duration
	for _, t := range took {
		medians = append(medians, quantile(t, 0.5))
	}
	printRow("sdbox, `doveadm fetch text`, 60 mails", medians)
	for _, out := range outputs {
		if !bytes.Equal(out, outputs[0]) {
			return fmt.Errorf("doveadm fetch: the outputs differ")
		}
	}
	return nil
}

// onLocalDisk: all is in the page cache.
func (d *figures) onLocalDisk() error {
	columns, err := d.columns(0)
	if err != nil {
		return err
	}
	head(columns, "Local disk, all in the page cache:")
	rounds := d.rounds
	if rounds == 0 {
		rounds = 11
	}
	for _, k := range demoKinds {
		title := fmt.Sprintf("%s, 200 mails, `UID FETCH 1:* (UID BODY.PEEK[])`",
			k.driver)
		if strings.HasPrefix(k.name, "small") {
			title = fmt.Sprintf("%s, 2000 mails of 2 KB, the same", k.driver)
		}
		// Once for the page cache
		err := d.warmUp(columns, k)
		if err == nil {
			err = d.row(columns, k, title, "UID FETCH 1:* (UID BODY.PEEK[])",
				rounds, false)
		}
		if err != nil {
			return err
		}
	}
	fmt.Printf("\nMedians of %d rounds, in turns.\n", rounds)
	return d.closeAll(columns)
}

func (d *figures) warmUp(columns []demoSite, k *kind) error {
	for i := range columns {
		_, err := columns[i].fetch(k, "UID FETCH 1:* (UID BODY.PEEK[])", false)
		if err != nil {
			return err
		}
	}
	return nil
}

// closeAll looks at what the servers said, and stops them.
func (d *figures) closeAll(columns []demoSite) error {
	for _, c := range columns {
		c.lab.SettleLog()
		if err := c.healthy(); err != nil {
			return fmt.Errorf("%s: %w", c.title, err)
		}
		if err := c.lab.Stop(); err != nil {
			return err
		}
	}
	return nil
}
