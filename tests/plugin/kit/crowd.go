package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"libdbox_aio/tests/plugin/lab"
	"libdbox_aio/tests/plugin/wire"
)

// How many clients there are in the heavy set-up, and how many headers each
// wants.
const (
	crowd        = 500
	crowdHeaders = 10
)

// manyClients: 500 clients at once on slow storage, in one process; and for the
// memory, stock with a process for each.
func (d *figures) manyClients() error {
	fmt.Printf("\n%d clients at once on storage that takes 20 ms, each fetching "+
		"%d headers:\n\n| | all were answered after | memory of imap |\n"+
		"| --- | --- | --- |\n", crowd, crowdHeaders)
	for _, c := range []struct {
		name, title        string
		plugin, perProcess bool
	}{
		{"crowd-stock", "stock, one process", false, false},
		{"crowd-processes", "stock, one process a client", false, true},
		{"crowd-plugin", "plugin, one process", true, false},
	} {
		s, err := d.w.addSite(c.name, demoDelay, c.plugin,
			func(config *lab.Config) {
				config.ProcessPerClient = c.perProcess
				config.OtherPlugins = ""
				config.Extra = ""
			})
		if err != nil {
			return err
		}
		if err := s.reset(demoKinds[2]); err != nil {
			return err
		}
		took, memory, err := s.crowd()
		if err != nil {
			return fmt.Errorf("%s: %w", c.title, err)
		}
		fmt.Printf("| %s | %s | %.1f MB |\n", c.title, short(took),
			float64(memory)/1024)
		s.lab.SettleLog()
		if err := errors.Join(s.healthy(), s.lab.Stop()); err != nil {
			return err
		}
	}
	fmt.Println("\nMemory: proportional set size of all imap processes, when " +
		"everybody has been answered.")
	return nil
}

// crowd lets all clients ask at the same moment. memory is in KB.
func (s *site) crowd() (took time.Duration, memory int, err error) {
	clients := make([]*wire.IMAP, crowd)
	for i := range clients {
		if clients[i], err = s.client("small", "INBOX"); err != nil {
			return 0, 0, fmt.Errorf("client %d: %w", i, err)
		}
		defer clients[i].Drop()
	}
	errs := make([]error, crowd)
	var group sync.WaitGroup
	start := time.Now()
	for i, c := range clients {
		group.Add(1)
		go func() {
			defer group.Done()
			first := 1 + i*crowdHeaders%(2000-crowdHeaders)
			command := fmt.Sprintf("FETCH %d:%d (BODY.PEEK[HEADER])", first,
				first+crowdHeaders-1)
			_, err := c.OK(command)
			errs[i] = err
		}()
	}
	group.Wait()
	took = time.Since(start)
	if err := errors.Join(errs...); err != nil {
		return 0, 0, err
	}
	for _, pid := range s.lab.Processes("imap") {
		kb, err := lab.ResidentKB(pid)
		if err != nil {
			return 0, 0, err
		}
		memory += kb
	}
	return took, memory, nil
}
