/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journal's JSON document. Unknown members are ignored: a newer minor version may add some. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "output.h"

static const char *const state_names[] = {
	[JOURNAL_OPENING] = "opening",
	[JOURNAL_OPEN] = "open",
	[JOURNAL_CLOSING] = "closing",
};
#define N_STATES (sizeof(state_names) / sizeof(*state_names))

const char *
journal_state_name(enum journal_state state)
{
	return state_names[state];
}

static json_t *
lift_json(const struct lift *lift)
{
	char ports[PORTS_TEXT_MAX];
	return json_pack("{s:s,s:s,s:s,s:b,s:o,s:o,s:O}", "backend", lift->backend, "txn",
			 lift->txn, "ports", ports_text(ports, &lift->ports), "expires_itself",
			 (int)lift->expires_itself, "targets", output_names(&lift->targets),
			 "tables", output_names(&lift->tables), "record", lift->record);
}

json_t *
journal_json(const struct journal *j)
{
	char netns[24];
	snprintf(netns, sizeof(netns), "%" PRIu64, j->id.netns);
	json_t *leases = json_array(), *lifts = json_array();
	int failed = 0;
	for (size_t i = 0; i < j->leases.n; i++)
		failed |= json_array_append_new(leases, lease_json(&j->leases.v[i]));
	for (size_t i = 0; i < j->lifts.n; i++)
		failed |= json_array_append_new(lifts, lift_json(&j->lifts.v[i]));
	json_t *json = json_pack("{s:i,s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:o,s:o}", "version",
				 JOURNAL_VERSION, "state", state_names[j->state], "window",
				 j->window, "boot", j->id.boot, "machine", j->id.machine, "netns",
				 netns, "opened_wall", (json_int_t)j->opened_wall, "opened",
				 (json_int_t)j->opened, "deadline", (json_int_t)j->deadline,
				 "expiry", (json_int_t)j->expiry, "leases", leases, "lifts", lifts);
	if (failed) {
		json_decref(json);
		return NULL;
	}
	return json;
}

static int
copy_text(char *to, size_t size, const char *text)
{
	size_t len = strlen(text);
	if (len >= size)
		return -1;
	memcpy(to, text, len + 1);
	return 0;
}

static int
parse_names(struct names *names, json_t *json)
{
	size_t i;
	json_t *name;
	json_array_foreach (json, i, name) {
		if (!json_is_string(name) || names_add(names, json_string_value(name)))
			return -1;
	}
	return 0;
}

static int
parse_txn(char *txn, const char *text)
{
	if (strlen(text) != TXN_LEN || strspn(text, "0123456789abcdef") != TXN_LEN)
		return -1;
	return copy_text(txn, TXN_BUF, text);
}

static int
parse_lift(struct lifts *lifts, json_t *json, struct err *e)
{
	const char *backend, *txn, *ports;
	json_t *targets, *tables, *record;
	int expires;
	if (json_unpack(json, "{s:s,s:s,s:s,s:b,s:o,s:o,s:o}", "backend", &backend, "txn", &txn,
			"ports", &ports, "expires_itself", &expires, "targets", &targets, "tables",
			&tables, "record", &record))
		return err_set(e, ERR_FAILED, "a lift is malformed");
	struct lift *lift = lifts_add(lifts);
	if (!lift || !(lift->backend = strdup(backend)))
		return err_set(e, ERR_FAILED, "out of memory");
	lift->expires_itself = expires;
	lift->record = json_incref(record);
	if (parse_txn(lift->txn, txn) || parse_names(&lift->targets, targets) ||
	    parse_names(&lift->tables, tables))
		return err_set(e, ERR_FAILED, "a lift is malformed");
	return ports_parse(ports, &lift->ports, e);
}

static int
parse_lists(struct journal *j, json_t *leases, json_t *lifts, struct err *e)
{
	size_t i;
	json_t *item;
	json_array_foreach (leases, i, item) {
		struct lease lease;
		int failed = lease_parse(&lease, item, e);
		if (!failed && !leases_add(&j->leases, &lease))
			failed = err_set(e, ERR_FAILED, "out of memory");
		free(lease.name);
		if (failed)
			return -1;
	}
	json_array_foreach (lifts, i, item) {
		if (parse_lift(&j->lifts, item, e))
			return -1;
	}
	return 0;
}

static int
parse_netns(uint64_t *netns, const char *text)
{
	char *end;
	errno = 0;
	*netns = strtoull(text, &end, 10);
	return errno || *end || end == text ? -1 : 0;
}

int
journal_parse(struct journal *j, json_t *json, struct err *e)
{
	int version;
	size_t k = 0;
	const char *state, *window, *boot, *machine, *netns;
	json_int_t wall, opened, deadline, expiry;
	json_t *leases, *lifts;
	json_error_t why;
	*j = (struct journal){ 0 };
	if (json_unpack_ex(json, &why, 0, "{s:i,s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:o,s:o}",
			   "version", &version, "state", &state, "window", &window, "boot", &boot,
			   "machine", &machine, "netns", &netns, "opened_wall", &wall, "opened",
			   &opened, "deadline", &deadline, "expiry", &expiry, "leases", &leases,
			   "lifts", &lifts))
		return err_set(e, ERR_FAILED, "its content is malformed: %s", why.text);
	if (version != JOURNAL_VERSION)
		return err_set(e, ERR_FAILED, "it has version %d, not %d", version,
			       JOURNAL_VERSION);
	while (k < N_STATES && strcmp(state_names[k], state) != 0)
		k++;
	if (k == N_STATES || parse_txn(j->window, window) ||
	    copy_text(j->id.boot, sizeof(j->id.boot), boot) ||
	    copy_text(j->id.machine, sizeof(j->id.machine), machine) ||
	    parse_netns(&j->id.netns, netns))
		return err_set(e, ERR_FAILED, "its content is malformed");
	j->state = (enum journal_state)k;
	j->opened_wall = (int64_t)wall;
	j->opened = (int64_t)opened;
	j->deadline = (int64_t)deadline;
	j->expiry = (int64_t)expiry;
	return parse_lists(j, leases, lifts, e);
}
