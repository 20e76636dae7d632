/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Before the kernel's headers, which know of it then. */
#include <netinet/in.h>

#include "legacy_rewrite.h"

#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_time.h>
#include <string.h>

#include "legacy_entry.h"

_Static_assert(CONDITION_PORTS_MAX <= XT_MULTI_PORTS, "a multiport match holds them all");

enum {
	MATCH_MULTIPORT,
	MATCH_CONNTRACK,
	MATCH_TIME,
	MATCH_COMMENT,
};

const struct lift_match lift_matches[LIFT_MATCHES] = {
	[MATCH_MULTIPORT] = { "multiport", 1 },
	[MATCH_CONNTRACK] = { "conntrack", 3 },
	[MATCH_TIME] = { "time", 0 },
	[MATCH_COMMENT] = { "comment", 0 },
};

/* --- which packets --- */

static size_t
add_ports(struct condition *all, size_t n, const struct ports *ports, uint8_t proto, bool original)
{
	size_t first = n;

	for (size_t i = 0; i < ports->n; i++) {
		const struct port *port = &ports->v[i];
		struct condition *c;

		if (port->proto != proto)
			continue;
		if (n == first || original || all[n - 1].n == CONDITION_PORTS_MAX)
			all[n++] = (struct condition){ .proto = proto, .original = original };
		c = &all[n - 1];
		c->ports[c->n++] = port->number;
	}
	return n;
}

size_t
lift_conditions(struct condition all[CONDITIONS_MAX], const struct lift_words *words,
		const struct legacy_edit *edit)
{
	bool original = (words->original & edit->hooks) != 0;
	size_t n = add_ports(all, 0, &edit->ports, IPPROTO_TCP, original);

	n = add_ports(all, n, &edit->ports, IPPROTO_UDP, original);
	if (original || !(words->both & edit->hooks))
		return n;
	n = add_ports(all, n, &edit->ports, IPPROTO_TCP, true);
	return add_ports(all, n, &edit->ports, IPPROTO_UDP, true);
}

/* --- as the kernel says it --- */

/* A rule of ours, with what its matches hold. */
struct our_rule {
	struct xt_multiport_v1 ports;
	struct xt_conntrack_mtinfo3 original;
	struct xt_time_info time;
	struct xt_comment_info comment;
	struct new_rule rule;
};

static void
add_match(struct our_rule *our, size_t match, const void *data, size_t size)
{
	our->rule.matches[our->rule.n++] =
		(struct new_match){ lift_matches[match].name, lift_matches[match].revision, data,
				    size };
}

/* "-m multiport --dports 80,443" */
static void
add_multiport(struct our_rule *our, const struct condition *c)
{
	our->ports.flags = XT_MULTIPORT_DESTINATION;
	our->ports.count = (uint8_t)c->n;
	memcpy(our->ports.ports, c->ports, c->n * sizeof(c->ports[0]));
	add_match(our, MATCH_MULTIPORT, &our->ports, sizeof(our->ports));
}

/* "-m conntrack --ctorigdstport 80 --ctdir ORIGINAL" */
static void
add_original(struct our_rule *our, const struct condition *c)
{
	our->original.match_flags = XT_CONNTRACK_ORIGDST_PORT | XT_CONNTRACK_DIRECTION;
	our->original.origdst_port = our->original.origdst_port_high = c->ports[0];
	add_match(our, MATCH_CONNTRACK, &our->original, sizeof(our->original));
}

/* "-m time --datestop STOP" */
static void
add_end(struct our_rule *our, time_t stop)
{
	our->time = (struct xt_time_info){ .date_stop = (uint32_t)stop,
					   .daytime_stop = XT_TIME_MAX_DAYTIME,
					   .monthdays_match = XT_TIME_ALL_MONTHDAYS,
					   .weekdays_match = XT_TIME_ALL_WEEKDAYS };
	add_match(our, MATCH_TIME, &our->time, sizeof(our->time));
}

static void
begin_rule(struct our_rule *our, const struct condition *c, const struct lift_words *words)
{
	*our = (struct our_rule){ .rule = { .proto = c->proto } };
	if (c->original)
		add_original(our, c);
	else
		add_multiport(our, c);
	add_end(our, words->stop);
}

static void
rewrite_skip(struct change *change, const struct legacy_edit *edit, const struct lift_words *words,
	     unsigned index)
{
	const struct legacy_table *table = change->table;
	const size_t entry = table_rule(table, edit->rule);
	struct condition all[CONDITIONS_MAX];
	size_t n = lift_conditions(all, words, edit);
	struct new_entry rules[CONDITIONS_MAX + 1], jump;
	char chain[MARK_CHAIN_MAX];

	for (size_t i = 0; i < n; i++) {
		struct our_rule our;

		begin_rule(&our, &all[i], words);
		rules[i] = entry_returning(table->blob.family, &our.rule);
	}
	rules[n] = entry_copy(table, entry);
	jump = entry_jump(
		table->blob.family,
		change_chain_take(change, mark_chain(chain, words->txn, index), rules, n + 1));
	change_insert_take(change, entry, &jump);
	change_drop(change, entry);
}

static struct new_entry
make_copy(const struct legacy_table *table, const struct legacy_edit *edit,
	  const struct new_rule *ours)
{
	if (edit->rule == SAVE_NONE)
		return entry_returning(table->blob.family, ours);
	return entry_copy_without(table, table_rule(table, edit->rule), edit->without, ours);
}

/* What stands at the edit's place now: a rule, or the end of its chain. */
static size_t
entry_at_place(const struct legacy_table *table, const struct legacy_edit *edit)
{
	const struct save_chain *chain = &table->save.chains[edit->in];

	if (edit->number > chain->n)
		return table_foot(table, edit->in);
	return table_rule(table, chain->first + edit->number - 1);
}

static void
rewrite_widen(struct change *change, const struct legacy_edit *edit, const struct lift_words *words)
{
	struct condition all[CONDITIONS_MAX];
	size_t n = lift_conditions(all, words, edit);

	for (size_t i = 0; i < n; i++) {
		struct our_rule our;
		struct new_entry copy;

		begin_rule(&our, &all[i], words);
		snprintf(our.comment.comment, sizeof(our.comment.comment), MARK_COMMENT "%s",
			 words->txn);
		add_match(&our, MATCH_COMMENT, &our.comment, sizeof(our.comment));
		copy = make_copy(change->table, edit, &our.rule);
		change_insert_take(change, entry_at_place(change->table, edit), &copy);
	}
}

void
lift_rewrite(struct change *change, const struct legacy_edit *edit, const struct lift_words *words,
	     unsigned index)
{
	if (edit->action == ACTION_SKIP)
		rewrite_skip(change, edit, words, index);
	else
		rewrite_widen(change, edit, words);
}
