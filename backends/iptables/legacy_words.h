/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing rules in iptables-save's words, cut into tokens at once. What is not known of a match or
 * a target stands as "--...", with a number that differs where the bytes do: nothing is read back
 * from here that goes to the kernel.
 */
#ifndef GEOPAUSE_LEGACY_WORDS_H
#define GEOPAUSE_LEGACY_WORDS_H

#include "legacy_blob.h"
#include "legacy_save.h"

/* The name of the set of ipset(8) with this index, or NULL. The text lives as long as data. */
typedef const char *(*set_name_fn)(void *data, uint16_t index);

struct words {
	enum family family;
	set_name_fn set_name;
	void *sets;

	/* What is written stays where it is: when a chunk is full, another one follows. */
	struct words_chunk *chunks;
	char *text, *text_end;   /* the specs */
	char *plain, *plain_end; /* the tokens without quotes */
	struct save_token *tokens, *tokens_end;

	/* The rule that is being written: */
	const char *spec;
	size_t n;      /* so many tokens, from tokens on */
	uint16_t part; /* as in struct save_token */
	bool odd;      /* it has what must not be shown as it is */
	bool failed;   /* no memory: for good */
};

/* Begins a rule whose spec has less than so many bytes. */
void words_open(struct words *w, size_t room);
/* Ends it; false: out of memory, now or earlier. */
bool words_close(struct words *w, struct save_rule *rule);
void words_fini(struct words *w);

/* The next token: begin, its characters, end. Some in one go: */
void words_begin(struct words *w);
void words_char(struct words *w, char c);
void words_text(struct words *w, const char *text);
void words_number(struct words *w, uint64_t number);
void words_hex(struct words *w, uint32_t number); /* "0x1f" */
void words_end(struct words *w);
void words_add(struct words *w, const char *token);
void words_not(struct words *w, bool inverted); /* "!", if it is */
/* "--...0x1f", of these bytes. */
void words_unknown(struct words *w, const void *data, size_t size);
/* As iptables quotes it, with at most max bytes up to its NUL. */
void words_quoted(struct words *w, const char *text, size_t max);
/* In quotes, whatever is in it. */
void words_pattern(struct words *w, const char *text, size_t len);
/* An address of the family. */
void words_address(struct words *w, const void *address);

/* legacy_words_match.c, legacy_words_target.c: "-m NAME ...", "-j NAME ..." of an extension. */
void words_match(struct words *w, const struct xt_entry_match *match);
void words_target(struct words *w, const struct xt_entry_target *target);

/* legacy_words_rule.c: the i-th entry, a rule; jump is the chain's name that its `to` means. */
void words_rule(struct words *w, const struct blob *blob, size_t i, const char *jump);

#endif
