/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_mark.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN_PREFIX "GP-"

const char *
mark_chain(char buf[MARK_CHAIN_MAX], const char *txn, unsigned index)
{
	snprintf(buf, MARK_CHAIN_MAX, CHAIN_PREFIX "%.12s-%u", txn, index);
	return buf;
}

time_t
mark_end_after(unsigned seconds)
{
	return time(NULL) + (time_t)seconds - 1;
}

const char *
mark_time(char buf[MARK_TIME_MAX], time_t at)
{
	struct tm tm;

	if (!gmtime_r(&at, &tm) || strftime(buf, MARK_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		buf[0] = '\0';
	return buf;
}

/* 12 hex digits into txn. */
static bool
read_txn(const char *text, char txn[TXN_BUF])
{
	for (size_t i = 0; i < TXN_LEN; i++)
		if (!isdigit((unsigned char)text[i]) && (text[i] < 'a' || text[i] > 'f'))
			return false;
	memcpy(txn, text, TXN_LEN);
	txn[TXN_LEN] = '\0';
	return true;
}

static bool
read_chain_name(const char *name, char txn[TXN_BUF], unsigned *index)
{
	const size_t prefix = sizeof(CHAIN_PREFIX) - 1;
	char *end;

	if (strncmp(name, CHAIN_PREFIX, prefix) != 0 || !read_txn(name + prefix, txn))
		return false;
	name += prefix + TXN_LEN;
	if (name[0] != '-' || !isdigit((unsigned char)name[1]))
		return false;
	*index = (unsigned)strtoul(name + 1, &end, 10);
	return *end == '\0';
}

static bool
read_comment(const char *comment, char txn[TXN_BUF])
{
	const size_t prefix = sizeof(MARK_COMMENT) - 1;

	return comment && !strncmp(comment, MARK_COMMENT, prefix) &&
	       read_txn(comment + prefix, txn) && comment[prefix + TXN_LEN] == '\0';
}

bool
mark_is_ours(const char *chain)
{
	char txn[TXN_BUF];
	unsigned index;

	return read_chain_name(chain, txn, &index);
}

/* The rule's own comments; a copy of a rule may have the original's beside ours. */
static bool
has_our_comment(const struct save *save, size_t index, char txn[TXN_BUF])
{
	const struct save_rule *rule = &save->rules[index];

	for (size_t i = 0; i + 1 < rule->n; i++) {
		const struct save_token *t = &rule->tokens[i];

		if (!t[0].quoted && !strcmp(t[0].text, "--comment") && read_comment(t[1].text, txn))
			return true;
	}
	return false;
}

bool
mark_is_our_rule(const struct rule *rule)
{
	char txn[TXN_BUF];

	return (rule->target == RULE_CHAIN && mark_is_ours(rule->target_name)) ||
	       has_our_comment(rule->save, (size_t)(rule->at - rule->save->rules), txn);
}

time_t
mark_stop(const struct save *save, size_t index)
{
	const struct save_rule *rule = &save->rules[index];
	struct tm tm = { 0 };

	for (size_t i = 0; i + 1 < rule->n; i++) {
		const struct save_token *t = &rule->tokens[i];
		const char *end;

		if (t[0].quoted || strcmp(t[0].text, "--datestop") != 0)
			continue;
		end = strptime(t[1].text, "%Y-%m-%dT%H:%M:%S", &tm);
		return end && *end == '\0' ? timegm(&tm) : 0;
	}
	return 0;
}

static struct mark *
add(struct marks *marks, struct err *e)
{
	struct mark *v = reallocarray(marks->v, marks->n + 1, sizeof(*v));

	if (!v) {
		err_set(e, ERR_FAILED, "out of memory while looking for marks");
		return NULL;
	}
	marks->v = v;
	v[marks->n] = (struct mark){ .chain = SAVE_NONE, .rule = SAVE_NONE, .jump = SAVE_NONE };
	return &v[marks->n++];
}

bool
mark_is_our_return(const struct rule *rule)
{
	const struct save_chain *chain = &rule->save->chains[rule->at->chain];
	size_t index = (size_t)(rule->at - rule->save->rules);

	return mark_is_ours(chain->name) && rule->target == RULE_RETURN &&
	       mark_stop(rule->save, index) && index + 1 < chain->first + chain->n;
}

static size_t
jump_to(const struct save *save, size_t chain)
{
	char spec[MARK_CHAIN_MAX + 4];

	snprintf(spec, sizeof(spec), "-j %s", save->chains[chain].name);
	for (size_t i = 0; i < save->n_rules; i++)
		if (!save->rules[i].dull && save_words(save, i) &&
		    !strcmp(save->rules[i].spec, spec))
			return i;
	return SAVE_NONE;
}

size_t
mark_home(const struct save *save, size_t chain)
{
	for (size_t depth = 0; depth < save->n_chains; depth++) {
		size_t jump =
			mark_is_ours(save->chains[chain].name) ? jump_to(save, chain) : SAVE_NONE;

		if (jump == SAVE_NONE)
			break;
		chain = save->rules[jump].chain;
	}
	return chain;
}

/* The chain's rules but R are ours: they have an end, and return. */
static void
look_into(struct mark *mark, const struct save *save)
{
	const struct save_chain *chain = &save->chains[mark->chain];

	for (size_t i = chain->first; i < chain->first + chain->n; i++) {
		time_t stop = mark_stop(save, i);
		struct rule rule;

		rule_read(&rule, save, i);
		if (stop && rule.target == RULE_RETURN && i + 1 < chain->first + chain->n)
			mark->stop = stop > mark->stop ? stop : mark->stop;
		else
			mark->rule = i;
	}
}

static int
find_chains(struct marks *marks, const struct save *save, const char *txn, struct err *e)
{
	for (size_t i = 0; i < save->n_chains; i++) {
		struct mark found, *mark;

		if (!read_chain_name(save->chains[i].name, found.txn, &found.index) ||
		    (txn && strcmp(txn, found.txn) != 0))
			continue;
		mark = add(marks, e);
		if (!mark)
			return -1;
		memcpy(mark->txn, found.txn, sizeof(mark->txn));
		mark->index = found.index;
		mark->chain = i;
		look_into(mark, save);
	}
	return 0;
}

/* Only a plain jump stands in R's place. */
static void
find_jumps(struct marks *marks, size_t chains, const struct save *save)
{
	for (size_t m = 0; m < chains; m++)
		marks->v[m].jump = jump_to(save, marks->v[m].chain);
}

static int
find_inserted(struct marks *marks, const struct save *save, const char *txn, struct err *e)
{
	char found[TXN_BUF];

	for (size_t i = 0; i < save->n_rules; i++) {
		struct mark *mark;

		if (save->rules[i].dull || !has_our_comment(save, i, found) ||
		    (txn && strcmp(txn, found) != 0))
			continue;
		mark = add(marks, e);
		if (!mark)
			return -1;
		memcpy(mark->txn, found, sizeof(mark->txn));
		mark->rule = i;
		mark->stop = mark_stop(save, i);
	}
	return 0;
}

/* Of the rules that marks are looked for in. */
static int
make_words(const struct save *save, struct err *e)
{
	for (size_t i = 0; i < save->n_rules; i++) {
		const struct save_rule *rule = &save->rules[i];

		if ((!rule->dull || mark_is_ours(save->chains[rule->chain].name)) &&
		    !save_words(save, i))
			return err_set(e, ERR_FAILED, "out of memory while looking for marks");
	}
	return 0;
}

int
marks_find(struct marks *marks, const struct save *save, const char *txn, struct err *e)
{
	*marks = (struct marks){ 0 };
	if (make_words(save, e) == 0 && find_chains(marks, save, txn, e) == 0) {
		find_jumps(marks, marks->n, save);
		if (find_inserted(marks, save, txn, e) == 0)
			return 0;
	}
	marks_fini(marks);
	return -1;
}

void
marks_fini(struct marks *marks)
{
	free(marks->v);
	*marks = (struct marks){ 0 };
}
