# Sourced by run.sh: a Dovecot that writes stores.

if ! command -v doveadm >/dev/null; then
	skip all "doveadm is not installed"
	exit 0
fi
# Dovecot refuses to work on mails as root.
mail_user=$(id -un)
[ "$(id -u)" != 0 ] || mail_user=nobody
export USER=tester HOME="$work/home" TZ=UTC
mkdir "$HOME" "$work/run" "$work/state" "$work/mails" "$work/stores"
cat >"$work/dovecot.conf" <<CONF
base_dir = $work/run
state_dir = $work/state
log_path = $work/dovecot.log
protocols =
listen =
ssl = no
mail_uid = $mail_user
mail_gid = $(id -gn "$mail_user")
first_valid_uid = 1
first_valid_gid = 1
mail_fsync = never
namespace inbox {
  inbox = yes
}
CONF

# owned DIR: the mail user's
owned()
{
	[ "$(id -u)" != 0 ] || chown -R "$mail_user" "$1"
}

# new_store NAME DRIVER[:PARAMETERS] [DOVEADM-OPTION...]: a store of its own for
# the calls of admin that follow.
new_store()
{
	store=$work/stores/$1
	location=${2%%:*}:$store/mail
	case $2 in
	*:*) location=$location:${2#*:} ;;
	esac
	shift 2
	options=$*
	mkdir -p "$store/mail" "$store/alt"
	owned "$work/stores"
	owned "$HOME"
	owned "$work/run"
	owned "$work/state"
}

# admin COMMAND...: doveadm on that store, by its full path: -f comes first.
admin()
{
	# shellcheck disable=SC2086 # a list of options
	set -- doveadm -c "$work/dovecot.conf" $options \
		-o "mail_location=$location" "$@"
	"$@"
}

# add MAILDIR: imports all of its mails.
add()
{
	owned "$work/mails/$1"
	admin import "maildir:$work/mails/$1" "" all </dev/null
}
