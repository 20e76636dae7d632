# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A small machine with a real systemd, to be sourced by bash scripts that run as root.
#
#   machine_unit NAME <UNIT    a unit of it, before machine_up
#   machine_up                 boots it, in network namespace $MACHINE_NETNS or in one of its own
#   machine CMD...             runs CMD in it, as child of nobody: systemctl, journalctl, ...
#   machine_down               ends everything in it
#
# $MACHINE (after machine_make or the first machine_unit) is a directory that is the same inside and
# outside; what is in $MACHINE/files before machine_up is copied to the machine's root. The machine
# also ends when the script does, however it ends. See `machine` for what it consists of.

MACHINE=
MACHINE_HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

machine_die() {
	echo "$(basename "$0"): $*" >&2
	[ ! -d "/proc/${MACHINE_INIT:-none}" ] || machine journalctl --no-pager --lines 30 >&2 || true
	exit 1
}

# machine_until WHAT CMD...: waits until CMD succeeds, 20 seconds at most.
machine_until() {
	local what=$1 tries=400
	shift

	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || machine_die "gave up waiting for $what"
		sleep 0.05
	done
}

machine_make() {
	[ -z "$MACHINE" ] || return 0
	[ "$(id -u)" -eq 0 ] || machine_die "root is needed"
	[ -x /lib/systemd/systemd ] || machine_die "systemd is missing: apt-get install systemd"
	# Not in /tmp or /var/tmp, because of PrivateTmp=, nor in /run, which may be noexec.
	MACHINE=$(mktemp -d /var/cache/geopause-machine.XXXXXX)
	mkdir "$MACHINE/units" "$MACHINE/files"
	trap machine_down EXIT
}

machine_unit() {
	machine_make
	cat >"$MACHINE/units/$1"
}

# What the machine boots to: no service but the journal.
machine_target() {
	machine_unit machine.target <<-EOF
		[Unit]
		Description=The machine of a test
		Requires=basic.target
		Wants=systemd-journald.service
		After=basic.target systemd-journald.service
		AllowIsolate=yes
	EOF
}

machine_booted() {
	MACHINE_INIT=$(pgrep -P "$(cat "$MACHINE/supervisor")") &&
		machine systemctl is-active machine.target
}

machine_up() {
	local enter=(unshare --net)

	[ -z "${MACHINE_NETNS-}" ] || enter=(nsenter --net="/run/netns/$MACHINE_NETNS")
	machine_target
	exec {MACHINE_LEASH}> >(exec setsid "${enter[@]}" unshare --mount --propagation private -- \
		"$MACHINE_HERE/machine" run "$MACHINE")
	MACHINE_KEEPER=$!
	machine_until "the machine to boot" machine_booted
}

machine() {
	nsenter --target "$MACHINE_INIT" --all -- "$@"
}

machine_down() {
	[ -z "${MACHINE_LEASH-}" ] || exec {MACHINE_LEASH}>&-
	[ -z "${MACHINE_KEEPER-}" ] || tail --pid="$MACHINE_KEEPER" -s 0.05 -f /dev/null
	[ -z "$MACHINE" ] || rm -rf --one-file-system "$MACHINE"
	MACHINE=
}
