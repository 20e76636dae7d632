#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# HOOK for dehydrated: HOOK="/etc/dehydrated/hook.sh" in /etc/dehydrated/config.
#
# dehydrated calls deploy_challenge for each name of a certificate, has them validated, and then
# calls clean_challenge for each. The lease is dehydrated's, and one however often it is taken: the
# first clean_challenge gives it back. exit_hook also comes after an error. After a signal nothing
# comes: the window closes as soon as dehydrated has ended.
#
# A hook that you have already: put its path into NEXT. It gets every call.

GEOPAUSE=${GEOPAUSE:-geopause}
NEXT=${NEXT:-}

# The next hook first where it prepares (it may refuse), last where it cleans up.
next() {
	[ -z "$NEXT" ] || "$NEXT" "$@"
}

case $1 in
deploy_challenge)
	next "$@" || exit
	# Not zero: dehydrated gives up, and calls exit_hook.
	"$GEOPAUSE" pre --challenge http-01
	;;
clean_challenge | exit_hook)
	"$GEOPAUSE" post
	closed=$?
	next "$@" || exit
	exit "$closed"
	;;
*)
	# Also verbs that do not exist yet. Nothing may be printed: for generate_csr, stdout is the CSR.
	next "$@"
	;;
esac
