# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# certbot on a bed; to be sourced after bed.sh.

# certbot_srv VERB ARG...: without anything of the host's own certbot.
certbot_srv() {
	local verb=$1
	shift

	bed_need certbot certbot
	bed_srv certbot "$verb" --non-interactive --config-dir "$BED/le" --work-dir "$BED/le-work" \
		--logs-dir "$BED/le-logs" --server "$BED_ACME" "$@"
}

# PEBBLE_AUTHZREUSE=0 still reuses one authorization in a hundred, and a reused one needs no
# validation that could fail: what has to fail is renewed by a new account, which has none.
certbot_new_account() {
	rm -rf "$BED/le/accounts"
	sed -i '/^account = /d' "$BED"/le/renewal/*.conf
	expect_status 0 certbot_srv register --agree-tos --register-unsafely-without-email
}

# certbot_certonly NAME ARG...
certbot_certonly() {
	local name=$1
	shift

	certbot_srv certonly --agree-tos --register-unsafely-without-email -d "$name" "$@"
}
