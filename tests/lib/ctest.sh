# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ctest_patiently BUILD CTEST-OPTION...
#
# Tests side by side, three a processor: they mostly wait, for packets that must not arrive and for
# each other's processes. What is late beside others on a slow machine is not broken: a few that
# failed are run again, one at a time, and named. What fails alone is broken.
ctest_patiently() {
	local build=$1 failed few=4
	# Debian's programs come first, as tests/packages names them.
	local -x PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
	shift

	failed=$build/Testing/Temporary/LastTestsFailed.log
	rm -f "$failed"
	ctest --test-dir "$build" --output-on-failure --no-tests=error \
		--parallel $(($(nproc) * 3)) "$@" && return
	[ -s "$failed" ] && [ "$(wc -l <"$failed")" -le "$few" ] || return 1
	printf '\nonce more, alone: %s\n' "$(cut -d: -f2 "$failed" | paste -sd' ')"
	ctest --test-dir "$build" --output-on-failure --no-tests=error --rerun-failed
}
