# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Installs what is missing of tests/packages; to be sourced. Services of new packages are not
# started: a policy-rc.d (invoke-rc.d(8)) is put in place for that time, unless there is one.
#
#   packages_install GROUP...
#   packages_unpack PACKAGE DIRECTORY    its files, without installing it
#   packages_geoip ROOT                  where real country ranges are: geoip and geoip6
#
# The caller may use an EXIT trap of its own as long as it calls packages_cleanup.

PACKAGES_FILE=$(dirname "${BASH_SOURCE[0]}")/../packages
PACKAGES_POLICY=/usr/sbin/policy-rc.d
PACKAGES_POLICY_IS_OURS=

packages_cleanup() {
	[ -z "$PACKAGES_POLICY_IS_OURS" ] || rm -f "$PACKAGES_POLICY"
	PACKAGES_POLICY_IS_OURS=
}

packages_is_installed() {
	[[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# Those of the groups that are not installed, one a line.
packages_missing() {
	local package group wanted=" $* "

	while read -r package group; do
		[[ $package != "" && $package != \#* && $wanted == *" $group "* ]] || continue
		packages_is_installed "$package" || echo "$package"
	done <"$PACKAGES_FILE"
}

packages_forbid_services() {
	[ ! -e "$PACKAGES_POLICY" ] || return 0
	PACKAGES_POLICY_IS_OURS=1
	trap packages_cleanup EXIT
	printf '#!/bin/sh\nexit 101\n' >"$PACKAGES_POLICY"
	chmod 0755 "$PACKAGES_POLICY"
}

# Says nothing unless it fails.
packages_apt() {
	local log status=0

	log=$(mktemp)
	DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 "$@" \
		</dev/null >"$log" 2>&1 || status=$?
	[ "$status" -eq 0 ] || tail -n 30 "$log" >&2
	rm -f "$log"
	return "$status"
}

packages_install() {
	local missing

	mapfile -t missing < <(packages_missing "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	command -v apt-get >/dev/null || {
		echo "please install what corresponds to Debian's ${missing[*]}" >&2
		return 1
	}
	echo "installing ${missing[*]} (no service is started now)" >&2
	packages_forbid_services
	packages_apt update
	packages_apt install --no-install-recommends "${missing[@]}" || {
		echo "apt-get could not install ${missing[*]}" >&2
		return 1
	}
	# A firewall that nobody asked for must not come up with the next boot either.
	case " ${missing[*]} " in
	*" firewalld "*) systemctl --quiet disable firewalld.service >/dev/null 2>&1 || true ;;
	esac
	packages_cleanup
}

packages_unpack() {
	local package=$1 directory=$2

	rm -rf "$directory"
	mkdir -p "$directory"
	(
		cd "$directory" || exit
		# The indexes may be missing or old.
		packages_apt -o APT::Sandbox::User=root download "$package" 2>/dev/null || {
			packages_apt update
			packages_apt -o APT::Sandbox::User=root download "$package"
		}
		dpkg-deb -x "$package"_*.deb .
	)
}

# Prints the directory. Only unpacked, into build/geoip: to install tor-geoipdb means to install
# tor, too.
packages_geoip() {
	local installed=/usr/share/tor unpacked=$1/build/geoip

	if [ -e "$installed/geoip" ] && [ -e "$installed/geoip6" ]; then
		echo "$installed"
		return 0
	fi
	[ -e "$unpacked$installed/geoip6" ] || {
		echo "fetching Debian's tor-geoipdb for its country ranges, into build/geoip" >&2
		packages_unpack tor-geoipdb "$unpacked" >&2 || return 1
	}
	echo "$unpacked$installed"
}
