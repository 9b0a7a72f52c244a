package main

import (
	"os"
	"path/filepath"
)

// Each user has virtual mailboxes beside the real ones. Their configuration is
// part of the store, which is the user's home.
const virtualNamespace = `namespace virtual {
  prefix = virtual/
  separator = /
  hidden = yes
  list = no
  location = virtual:%h/virtual
}
`

// writeVirtual writes the virtual mailboxes of a store.
func writeVirtual(dir string) error {
	for name, text := range map[string]string{
		"all":  "INBOX\nOther\n  all\n",
		"seen": "INBOX\n  seen\n",
	} {
		sub := filepath.Join(dir, "virtual", name)
		if err := os.MkdirAll(sub, 0o755); err != nil {
			return err
		}
		err := os.WriteFile(filepath.Join(sub, "dovecot-virtual"),
			[]byte(text), 0o644)
		if err != nil {
			return err
		}
	}
	return nil
}
