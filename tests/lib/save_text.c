/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "save_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "legacy_part.h"

struct reader {
	struct save_text *text;
	struct save *save; /* the text's */
	const char *table;
	char *unquoted; /* the next free byte */
	size_t room_chains, room_rules, room_tokens;
	unsigned line;
	enum {
		BEFORE,
		CHAINS,
		RULES,
		AFTER,
	} at;
	struct err *e;
};

static int
bad_line(struct reader *r, const char *line, const char *what)
{
	char quoted[NAME_BUF];

	return err_set(r->e, ERR_FAILED, "line %u of the saved table %s: %s: \"%s\"", r->line,
		       r->table, what, err_name(quoted, line));
}

/* Room for one more of n elements. */
static void *
grown(struct reader *r, void *v, size_t n, size_t *room, size_t size)
{
	size_t more = *room ? *room * 2 : 64;
	void *bigger;

	if (n < *room)
		return v;
	bigger = reallocarray(v, more, size);
	if (!bigger)
		err_set(r->e, ERR_FAILED, "out of memory while reading table %s", r->table);
	else
		*room = more;
	return bigger;
}

/* --- pieces of a line --- */

/* Digits into *value; returns what follows them, or NULL. */
static char *
read_number(char *at, uint64_t *value)
{
	*value = 0;
	if (!isdigit((unsigned char)*at))
		return NULL;
	for (; isdigit((unsigned char)*at); at++)
		if (__builtin_mul_overflow(*value, UINT64_C(10), value) ||
		    __builtin_add_overflow(*value, (uint64_t)(*at - '0'), value))
			return NULL;
	return at;
}

/* "[packets:bytes]"; returns what follows it, or NULL. */
static char *
read_counters(char *at, uint64_t *packets, uint64_t *bytes)
{
	if (*at != '[' || !(at = read_number(at + 1, packets)) || *at != ':' ||
	    !(at = read_number(at + 1, bytes)) || *at != ']')
		return NULL;
	return at + 1;
}

/* Ends the word that begins here; returns what follows the one space after it, or NULL. */
static char *
read_word(char *at)
{
	size_t len = strcspn(at, " \t\"");

	if (len == 0 || (at[len] != ' ' && at[len] != '\0'))
		return NULL;
	if (at[len] == '\0')
		return at + len;
	at[len] = '\0';
	return at + len + 1;
}

/* --- lines --- */

static int
read_chain(struct reader *r, char *line)
{
	struct save *s = r->save;
	char *name = line + 1, *policy = read_word(name), *counters = NULL, *end = NULL;
	struct save_chain *chains;
	uint64_t packets = 0, bytes = 0;

	if (r->at != CHAINS)
		return bad_line(r, line, "a chain is declared where none can be");
	if (policy)
		counters = read_word(policy);
	if (counters)
		end = read_counters(counters, &packets, &bytes);
	if (!end || *end != '\0')
		return bad_line(r, line, "this is no declaration of a chain");
	if (save_chain(s, name) != SAVE_NONE)
		return bad_line(r, line, "this chain is declared twice");
	chains = grown(r, s->chains, s->n_chains, &r->room_chains, sizeof(*chains));
	if (!chains)
		return -1;
	s->chains = chains;
	chains[s->n_chains++] = (struct save_chain){
		.name = name,
		.policy = strcmp(policy, "-") != 0 ? policy : NULL,
		.packets = packets,
		.bytes = bytes,
	};
	return 0;
}

/* One token from *at, unquoted; moves *at behind it. False: its quote has no end. */
static bool
read_token(struct reader *r, const char **at, struct save_token *token)
{
	const char *from = *at;
	bool inside = false;

	*token = (struct save_token){ .text = r->unquoted, .raw = from };
	for (; *from && (inside || (*from != ' ' && *from != '\t')); from++) {
		if (*from == '"') {
			inside = !inside;
			token->quoted = true;
			continue;
		}
		if (inside && *from == '\\' && from[1])
			from++;
		*r->unquoted++ = *from;
	}
	*r->unquoted++ = '\0';
	token->raw_len = (uint32_t)(from - token->raw);
	token->kind = token->quoted ? 0 : part_kind(token->text);
	*at = from;
	return !inside;
}

static int
read_tokens(struct reader *r, struct save_rule *rule)
{
	struct save_text *t = r->text;
	const char *at = rule->spec;
	const size_t first = t->n_tokens;

	while (*(at += strspn(at, " \t"))) {
		struct save_token *tokens =
			grown(r, t->tokens, t->n_tokens, &r->room_tokens, sizeof(*tokens));

		if (!tokens)
			return -1;
		t->tokens = tokens;
		if (!read_token(r, &at, &tokens[t->n_tokens++]))
			rule->odd = true;
	}
	rule->n = t->n_tokens - first;
	return 0;
}

/* Where they have come to lie. */
static void
place_tokens(struct save_text *t)
{
	const struct save_token *next = t->tokens;

	for (size_t i = 0; i < t->save.n_rules; i++) {
		t->save.rules[i].tokens = next;
		next += t->save.rules[i].n;
	}
}

/* Rules of a chain stand together: its first one is after the last one of another. */
static int
place_rule(struct reader *r, struct save_rule *rule, const char *chain, const char *line)
{
	struct save *s = r->save;
	const struct save_rule *last = s->n_rules ? &s->rules[s->n_rules - 1] : NULL;
	struct save_chain *in;

	if (last && !strcmp(s->chains[last->chain].name, chain))
		rule->chain = last->chain;
	else
		rule->chain = save_chain(s, chain);
	if (rule->chain == SAVE_NONE)
		return bad_line(r, line, "its chain is not declared");
	in = &s->chains[rule->chain];
	if (in->n == 0)
		in->first = s->n_rules;
	else if (in->first + in->n != s->n_rules)
		return bad_line(r, line, "it stands apart from its chain's other rules");
	rule->number = (unsigned)++in->n;
	return 0;
}

static int
read_rule(struct reader *r, char *line)
{
	struct save *s = r->save;
	struct save_rule rule = { 0 }, *rules;
	char *at = read_counters(line, &rule.packets, &rule.bytes), *spec;

	if (r->at != CHAINS && r->at != RULES)
		return bad_line(r, line, "a rule stands where none can be");
	if (!at || strncmp(at, " -A ", 4) != 0 || !(spec = read_word(at + 4)))
		return bad_line(r, line, "this is no rule");
	r->at = RULES;
	rule.spec = spec;
	rule.odd = strchr(spec, '\n') != NULL;
	rules = grown(r, s->rules, s->n_rules, &r->room_rules, sizeof(*rules));
	if (!rules)
		return -1;
	s->rules = rules;
	if (place_rule(r, &rule, at + 4, line) < 0 || read_tokens(r, &rule) < 0)
		return -1;
	rules[s->n_rules++] = rule;
	return 0;
}

static int
read_table(struct reader *r, const char *line)
{
	if (r->at != BEFORE)
		return bad_line(r, line, "a second table");
	if (strcmp(line + 1, r->table) != 0)
		return bad_line(r, line, "this is not the table that was asked for");
	r->at = CHAINS;
	return 0;
}

static int
read_line(struct reader *r, char *line)
{
	switch (*line) {
	case '#':
	case '\0':
		return 0;
	case '*':
		return read_table(r, line);
	case ':':
		return read_chain(r, line);
	case '[':
		return read_rule(r, line);
	default:
		break;
	}
	if (strcmp(line, "COMMIT") != 0 || (r->at != CHAINS && r->at != RULES))
		return bad_line(r, line, "it is not understood");
	r->at = AFTER;
	return 0;
}

/* The end of the line that begins here: not in a comment, which may have line ends in it. */
static char *
line_end(const struct reader *r, char *line)
{
	bool inside = false;

	if (*line != '[' || (r->at != CHAINS && r->at != RULES))
		return strchr(line, '\n');
	for (char *at = line; *at; at++) {
		if (*at == '\n' && !inside)
			return at;
		if (*at == '"')
			inside = !inside;
		else if (*at == '\\' && inside && at[1])
			at++;
	}
	return NULL;
}

static int
read_lines(struct reader *r, char *text)
{
	for (char *line = text, *next; line; line = next) {
		next = line_end(r, line);
		if (next)
			*next++ = '\0';
		r->line++;
		if (read_line(r, line) < 0)
			return -1;
	}
	if (r->at != AFTER)
		return err_set(r->e, ERR_FAILED, "the saved table %s ends in the middle, line %u",
			       r->table, r->line);
	return 0;
}

int
save_text_parse(struct save_text *read, const char *text, size_t len, const char *table,
		struct err *e)
{
	struct reader r = { .text = read, .save = &read->save, .table = table, .e = e };

	*read = (struct save_text){ 0 };
	if (memchr(text, '\0', len))
		return err_set(e, ERR_FAILED, "the saved table %s has NUL bytes", table);
	read->text = strndup(text, len);
	/* A token is never longer than it was, with its NUL in the place of what ended it. */
	read->unquoted = malloc(len + 1);
	r.unquoted = read->unquoted;
	if (!read->text || !read->unquoted)
		err_set(e, ERR_FAILED, "out of memory while reading table %s", table);
	else if (read_lines(&r, read->text) == 0) {
		place_tokens(read);
		return 0;
	}
	save_text_fini(read);
	return -1;
}

void
save_text_fini(struct save_text *read)
{
	free(read->text);
	free(read->unquoted);
	free(read->save.chains);
	free(read->save.rules);
	free(read->tokens);
	*read = (struct save_text){ 0 };
}
