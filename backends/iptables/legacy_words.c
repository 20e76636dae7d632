/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_words.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "legacy_part.h"

#define NO_QUOTES                                                                                  \
	"_-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" /* xtables_save_string  \
									    */

/* --- room --- */

#define CHUNK ((size_t)32 << 10) /* bytes */
#define TOKENS_MIN 64u           /* of a rule, in a chunk of their own */

struct words_chunk {
	struct words_chunk *next;
	char bytes[];
};

/* *end is set behind it; NULL: no memory. */
static void *
add_chunk(struct words *w, size_t size, char **end)
{
	struct words_chunk *chunk = malloc(sizeof(*chunk) + (size > CHUNK ? size : CHUNK));

	if (!chunk) {
		w->failed = true;
		return NULL;
	}
	*end = chunk->bytes + (size > CHUNK ? size : CHUNK);
	chunk->next = w->chunks;
	w->chunks = chunk;
	return chunk->bytes;
}

static void
make_room(struct words *w, char **at, char **end, size_t size)
{
	char *bytes;

	if ((size_t)(*end - *at) >= size)
		return;
	bytes = add_chunk(w, size, end);
	*at = bytes ? bytes : *at;
}

/* The rule's tokens so far come along. */
static bool
has_room_for_token(struct words *w)
{
	const size_t size = 2 * (w->n < TOKENS_MIN ? TOKENS_MIN : w->n) * sizeof(*w->tokens);
	struct save_token *tokens;
	char *end;

	if (w->tokens + w->n < w->tokens_end)
		return true;
	tokens = add_chunk(w, size, &end);
	if (!tokens)
		return false;
	if (w->n > 0)
		memcpy(tokens, w->tokens, w->n * sizeof(*tokens));
	w->tokens = tokens;
	w->tokens_end = tokens + (size_t)(end - (char *)tokens) / sizeof(*tokens);
	return true;
}

void
words_open(struct words *w, size_t room)
{
	make_room(w, &w->text, &w->text_end, room);
	make_room(w, &w->plain, &w->plain_end, room);
	w->spec = w->text;
	w->n = 0;
	w->part = 0;
	w->odd = false;
}

bool
words_close(struct words *w, struct save_rule *rule)
{
	if (w->text == w->text_end)
		w->failed = true;
	if (w->failed) {
		rule->spec = "";
		rule->n = 0;
		rule->odd = true;
		return false;
	}
	*w->text++ = '\0';
	rule->spec = w->spec;
	rule->tokens = w->tokens;
	rule->n = w->n;
	rule->odd = w->odd;
	w->tokens += w->n;
	return true;
}

void
words_fini(struct words *w)
{
	for (struct words_chunk *chunk = w->chunks, *next; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	*w = (struct words){ 0 };
}

/* --- writing --- */

static void
put_text(struct words *w, char c)
{
	if (w->text < w->text_end)
		*w->text++ = c;
	else
		w->failed = true;
}

static void
put_plain(struct words *w, char c)
{
	if (w->plain < w->plain_end)
		*w->plain++ = c;
	else
		w->failed = true;
}

void
words_begin(struct words *w)
{
	if (w->n > 0)
		put_text(w, ' ');
	if (has_room_for_token(w))
		w->tokens[w->n] =
			(struct save_token){ .text = w->plain, .raw = w->text, .part = w->part };
}

void
words_end(struct words *w)
{
	struct save_token *token;

	put_plain(w, '\0');
	if (w->failed)
		return;
	token = &w->tokens[w->n++];
	token->raw_len = (uint32_t)(w->text - token->raw);
	token->kind = token->quoted ? 0 : part_kind(token->text);
}

void
words_char(struct words *w, char c)
{
	put_text(w, c);
	put_plain(w, c);
	w->odd |= (unsigned char)c < 0x20;
}

void
words_text(struct words *w, const char *text)
{
	for (; *text; text++)
		words_char(w, *text);
}

void
words_number(struct words *w, uint64_t number)
{
	char digits[20];
	size_t n = 0;

	do
		digits[n++] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	while (n > 0)
		words_char(w, digits[--n]);
}

void
words_hex(struct words *w, uint32_t number)
{
	int shift = 28;

	words_text(w, "0x");
	while (shift > 0 && number >> shift == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		words_char(w, "0123456789abcdef"[number >> shift & 15]);
}

void
words_add(struct words *w, const char *token)
{
	words_begin(w);
	words_text(w, token);
	words_end(w);
}

void
words_not(struct words *w, bool inverted)
{
	if (inverted)
		words_add(w, "!");
}

void
words_unknown(struct words *w, const void *data, size_t size)
{
	const unsigned char *bytes = data;
	uint32_t hash = 0x811c9dc5; /* FNV-1a */

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * 0x01000193;
	words_begin(w);
	words_text(w, "--...");
	words_hex(w, hash);
	words_end(w);
}

/* A backslash comes before each of these characters. */
static void
put_quoted(struct words *w, const char *text, size_t len, bool quoted, const char *escaped)
{
	words_begin(w);
	if (quoted)
		put_text(w, '"');
	for (size_t i = 0; i < len; i++) {
		if (text[i] && strchr(escaped, text[i]))
			put_text(w, '\\');
		words_char(w, text[i]);
	}
	if (quoted)
		put_text(w, '"');
	if (!w->failed)
		w->tokens[w->n].quoted = quoted;
	words_end(w);
}

void
words_quoted(struct words *w, const char *text, size_t max)
{
	const size_t len = strnlen(text, max);

	put_quoted(w, text, len, len == 0 || strspn(text, NO_QUOTES) < len, "\"\\'");
}

void
words_pattern(struct words *w, const char *text, size_t len)
{
	put_quoted(w, text, len, true, "\"\\");
}

/* The longest run of zeros, of at least two groups: *first, and how many. */
static size_t
longest_zeros(const uint16_t groups[8], size_t *first)
{
	size_t longest = 0;

	for (size_t i = 0; i < 8; i++) {
		size_t n = 0;

		while (i + n < 8 && !groups[i + n])
			n++;
		if (n > longest && n > 1) {
			longest = n;
			*first = i;
		}
		i += n;
	}
	return longest;
}

static void
put_group(struct words *w, unsigned group)
{
	int shift = 12;

	while (shift > 0 && group >> shift == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		words_char(w, "0123456789abcdef"[group >> shift & 15]);
}

/* As inet_ntop(3), which takes most of the time that reading a table takes. */
static void
put_address6(struct words *w, const unsigned char *bytes)
{
	uint16_t groups[8];
	char text[INET6_ADDRSTRLEN];
	size_t first = 8, zeros;

	for (size_t i = 0; i < 8; i++)
		groups[i] = (uint16_t)(bytes[2 * i] << 8 | bytes[2 * i + 1]);
	zeros = longest_zeros(groups, &first);
	if (zeros && first == 0 && zeros > 4) {
		/* It may have an IPv4 address in it. */
		words_text(w, inet_ntop(AF_INET6, bytes, text, sizeof(text)));
		return;
	}
	for (size_t i = 0; i < 8; i++) {
		if (zeros && i == first) {
			words_text(w, "::");
			i += zeros - 1;
			continue;
		}
		if (i > 0 && !(zeros && i == first + zeros))
			words_char(w, ':');
		put_group(w, groups[i]);
	}
}

void
words_address(struct words *w, const void *address)
{
	const unsigned char *bytes = address;

	if (w->family == FAMILY_IPV6) {
		put_address6(w, bytes);
		return;
	}
	for (size_t i = 0; i < 4; i++) {
		if (i > 0)
			words_char(w, '.');
		words_number(w, bytes[i]);
	}
}
