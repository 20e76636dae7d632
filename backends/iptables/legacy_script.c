/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_script.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

int
script_begin(struct script *script, const char *table, const struct save *save, struct err *e)
{
	*script = (struct script){ 0 };
	script->f = open_memstream(&script->text, &script->len);
	if (!script->f)
		return err_set(e, ERR_FAILED, "out of memory");
	fprintf(script->f, "*%s\n", table);
	for (size_t i = 0; i < save->n_chains; i++)
		if (save->chains[i].policy)
			fprintf(script->f, ":%s %s [%" PRIu64 ":%" PRIu64 "]\n",
				save->chains[i].name, save->chains[i].policy,
				save->chains[i].packets, save->chains[i].bytes);
	return 0;
}

int
script_end(struct script *script, struct err *e)
{
	bool failed;

	fputs("COMMIT\n", script->f);
	failed = ferror(script->f) != 0;
	failed |= fclose(script->f) != 0;
	script->f = NULL;
	return failed ? err_set(e, ERR_FAILED, "out of memory") : 0;
}

void
script_fini(struct script *script)
{
	if (script->f)
		fclose(script->f);
	free(script->text);
	*script = (struct script){ 0 };
}

/* --- which packets --- */

/* One rule's condition: the ports of one protocol, or with DNAT one port. */
struct condition {
	uint8_t proto;
	char ports[32];
	bool original;
};
#define CONDITIONS_MAX (PORTS_MAX + 2)

static size_t
add_ports(struct condition *all, size_t n, const struct lift_words *words, uint8_t proto,
	  bool original)
{
	size_t len = 0, first = n;

	for (size_t i = 0; i < words->ports.n; i++) {
		const struct port *port = &words->ports.v[i];
		struct condition *c;

		if (port->proto != proto)
			continue;
		if (n == first || original) {
			n++;
			len = 0;
		}
		c = &all[n - 1];
		c->proto = proto;
		c->original = original;
		len += (size_t)snprintf(c->ports + len, sizeof(c->ports) - len, "%s%u",
					len ? "," : "", port->number);
	}
	return n;
}

static size_t
conditions(struct condition all[CONDITIONS_MAX], const struct lift_words *words, unsigned hooks)
{
	bool original = words->original && (hooks & HOOK_FORWARD) != 0;
	size_t n = add_ports(all, 0, words, IPPROTO_TCP, original);

	n = add_ports(all, n, words, IPPROTO_UDP, original);
	if (original || !words->nat || !(hooks & HOOK_INPUT))
		return n;
	n = add_ports(all, n, words, IPPROTO_TCP, true);
	return add_ports(all, n, words, IPPROTO_UDP, true);
}

size_t
script_conditions(const struct lift_words *words, unsigned hooks)
{
	struct condition all[CONDITIONS_MAX];

	return conditions(all, words, hooks);
}

static const char *
proto_name(const struct condition *c)
{
	return c->proto == IPPROTO_TCP ? "tcp" : "udp";
}

/* As iptables-save prints it. */
static void
put_condition(FILE *f, const struct condition *c, time_t stop)
{
	char end[MARK_TIME_MAX];

	if (c->original)
		fprintf(f, "-m conntrack --ctorigdstport %s --ctdir ORIGINAL", c->ports);
	else
		fprintf(f, "-m multiport --dports %s", c->ports);
	fprintf(f, " -m time --datestop %s", mark_time(end, stop));
}

/* --- lines --- */

static void
put_raw(FILE *f, const struct save *save, const struct save_rule *rule, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		const struct save_token *t = &save->tokens[rule->first + i];

		fprintf(f, " %.*s", (int)t->raw_len, t->raw);
	}
}

/* A copy of the rule without the test of its source. */
static void
put_widened(FILE *f, const struct legacy_edit *edit, const struct save *save,
	    const struct lift_words *words, const struct condition *c)
{
	struct rule rule;
	size_t target;

	rule_read(&rule, save, edit->rule);
	for (target = rule.at->n; target > 0; target--) {
		const struct save_token *t = &save->tokens[rule.at->first + target - 1];

		if (!t->quoted && (!strcmp(t->text, "-j") || !strcmp(t->text, "-g")))
			break;
	}
	target = target > 0 ? target - 1 : rule.at->n;
	if (!rule.proto)
		fprintf(f, " -p %s", proto_name(c));
	put_raw(f, save, rule.at, 0, rule.from);
	put_raw(f, save, rule.at, rule.to, target);
	fputc(' ', f);
	put_condition(f, c, words->stop);
	fprintf(f, " -m comment --comment " MARK_COMMENT "%s", words->txn);
	put_raw(f, save, rule.at, target, rule.at->n);
	fputc('\n', f);
}

static void
put_chain(FILE *f, const struct legacy_edit *edit, const struct lift_words *words, unsigned index,
	  const struct save_rule *counters)
{
	struct condition all[CONDITIONS_MAX];
	char chain[MARK_CHAIN_MAX];
	size_t n = conditions(all, words, edit->hooks);

	mark_chain(chain, words->txn, index);
	for (size_t i = 0; i < n; i++) {
		fprintf(f, "%s-A %s -p %s ", counters ? "[0:0] " : "", chain, proto_name(&all[i]));
		put_condition(f, &all[i], words->stop);
		fputs(" -j RETURN\n", f);
	}
	if (counters)
		fprintf(f, "[%" PRIu64 ":%" PRIu64 "] ", counters->packets, counters->bytes);
	fprintf(f, "-A %s %s\n", chain, edit->spec);
}

void
script_lift(struct script *script, const struct legacy_edit *edit, const struct save *save,
	    const struct lift_words *words, unsigned index)
{
	struct condition all[CONDITIONS_MAX];
	char chain[MARK_CHAIN_MAX];
	size_t n = conditions(all, words, edit->hooks);

	if (edit->action == ACTION_SKIP) {
		mark_chain(chain, words->txn, index);
		fprintf(script->f, ":%s - [0:0]\n", chain);
		put_chain(script->f, edit, words, index, &save->rules[edit->rule]);
		fprintf(script->f, "[0:0] -R %s %u -j %s\n", edit->chain, edit->number, chain);
		return;
	}
	for (size_t i = n; i-- > 0;) {
		fprintf(script->f, "[0:0] -I %s %u", edit->chain, edit->number);
		put_widened(script->f, edit, save, words, &all[i]);
	}
}

void
script_show(FILE *f, const struct legacy_edit *edit, const struct save *save,
	    const struct lift_words *words, unsigned index)
{
	struct condition all[CONDITIONS_MAX];
	char chain[MARK_CHAIN_MAX];
	size_t n = conditions(all, words, edit->hooks);

	if (edit->action == ACTION_SKIP) {
		fprintf(f, "-A %s -j %s\n", edit->chain, mark_chain(chain, words->txn, index));
		put_chain(f, edit, words, index, NULL);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		fprintf(f, "-A %s", edit->chain);
		put_widened(f, edit, save, words, &all[i]);
	}
	fprintf(f, "-A %s %s\n", edit->chain, edit->spec);
}

void
script_move_end(struct script *script, const struct save *save, size_t index, time_t stop)
{
	const struct save_rule *rule = &save->rules[index];
	char end[MARK_TIME_MAX];

	fprintf(script->f, "[%" PRIu64 ":%" PRIu64 "] -R %s %u", rule->packets, rule->bytes,
		save->chains[rule->chain].name, rule->number);
	for (size_t i = 0; i < rule->n; i++) {
		const struct save_token *t = &save->tokens[rule->first + i];

		put_raw(script->f, save, rule, i, i + 1);
		if (t->quoted || strcmp(t->text, "--datestop") != 0 || i + 1 == rule->n)
			continue;
		fprintf(script->f, " %s", mark_time(end, stop));
		i++;
	}
	fputc('\n', script->f);
}
