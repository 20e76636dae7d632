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
	return json_pack("{s:s,s:s,s:s,s:b,s:b,s:b,s:o,s:o,s:O,s:O}", "backend", lift->backend,
			 "txn", lift->txn, "ports", ports_text(ports, &lift->ports),
			 "expires_itself", (int)lift->expires_itself, "survives_boot",
			 (int)lift->survives_boot, "applied", (int)lift->applied, "targets",
			 output_names(&lift->targets), "tables", output_names(&lift->tables),
			 "documents", lift->documents, "record", lift->record);
}

static json_t *
wish_json(const struct wish *wish)
{
	char ports[PORTS_TEXT_MAX];
	json_t *json = json_pack("{s:O,s:b,s:s}", "policy", wish->policy, "discovered",
				 (int)wish->discovered, "ports", ports_text(ports, &wish->ports));
	if (wish->begun.n)
		json_object_set_new(json, "begun", json_string(ports_text(ports, &wish->begun)));
	return json;
}

json_t *
journal_json(const struct journal *j)
{
	char netns[24];
	snprintf(netns, sizeof(netns), "%" PRIu64, j->id.netns);
	json_t *leases = json_array(), *lifts = json_array(), *wishes = json_array();
	int failed = 0;
	for (size_t i = 0; i < j->leases.n; i++)
		failed |= json_array_append_new(leases, lease_json(&j->leases.v[i]));
	for (size_t i = 0; i < j->lifts.n; i++)
		failed |= json_array_append_new(lifts, lift_json(&j->lifts.v[i]));
	for (size_t i = 0; i < j->wishes.n; i++)
		failed |= json_array_append_new(wishes, wish_json(&j->wishes.v[i]));
	json_t *json = json_pack(
		"{s:i,s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:b,s:b,s:o,s:o,s:o,s:o}", "version",
		JOURNAL_VERSION, "state", state_names[j->state], "window", j->window, "boot",
		j->id.boot, "machine", j->id.machine, "netns", netns, "opened_wall",
		(json_int_t)j->opened_wall, "opened", (json_int_t)j->opened, "deadline",
		(json_int_t)j->deadline, "expiry", (json_int_t)j->expiry, "heartbeat_s",
		(json_int_t)j->heartbeat_s, "relift", j->on_refresh == REFRESH_RELIFT, "cut_flows",
		j->flows == FLOWS_CUT, "spared", output_names(&j->spared), "leases", leases,
		"lifts", lifts, "wishes", wishes);
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
	json_t *targets, *tables, *documents, *record;
	int expires, survives, applied = 1;
	if (json_unpack(json, "{s:s,s:s,s:s,s:b,s:b,s?b,s:o,s:o,s:o,s:o}", "backend", &backend,
			"txn", &txn, "ports", &ports, "expires_itself", &expires, "survives_boot",
			&survives, "applied", &applied, "targets", &targets, "tables", &tables,
			"documents", &documents, "record", &record))
		return err_set(e, ERR_FAILED, "a lift is malformed");
	struct lift *lift = lifts_add(lifts);
	if (!lift || !(lift->backend = strdup(backend)))
		return err_set(e, ERR_FAILED, "out of memory");
	lift->expires_itself = expires;
	lift->survives_boot = survives;
	lift->applied = applied;
	lift->record = json_incref(record);
	lift->documents = json_incref(documents);
	if (parse_txn(lift->txn, txn) || parse_names(&lift->targets, targets) ||
	    parse_names(&lift->tables, tables))
		return err_set(e, ERR_FAILED, "a lift is malformed");
	return ports_parse(ports, &lift->ports, e);
}

static int
parse_wish(struct wishes *wishes, json_t *json, struct err *e)
{
	json_t *policy;
	const char *text, *begun_text = NULL;
	int discovered;
	struct ports ports, begun = { 0 };
	if (json_unpack(json, "{s:o,s:b,s:s,s?s}", "policy", &policy, "discovered", &discovered,
			"ports", &text, "begun", &begun_text))
		return err_set(e, ERR_FAILED, "a wish is malformed");
	if (ports_parse(text, &ports, e) || (begun_text && ports_parse(begun_text, &begun, e)))
		return -1;
	ports = ports_minus(&ports, &begun);
	return wishes_add(wishes, policy, discovered, &ports) ||
			       wishes_begin(wishes, policy, discovered, &begun)
		       ? err_set(e, ERR_FAILED, "out of memory")
		       : 0;
}

static int
parse_lists(struct journal *j, json_t *leases, json_t *lifts, json_t *wishes, struct err *e)
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
	json_array_foreach (wishes, i, item) {
		if (parse_wish(&j->wishes, item, e))
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
	json_int_t wall, opened, deadline, expiry, heartbeat;
	json_t *spared, *leases, *lifts, *wishes;
	int relift, cut;
	json_error_t why;
	*j = (struct journal){ 0 };
	if (json_unpack(json, "{s:i}", "version", &version) || version != JOURNAL_VERSION)
		return err_set(e, ERR_FAILED, "it is not of version %d", JOURNAL_VERSION);
	if (json_unpack_ex(json, &why, 0,
			   "{s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:b,s:b,s:o,s:o,s:o,s:o}",
			   "state", &state, "window", &window, "boot", &boot, "machine", &machine,
			   "netns", &netns, "opened_wall", &wall, "opened", &opened, "deadline",
			   &deadline, "expiry", &expiry, "heartbeat_s", &heartbeat, "relift",
			   &relift, "cut_flows", &cut, "spared", &spared, "leases", &leases,
			   "lifts", &lifts, "wishes", &wishes))
		return err_set(e, ERR_FAILED, "its content is malformed: %s", why.text);
	while (k < N_STATES && strcmp(state_names[k], state) != 0)
		k++;
	if (k == N_STATES || parse_txn(j->window, window) ||
	    copy_text(j->id.boot, sizeof(j->id.boot), boot) ||
	    copy_text(j->id.machine, sizeof(j->id.machine), machine) ||
	    parse_netns(&j->id.netns, netns) || parse_names(&j->spared, spared))
		return err_set(e, ERR_FAILED, "its content is malformed");
	j->state = (enum journal_state)k;
	j->opened_wall = (int64_t)wall;
	j->opened = (int64_t)opened;
	j->deadline = (int64_t)deadline;
	j->expiry = (int64_t)expiry;
	j->heartbeat_s =
		heartbeat < 0 || heartbeat > POLICY_MAX_WINDOW_MAX_S ? 0 : (unsigned)heartbeat;
	j->on_refresh = relift ? REFRESH_RELIFT : REFRESH_STOP;
	j->flows = cut ? FLOWS_CUT : FLOWS_KEEP;
	return parse_lists(j, leases, lifts, wishes, e);
}
