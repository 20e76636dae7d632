# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A server behind a geo-block and a certificate authority abroad, in two private network
# namespaces. To be sourced by bash scripts that run as root. Nothing outside of these namespaces
# and of one temporary directory is touched; several beds may exist at once.
#
#   gpPID-srv: the server                        gpPID-ca: the rest of the world
#   +--------------------------------+           +-------------------------------------------+
#   | geopause, the firewall         |           | lo: 198.51.100.10  ACME API (Pebble)      |
#   | ACME client                    |           |     198.51.100.53  the CA's DNS           |
#   | nginx (tcp 80)                 |           |     BED_BLOCKED4/6 validates from here    |
#   | knot (tcp and udp 53)          |   veth    |     BED_ALLOWED4/6 a welcome visitor      |
#   |         srv0 203.0.113.10/24 --+-----------+-- ca0 203.0.113.1/24                      |
#   |         2001:db8:113::10/64    |           |       2001:db8:113::1/64                  |
#   +--------------------------------+           +-------------------------------------------+
#
# In gpPID-ca the routes to the server carry `src BED_BLOCKED4/6`, so that everything the CA
# initiates comes from the blocked country. Answers to the client pass as established.
#
#   bed_up               namespaces, addresses, temporary directory $BED
#   bed_load FILE        the server's ruleset
#   bed_pebble mock      Pebble, with pebble-challtestsrv as its DNS: every name is the server
#   bed_pebble unbound   Pebble, with unbound asking the server's knot for example.test
#   bed_nginx, bed_knot
#   bed_gated_server     in place of nginx: validations wait (bed_asked) until they may go on
#                        (bed_answer)
#   bed_srv CMD...       runs CMD on the server, with the test CA trusted
#   bed_client CMD...    the same in the background: its pid is $client, its output $BED/client.log
#   bed_ca CMD...        runs CMD abroad
#   $BED/gp              geopause with this bed's --state, and --policy where one is needed
#
# Environment: GEOPAUSE (the program), BED_KEEP=1 (keep $BED), BED_VALIDATE=6 (names have AAAA
# records too, which the CA prefers).

BED_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
GEOPAUSE=${GEOPAUSE:-$BED_ROOT/build/geopause}
BED_SRV=gp$$-srv
BED_CA=gp$$-ca
BED_SRV4=203.0.113.10
BED_SRV6=2001:db8:113::10
BED_API=198.51.100.10
BED_DNS=198.51.100.53
BED_BLOCKED4=${BED_BLOCKED4:-77.88.8.8}
BED_BLOCKED6=${BED_BLOCKED6:-2a02:6b8::feed}
BED_ALLOWED4=10.9.9.9
BED_ALLOWED6=2001:db8:9::9
BED_TRUST=(REQUESTS_CA_BUNDLE LEGO_CA_CERTIFICATES CURL_CA_BUNDLE)
BED_ACME=https://$BED_API:14000/dir
BED=

bed_die() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

# The package is named as in Debian.
bed_need() {
	local command=$1 package=$2

	command -v "$command" >/dev/null || bed_die "$command is missing: apt-get install $package"
}

# bed_until WHAT CMD...: waits until CMD succeeds, 20 seconds at most.
bed_until() {
	local what=$1 tries=400
	shift

	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		if [ "$tries" -eq 0 ]; then
			tail -n 5 "$BED"/*.log >&2
			bed_die "gave up waiting for $what"
		fi
		sleep 0.05
	done
}


bed_down() {
	local ns device

	for ns in "$BED_SRV" "$BED_CA"; do
		[ -e "/run/netns/$ns" ] || continue
		# All that runs there was started by us.
		ip netns pids "$ns" | xargs -r kill -KILL 2>/dev/null || true
		bed_until "the end of all in $ns" bed_is_empty "$ns"
		ip netns del "$ns"
	done
	[ -n "$BED" ] || return 0
	if [ -n "${BED_KEEP:-}" ]; then
		echo "kept $BED" >&2
	else
		rm -rf "$BED"
	fi
}

# bed_all_gone TEXT: no process has it in its arguments.
bed_all_gone() {
	! pgrep -f "$1"
}

bed_is_empty() {
	[ -z "$(ip netns pids "$1")" ]
}

bed_up() {
	local command

	[ "$(id -u)" -eq 0 ] || bed_die "root is needed for network namespaces"
	[ -x "$GEOPAUSE" ] || bed_die "$GEOPAUSE is missing: build it first"
	for command in ip:iproute2 nft:nftables openssl:openssl curl:curl python3:python3; do
		bed_need "${command%%:*}" "${command##*:}"
	done
	BED=$(mktemp -d)
	trap bed_down EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	mkdir "$BED/state" "$BED/www"
	chmod 0700 "$BED/state"
	bed_network
	bed_wrapper
}

bed_network() {
	local ns device

	for ns in "$BED_SRV" "$BED_CA"; do
		ip netns add "$ns"
		# Without duplicate address detection: for a second nobody could be asked for a neighbour.
		for device in all default; do
			ip netns exec "$ns" sh -c "echo 0 >/proc/sys/net/ipv6/conf/$device/accept_dad"
		done
	done
	ip -n "$BED_SRV" link set lo up
	ip -n "$BED_CA" link set lo up
	ip -n "$BED_SRV" link add srv0 type veth peer name ca0 netns "$BED_CA"
	ip -n "$BED_SRV" link set srv0 up
	ip -n "$BED_CA" link set ca0 up
	bed_addresses "$BED_SRV" srv0 "$BED_SRV4/24" "$BED_SRV6/64"
	bed_addresses "$BED_CA" ca0 203.0.113.1/24 2001:db8:113::1/64
	bed_addresses "$BED_CA" lo "$BED_API/32" "$BED_DNS/32" "$BED_BLOCKED4/32" \
		"$BED_ALLOWED4/32" "$BED_BLOCKED6/128" "$BED_ALLOWED6/128"
	ip -n "$BED_SRV" route add default via 203.0.113.1
	ip -n "$BED_SRV" route add default via 2001:db8:113::1
	ip -n "$BED_CA" route replace 203.0.113.0/24 dev ca0 src "$BED_BLOCKED4"
	# Beside the kernel's own route (metric 256), and preferred to it.
	ip -n "$BED_CA" route add 2001:db8:113::/64 dev ca0 src "$BED_BLOCKED6" metric 1
	bed_until "the way to the server" bed_is_wired
}

# From now on "silent" is the filter's doing.
bed_is_wired() {
	[ "$(bed_probe blocked 4 tcp 80) $(bed_probe blocked 6 tcp 80)" = "refused refused" ]
}

bed_addresses() {
	local ns=$1 device=$2 address
	shift 2

	for address in "$@"; do
		case $address in
		*:*) ip -n "$ns" addr add "$address" dev "$device" nodad ;;
		*) ip -n "$ns" addr add "$address" dev "$device" ;;
		esac
	done
}

# Hooks call this one: the default state directory belongs to the host, and so does the default
# policy. (BED_POLICY empty: no policy, geo-blocks are recognised.)
bed_wrapper() {
	cat >"$BED/gp" <<-GP
		#!/bin/sh
		verb=\$1
		shift
		policy=\$(cat '$BED/policy-path' 2>/dev/null)
		exec '$GEOPAUSE' "\$verb" --state '$BED/state' \${policy:+--policy "\$policy"} "\$@"
	GP
	chmod 0755 "$BED/gp"
}

bed_policy() {
	printf '%s' "$1" >"$BED/policy-path"
}

# Without a policy, as on a host that never had one. A host that has one gets what `discover`
# prints instead, so that its own policy is not read.
bed_zero_config() {
	[ -e /etc/geopause/policy.json ] || return 0
	bed_srv "$GEOPAUSE" discover >"$BED/policy.json" || bed_die "geopause discover failed"
	bed_policy "$BED/policy.json"
}

bed_load() {
	ip netns exec "$BED_SRV" nft -f "$1"
}

# With handles, without counters.
bed_ruleset() {
	ip netns exec "$BED_SRV" nft -a -s list ruleset
}

bed_srv() {
	ip netns exec "$BED_SRV" env "${BED_TRUST[@]/%/=$BED/ca.pem}" "$@"
}

# Not by way of bed_srv, which would be forked, too. A job in the background ignores SIGINT.
bed_client() {
	ip netns exec "$BED_SRV" env --default-signal=INT,QUIT "${BED_TRUST[@]/%/=$BED/ca.pem}" "$@" \
		>"$BED/client.log" 2>&1 </dev/null &
	# shellcheck disable=SC2034 # of the caller
	client=$!
}

bed_ca() {
	ip netns exec "$BED_CA" "$@"
}

# bed_spawn LOG NAMESPACE CMD...: a process that ends with the bed.
bed_spawn() {
	local log=$BED/$1.log ns=$2
	shift 2

	ip netns exec "$ns" "$@" >"$log" 2>&1 </dev/null &
	disown
}

bed_certificate() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=geopause test CA" \
		-addext "subjectAltName=IP:$BED_API" -addext "basicConstraints=critical,CA:TRUE" \
		-keyout "$BED/ca.key" -out "$BED/ca.pem" 2>"$BED/openssl.log" ||
		bed_die "openssl could not make a certificate: $(cat "$BED/openssl.log")"
}

bed_pebble() {
	local dns=$1

	bed_need pebble pebble
	bed_certificate
	cat >"$BED/pebble.json" <<-JSON
		{ "pebble": {
		  "listenAddress": "$BED_API:14000", "managementListenAddress": "$BED_API:15000",
		  "certificate": "$BED/ca.pem", "privateKey": "$BED/ca.key",
		  "httpPort": 80, "tlsPort": 443,
		  "ocspResponderURL": "", "externalAccountBindingRequired": false } }
	JSON
	"bed_dns_$dns"
	# No sleeps, no artificial errors, and next to no reused authorizations, which would fake a
	# pass (0 still means one in a hundred; who must see a failure registers a new account).
	bed_spawn pebble "$BED_CA" env PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 \
		PEBBLE_AUTHZREUSE=0 pebble -config "$BED/pebble.json" -dnsserver "$BED_DNS:53"
	bed_until "Pebble" bed_ca curl -sf --cacert "$BED/ca.pem" "$BED_ACME"
}

bed_dns_mock() {
	local aaaa='' doh=()

	bed_need pebble-challtestsrv pebble
	# Newer ones also serve DNS over HTTPS, and want a certificate for it.
	pebble-challtestsrv -h 2>&1 | grep -q -- '-doh ' && doh=(-doh "")
	[ "${BED_VALIDATE:-4}" = 6 ] && aaaa=$BED_SRV6
	bed_spawn challtestsrv "$BED_CA" pebble-challtestsrv -dns01 "$BED_DNS:53" \
		-http01 "" -https01 "" -tlsalpn01 "" "${doh[@]}" -management "$BED_API:8055" \
		-defaultIPv4 "$BED_SRV4" -defaultIPv6 "$aaaa"
	bed_until "pebble-challtestsrv" bed_ca curl -s "http://$BED_API:8055/"
}

# From now on the CA finds HOST at ADDRESS.
bed_resolve() {
	bed_ca curl -sf -d "{\"host\": \"$1\"}" "http://$BED_API:8055/clear-a"
	bed_ca curl -sf -d "{\"host\": \"$1\", \"addresses\": [\"$2\"]}" \
		"http://$BED_API:8055/add-a"
}

bed_dns_unbound() {
	bed_need unbound unbound
	cat >"$BED/unbound.conf" <<-CONF
		server:
		  directory: "$BED"
		  chroot: ""
		  username: ""
		  pidfile: ""
		  use-syslog: no
		  interface: $BED_DNS
		  access-control: 0.0.0.0/0 allow
		  outgoing-interface: $BED_BLOCKED4
		  do-ip6: no
		  do-not-query-localhost: no
		  module-config: "iterator"
		  local-zone: "test." nodefault
		  # A name server that was behind the block a moment ago is asked again.
		  infra-host-ttl: 1
		  infra-keep-probing: yes
		  cache-max-ttl: 0
		  cache-max-negative-ttl: 0
		stub-zone:
		  name: "example.test."
		  stub-addr: $BED_SRV4
		remote-control:
		  control-enable: no
	CONF
	bed_spawn unbound "$BED_CA" unbound -d -c "$BED/unbound.conf"
	bed_until "unbound" bed_listens "$BED_CA" 53
}

# The authoritative server of example.test, updated from the server itself only (RFC 2136).
bed_knot() {
	bed_need knotd knot
	mkdir "$BED/knot"
	cat >"$BED/knot/example.test.zone" <<-ZONE
		@ 1 SOA ns admin 1 3600 600 86400 1
		@ 1 NS ns
		ns 1 A $BED_SRV4
	ZONE
	cat >"$BED/knot.conf" <<-CONF
		server:
		  rundir: "$BED/knot"
		  listen: [ "127.0.0.1@53", "$BED_SRV4@53" ]
		database:
		  storage: "$BED/knot"
		log:
		- target: stderr
		  any: info
		acl:
		- id: local
		  address: 127.0.0.1
		  action: update
		zone:
		- domain: example.test
		  storage: "$BED/knot"
		  file: example.test.zone
		  acl: local
	CONF
	bed_spawn knot "$BED_SRV" knotd -c "$BED/knot.conf"
	bed_until "knot" bed_answers 127.0.0.1 127.0.0.1 udp 53
}

bed_nginx() {
	bed_need nginx nginx
	cat >"$BED/nginx.conf" <<-CONF
		user root;
		daemon off;
		worker_processes 1;
		pid $BED/nginx.pid;
		error_log stderr;
		events { }
		http {
		  access_log $BED/access.log;
		  client_body_temp_path $BED/nginx-body;
		  proxy_temp_path $BED/nginx-proxy;
		  fastcgi_temp_path $BED/nginx-fastcgi;
		  uwsgi_temp_path $BED/nginx-uwsgi;
		  scgi_temp_path $BED/nginx-scgi;
		  server { listen 80; listen [::]:80; root $BED/www; }
		}
	CONF
	bed_spawn nginx "$BED_SRV" nginx -c "$BED/nginx.conf"
	bed_until "nginx" bed_listens "$BED_SRV" 80
}

bed_gated_server() {
	mkdir "$BED/gates"
	bed_spawn gated-server "$BED_SRV" "$BED_ROOT/tests/lib/gated_server.py" "$BED/www" "$BED/gates"
	bed_until "the server" bed_listens "$BED_SRV" 80
}

# Waits until the CA validates HOST; it goes on waiting for some seconds.
bed_asked() {
	bed_until "the CA's validation of $1" test -e "$BED/gates/asked-$1"
}

bed_answer() {
	touch "$BED/gates/answer-$1"
}

bed_listens() {
	[ -n "$(ip netns exec "$1" ss -Hln "sport = :$2")" ]
}

# bed_answers SOURCE DESTINATION tcp|udp PORT, on the server itself.
bed_answers() {
	[ "$(bed_srv "$BED_ROOT/tests/lib/probe.py" "$@" 0.2)" = open ]
}

# bed_probe blocked|allowed 4|6 tcp|udp PORT [SECONDS]: "open", "refused" or "silent".
bed_probe() {
	local source=BED_${1^^}$2 server=BED_SRV$2

	bed_ca "$BED_ROOT/tests/lib/probe.py" "${!source}" "${!server}" "${@:3}"
}
