#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Renews one certificate with lego. Names and challenge are yours to change:
#   --http                    --challenge http-01
#   --tls                     --challenge tls-alpn-01
#   --dns rfc2136             --challenge dns-01, if the name server runs on this host
exec geopause run --challenge tls-alpn-01 -- \
	lego --accept-tos --email admin@example.org --path /var/lib/lego \
	--domains example.org --tls renew --no-random-sleep
