package lab

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const configHead = `base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = %[1]s/dovecot.log
log_timestamp =
mail_log_prefix = "%%s(%%u): "
protocols = imap pop3 lmtp
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain
mail_uid = %[2]s
mail_gid = %[3]s
first_valid_uid = 1
first_valid_gid = 1
mail_max_userip_connections = 0
mail_fsync = never
mail_plugin_dir = %[1]s/modules
default_client_limit = 2000
mail_prefetch_count = %[4]d
mdbox_rotate_size = 100k
imap_hibernate_timeout = 0
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%%u %[1]s/users
}
userdb {
  driver = passwd-file
  args = username_format=%%u %[1]s/users
}
namespace inbox {
  inbox = yes
  separator = /
}
service imap-login {
  service_count = 0
  process_limit = 1
  inet_listener imap {
    port = %[5]d
  }
  inet_listener imaps {
    port = 0
  }
}
service pop3-login {
  service_count = 0
  process_limit = 1
  inet_listener pop3 {
    port = %[6]d
  }
  inet_listener pop3s {
    port = 0
  }
}
service auth {
  unix_listener auth-userdb {
    mode = 0777
  }
}
service lmtp {
  unix_listener lmtp {
    mode = 0666
  }
}
service imap {
  unix_listener imap-master {
    mode = 0666
  }
}
service imap-hibernate {
  unix_listener imap-hibernate {
    mode = 0666
  }
}
`

// One process for all clients: what the plugin is made for.
const configOneProcess = `service imap {
  client_limit = 1000
  process_limit = 1
  service_count = 0
}
`

// WriteConfig writes the configuration as l.Config says now.
func (l *Lab) WriteConfig() error {
	c := &l.Config
	owner, err := mailUser()
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, configHead, l.Dir, MailUser, fmt.Sprint(owner.Gid), c.Prefetch,
		l.imapPort, l.popPort)
	if !c.ProcessPerClient {
		b.WriteString(configOneProcess)
	} else {
		b.WriteString("service imap {\n  process_limit = 2000\n}\n")
	}
	if c.Modules != "" {
		fmt.Fprintf(&b, "mail_plugins = %s dbox_aio\n"+
			"protocol imap {\n"+
			"  mail_plugins = $mail_plugins %s imap_dbox_aio\n}\n",
			c.OtherPlugins, c.IMAPPlugins)
		switch c.VszLimit {
		case "default":
		case "":
			b.WriteString("default_vsz_limit = 0\n")
		default:
			fmt.Fprintf(&b, "default_vsz_limit = %s\n", c.VszLimit)
		}
	} else {
		fmt.Fprintf(&b, "mail_plugins = %s\nprotocol imap {\n"+
			"  mail_plugins = $mail_plugins %s\n}\n", c.OtherPlugins,
			c.IMAPPlugins)
	}
	if names := l.imported(); len(names) > 0 {
		fmt.Fprintf(&b, "import_environment = $import_environment %s\n",
			strings.Join(names, " "))
	}
	b.WriteString("plugin {\n")
	for _, line := range c.Plugin {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	b.WriteString("}\n" + c.Extra)
	if err := os.WriteFile(l.ConfigFile(), []byte(b.String()), 0o644); err != nil {
		return err
	}
	return l.writeUsers()
}

// writeUsers writes the passwd-file.
func (l *Lab) writeUsers() error {
	var b strings.Builder
	for _, u := range l.Config.Users {
		fmt.Fprintf(&b, "%s:%s::::%s:: userdb_mail=%s", u.Name, Password,
			u.Home, u.Mail)
		for _, field := range u.Fields {
			b.WriteString(" userdb_" + field)
		}
		b.WriteByte('\n')
	}
	return os.WriteFile(filepath.Join(l.Dir, "users"), []byte(b.String()), 0o644)
}

// Own gives a tree to MailUser.
func Own(path string) error {
	owner, err := mailUser()
	if err != nil {
		return err
	}
	return filepath.WalkDir(path, func(p string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(p, int(owner.Uid), int(owner.Gid))
	})
}

// AsMailUser runs a command as MailUser.
func AsMailUser(name string, args ...string) error {
	owner, err := mailUser()
	if err != nil {
		return err
	}
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: owner}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}

func mailUser() (*syscall.Credential, error) {
	owner, err := user.Lookup(MailUser)
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(owner.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(owner.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
