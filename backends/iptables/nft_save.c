/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nft_save.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nf.h"
#include "tool/tool.h"

#define DEADLINE_S 20
#define OUTPUT_MAX (32u << 20)

void
nft_save_fini(struct nft_save *save)
{
	free(save->text);
	*save = (struct nft_save){ .table = NULL };
}

static void
read_table(struct nft_save *save, const struct table *table)
{
	const char *const argv[] = { table->family == NFPROTO_IPV6 ? "ip6tables-nft-save"
								   : "iptables-nft-save",
				     "-t", table->name, NULL };
	struct tool tool = {
		.argv = argv, .output_max = OUTPUT_MAX, .deadline_s = DEADLINE_S, .hold = -1
	};
	struct tool_result result = { .out = NULL };
	struct err ignored = ERR_INIT;

	nft_save_fini(save);
	save->table = table;
	if (tool_run(&tool, &result, &ignored) == 0) {
		save->text = result.out;
		result.out = NULL;
	}
	tool_result_fini(&result);
}

/* Names and comments may hold any byte; only ASCII leaves the program. */
static void
ascii_only(char *line)
{
	for (char *c = line; *c; c++) {
		if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
			*c = '?';
	}
}

/* Line number n, from 0, of those that begin with "-A CHAIN "; malloced, or NULL. */
static char *
find_line(const char *text, const char *chain, size_t n)
{
	char start[NAME_BUF];
	int len = snprintf(start, sizeof(start), "-A %s ", chain);

	if (len < 0 || (size_t)len >= sizeof(start))
		return NULL;
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, start, (size_t)len) == 0 && n-- == 0)
			return strndup(line, strcspn(line, "\n"));
	}
	return NULL;
}

/* Takes the words away that begin with `start`, up to `words` of them, in place. */
static void
leave_out(char *line, const char *start, unsigned words)
{
	char *at = strstr(line, start), *end = at;

	if (!at)
		return;
	for (unsigned i = 0; i < words; i++) {
		end += strcspn(end, " ");
		end += *end == ' ';
	}
	memmove(at, end, strlen(end) + 1);
}

/* The rule in the window, as far as iptables has words for it. */
static char *
after_text(const struct lift *lift, const struct lift_step *step, const char *before)
{
	bool skip = step->action == ACTION_SKIP;
	char prefix[128], *rule = strdup(before), *text = NULL;

	mark_text(prefix, sizeof(prefix), lift->request.txn, step->port, skip);
	if (rule && !skip && step->suspect.criterion.ipset)
		leave_out(rule, "-m set ", step->suspect.criterion.inverted ? 6 : 5);
	else if (rule && !skip)
		leave_out(rule, "-s ", 2);
	if (rule &&
	    asprintf(&text, "(%s%s) %s", prefix, skip ? "" : ", until the window ends", rule) < 0)
		text = NULL;
	free(rule);
	return text;
}

void
nft_save_step(void *data, const struct lift *lift, size_t i, char **before, char **after)
{
	const struct lift_step *step = &lift->steps[i];
	const struct rule *rule = step->suspect.rule;
	struct nft_save *save = data;
	size_t n = 0;

	*before = *after = NULL;
	if (save->table != rule->chain->table)
		read_table(save, rule->chain->table);
	while (n < rule->chain->n && rule->chain->rules[n] != rule)
		n++;
	*before = save->text ? find_line(save->text, rule->chain->name, n) : NULL;
	if (!*before)
		return;
	ascii_only(*before);
	*after = after_text(lift, step, *before);
}
