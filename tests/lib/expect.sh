# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the end-to-end tests expect, on a bed (bed.sh, which is to be sourced before). The first
# thing that is not as expected ends the test: what was expected and the logs go to stderr.

note() {
	echo "-- $*"
}

fail() {
	local log

	echo "FAILED: $*" >&2
	if [ -n "$BED" ]; then
		for log in "$BED"/client.log "$BED"/pebble.log "$BED"/during; do
			[ -s "$log" ] || continue
			echo "--- the end of $(basename "$log"):" >&2
			tail -n 12 "$log" >&2
		done
		echo "--- the ruleset:" >&2
		ip netns exec "$BED_SRV" nft -a -t list ruleset >&2
	fi
	exit 1
}

# expect_status N CMD...: its output is in $BED/client.log.
expect_status() {
	local want=$1 got=0
	shift

	"$@" >"$BED/client.log" 2>&1 </dev/null || got=$?
	[ "$got" -eq "$want" ] || fail "exit status $got instead of $want: $*"
}

# A client that cannot get a certificate, because the CA cannot reach the server.
expect_no_certificate() {
	local got=0

	"$@" >"$BED/client.log" 2>&1 </dev/null || got=$?
	[ "$got" -ne 0 ] || fail "this succeeded in spite of the geo-block: $*"
	# As Pebble says it for http-01, tls-alpn-01 and dns-01 (response code 2: SERVFAIL).
	grep -qE "Timeout exceeded|i/o timeout|Failed to connect to|response: '.{1,2}x02'" \
		"$BED/client.log" ||
		fail "this failed, but not because of the geo-block: $*"
}

# expect_probe open|refused|silent|through blocked|allowed 4|6 PROTO PORT
expect_probe() {
	local want=$1 got seconds
	shift

	# A second look with patience.
	for seconds in "" 1.5; do
		got=$(bed_probe "$@" $seconds)
		# Somebody answered, were it only the kernel: the filter let it through.
		[ "$want" = through ] && [[ $got =~ ^(open|refused)$ ]] && return
		[ "$got" != "$want" ] || return 0
	done
	fail "probe $*: $got instead of $want"
}

# expect_blocked PROTO PORT...: from the blocked country, both families.
expect_blocked() {
	local proto=$1 port
	shift

	for port in "$@"; do
		expect_probe silent blocked 4 "$proto" "$port"
		# There is no name server to answer over IPv6.
		[ "$proto" = udp ] || expect_probe silent blocked 6 "$proto" "$port"
	done
}

# Remembers the ruleset that expect_restored compares with.
remember_ruleset() {
	bed_ruleset >"$BED/ruleset.before"
}

# The same rules, order, handles, comments and sets; no journal; no lease; nobody left behind.
expect_restored() {
	bed_ruleset >"$BED/ruleset.after"
	diff -u "$BED/ruleset.before" "$BED/ruleset.after" >&2 || fail "the ruleset is not what it was"
	bed_until "the end of the watchdog" no_geopause_runs
	expect_no_journal
}

expect_no_journal() {
	local left

	left=$(find "$BED/state" -type f ! -name lock ! -name history)
	[ -z "$left" ] || fail "this is left in the state directory: $left"
}

no_geopause_runs() {
	local pid

	for pid in $(ip netns pids "$BED_SRV"); do
		[ "$(readlink "/proc/$pid/exe")" != "$(readlink -f "$GEOPAUSE")" ] || return 1
	done
}

# expect_certificate FILE NAME
expect_certificate() {
	[ -s "$1" ] || fail "there is no certificate $1"
	openssl x509 -noout -ext subjectAltName -in "$1" | grep -qF "DNS:$2" ||
		fail "$1 is not for $2"
}

# expect_leases [TEXT...]: who holds the window, in that order: "certbot PID", "name NAME", "timed".
# Nobody: it is closed.
expect_leases() {
	local got want

	want=$(printf '%s\n' "$@")
	bed_srv "$BED/gp" status --json >"$BED/status.json" || fail "status: $(cat "$BED/status.json")"
	got=$(python3 - "$BED/status.json" <<-'PY'
		import json, sys
		with open(sys.argv[1], encoding="ascii") as file:
		    status = json.load(file)
		assert status["state"] == ("open" if status["leases"] else "closed"), status
		for lease in status["leases"]:
		    print(*{"owner": lambda: (lease["owner_name"], lease["owner"]["pid"]),
		            "name": lambda: ("name", lease["name"]),
		            "timed": lambda: ("timed",)}[lease["kind"]]())
	PY
	) || fail "status is not as it should be: $(cat "$BED/status.json")"
	[ "$got" = "$want" ] ||
		fail "the leases are \"$got\" instead of \"$want\": $(cat "$BED/status.json")"
}

# expect_ends N PID: a job of ours ends with this status.
expect_ends() {
	local got=0

	# The shell would tell of a signal.
	{ wait "$2" || got=$?; } 2>/dev/null
	[ "$got" -eq "$1" ] || fail "exit status $got instead of $1"
}

now_ms() {
	date +%s%3N
}

is_restored() {
	[ "$(bed_ruleset)" = "$(cat "$BED/ruleset.before")" ]
}

# expect_restored_soon WHY: now, by the watchdog; $restored_ms is how long it took.
expect_restored_soon() {
	local begin limit=10000 # 100 on a machine that has nothing else to do: see expect_promptly

	begin=$(now_ms)
	until is_restored; do
		[ $(($(now_ms) - begin)) -lt "$limit" ] || fail "not restored $limit ms after $1"
	done
	restored_ms=$(($(now_ms) - begin))
	echo "   restored after $restored_ms ms ($1)"
	expect_restored
}

# expect_promptly CMD...: CMD, which calls expect_restored_soon, within the 100 ms that are promised
# in one of some tries: a busy machine may come in between.
expect_promptly() {
	local try

	for try in 1 2 3 4 5; do
		"$@"
		[ "$restored_ms" -gt 100 ] || return 0
	done
	fail "never restored within 100 ms in $try tries: $*"
}
