/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Strongest evidence first: what a rule does, the signatures of known tools, what the set holds,
 * the words in the set's name, in comments, in the names of chain and table, and at last nothing
 * but the shape of the set, which is never enough to be certain.
 */
#include "signature.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "known_tools.h"
#include "words.h"

#define LIST_MIN 8 /* elements; whoever lists fewer networks may just mean some neighbours */

/* Sets of ports that wait to be filled by an ACME client's hooks. */
static const char *const own_sets[] = { "acme*", "geopause*", "letsencrypt*", "certbot*" };
#define N_OWN_SETS (sizeof(own_sets) / sizeof(own_sets[0]))

/* A set of a window that is open: geopause_ and a transaction id. */
#define HEX "[0-9a-f]"
#define MARK "geopause_" HEX HEX HEX HEX HEX HEX HEX HEX HEX HEX HEX HEX

static struct judgement __attribute__((format(printf, 2, 3)))
judged(enum verdict verdict, const char *fmt, ...)
{
	struct judgement j = { .verdict = verdict };
	va_list args;

	va_start(args, fmt);
	if (vsnprintf(j.evidence, sizeof(j.evidence), fmt, args) < 0)
		j.evidence[0] = '\0';
	va_end(args);
	return j;
}

static bool
is_named(const struct observation *o)
{
	return o->set != NULL &&
	       (o->source == SOURCE_SET || o->source == SOURCE_MAP || o->source == SOURCE_FOREIGN);
}

static bool
was_read(const struct set_facts *f)
{
	return f->elements != SIZE_MAX && f->hosts != SIZE_MAX && f->special != SIZE_MAX;
}

/* What the set holds is known, and is networks of the public internet. */
static bool
holds_networks(const struct observation *o)
{
	const struct set_facts *f = &o->facts;

	return was_read(f) && (f->interval || o->source == SOURCE_LITERAL) && !f->dynamic &&
	       f->elements > 0 && f->special == 0 && f->hosts <= f->elements / 2;
}

static bool
is_list(const struct observation *o)
{
	return holds_networks(o) && o->facts.elements >= LIST_MIN;
}

static bool
holds_special_only(const struct observation *o)
{
	const struct set_facts *f = &o->facts;

	return was_read(f) && f->elements > 0 && f->special >= f->elements;
}

/* Why this cannot hold countries, whatever it is called; NULL: it may. */
static const char *
contradiction(const struct observation *o)
{
	const struct set_facts *f = &o->facts;

	if (o->source == SOURCE_FOREIGN)
		return NULL;
	if (!f->interval && o->source != SOURCE_LITERAL)
		return "it cannot hold networks";
	if (was_read(f) && f->elements > 0 && f->hosts >= f->elements)
		return "it holds single addresses only";
	if (was_read(f) && f->elements >= LIST_MIN && f->hosts > f->elements / 2)
		return "it holds single addresses for the most part";
	return NULL;
}

/* True when the sources named are those that are let through. */
static bool
lets_through(const struct observation *o)
{
	return (o->effect == EFFECT_ALLOW) != o->inverted;
}

/* True when the words are codes of countries, and none that may mean something else. */
static bool
names_countries(const struct words *w, const struct observation *o)
{
	size_t doubtful = w->word_codes + (lets_through(o) ? w->short_codes : 0);

	if (lets_through(o) && w->services > 0)
		return false;
	return w->codes > 0 && (w->codes > doubtful || w->dated) && w->unknown == 0 &&
	       w->other == NULL && !w->exception;
}

/* A name or comment that speaks of countries. what: "set name", "comment". */
static struct judgement
judge_geo(const struct observation *o, const struct words *w, const char *what, const char *text)
{
	const char *but = contradiction(o);
	char name[NAME_BUF];

	err_name(name, text);
	if (holds_special_only(o))
		return judged(VERDICT_LEFT_ALONE,
			      "%s \"%s\", but it holds private or special addresses only", what,
			      name);
	if (w->exception)
		return judged(VERDICT_CANDIDATE,
			      "%s \"%s\" speaks of countries, perhaps of an exception", what, name);
	if (w->other != NULL && (w->hard || !holds_networks(o)))
		return judged(VERDICT_CANDIDATE, "%s \"%s\" speaks of countries, and of %s", what,
			      name, w->other);
	if (lets_through(o) && w->unknown > 0 && was_read(&o->facts) && !is_list(o))
		return judged(VERDICT_CANDIDATE,
			      "%s \"%s\" speaks of countries, but lets a few networks through",
			      what, name);
	if (but != NULL)
		return judged(VERDICT_CANDIDATE, "%s \"%s\" speaks of countries, but %s", what,
			      name, but);
	return judged(VERDICT_CERTAIN, "%s \"%s\" speaks of countries", what, name);
}

static struct judgement
judge_codes(const struct observation *o, const char *what, const char *text)
{
	char name[NAME_BUF];

	err_name(name, text);
	if (holds_networks(o))
		return judged(VERDICT_CERTAIN,
			      "%s \"%s\" is a country's code, and it holds "
			      "networks",
			      what, name);
	if (holds_special_only(o))
		return judged(VERDICT_LEFT_ALONE, "holds private or special addresses only");
	return judged(VERDICT_CANDIDATE,
		      "%s \"%s\" is a country's code, but it is not known to "
		      "hold networks",
		      what, name);
}

/* Countries, and the administrator's own networks beside them. */
static bool
lets_own_networks_through(const struct observation *o)
{
	const struct set_facts *f = &o->facts;

	return lets_through(o) && was_read(f) && f->interval && !f->dynamic &&
	       f->elements - f->special >= LIST_MIN && f->special <= f->elements / 4 &&
	       f->hosts <= f->elements / 2;
}

/* Nothing is known but what it holds. */
static struct judgement
judge_shape(const struct observation *o)
{
	const struct set_facts *f = &o->facts;

	if (is_list(o))
		return judged(VERDICT_CANDIDATE,
			      "holds %zu public networks, as a geo-block does; its name says "
			      "nothing",
			      f->elements);
	if (lets_own_networks_through(o))
		return judged(VERDICT_CANDIDATE,
			      "lets %zu public networks through, beside private ones",
			      f->elements - f->special);
	if (o->source == SOURCE_FOREIGN)
		return judged(VERDICT_CANDIDATE,
			      "looks the source up in something that cannot be read here");
	if (holds_special_only(o))
		return judged(VERDICT_LEFT_ALONE, "holds private or special addresses only");
	if (is_named(o) && f->interval && !was_read(f))
		return judged(VERDICT_CANDIDATE, "may hold networks, which were not read; its name "
						 "says nothing");
	return judged(VERDICT_LEFT_ALONE, "nothing says that it is a geo-block");
}

static struct judgement
judge_tool(const struct observation *o, const struct known_tool *tool)
{
	if (tool->verdict == VERDICT_CERTAIN && holds_special_only(o))
		return judged(VERDICT_LEFT_ALONE,
			      "%s, but it holds private or special addresses "
			      "only",
			      tool->why);
	return judged(tool->verdict, "%s", tool->why);
}

/* The words of the chain and the table together. */
static struct words
place_words(const struct observation *o)
{
	struct words chain = words_read(o->chain);
	struct words table = words_read(known_table_name(o->table));

	if (table.geo && chain.other == NULL)
		chain.geo = true;
	if (chain.other == NULL || !chain.other_is_place) {
		chain.other = table.other_is_place ? table.other : NULL;
		chain.other_is_place = table.other_is_place;
	}
	return chain;
}

/* Chain or table speak of countries, the set's own name of nothing in particular. */
static struct judgement
judge_place(const struct observation *o, const struct words *own)
{
	char chain[NAME_BUF];
	char table[NAME_BUF];
	/* A single network, or some, may be anything that somebody once added by hand. */
	bool sure = own->unknown == 0 && !own->exception && holds_networks(o) &&
		    o->source != SOURCE_LITERAL &&
		    ((!lets_through(o) && o->n_more == 0) || is_list(o));

	err_name(chain, o->chain);
	err_name(table, o->table);
	if (sure)
		return judged(VERDICT_CERTAIN,
			      "holds networks, and chain \"%.60s\" or table "
			      "\"%.60s\" speaks of countries",
			      chain, table);
	if (!own->exception && (is_list(o) || (holds_networks(o) && !lets_through(o))))
		return judged(VERDICT_CANDIDATE,
			      "chain \"%.60s\" or table \"%.60s\" speaks of countries", chain,
			      table);
	return judge_shape(o);
}

/*
 * The chains that only these networks are sent to. Single addresses among them may be meant
 * otherwise. false: their names say nothing.
 */
static bool
judge_leads(const struct observation *o, struct judgement *j)
{
	struct words w = words_read(o->leads_to);

	if (!holds_networks(o) || o->facts.hosts > 0 || (lets_through(o) && !is_list(o)))
		return false;
	if (w.geo)
		*j = judge_geo(o, &w, "chain", o->leads_to);
	else if (names_countries(&w, o) && w.codes > w.word_codes + w.short_codes)
		*j = judge_codes(o, "chain", o->leads_to);
	else
		return false;
	return true;
}

static struct judgement
judge_named(const struct observation *o)
{
	struct words name = words_read(o->set);
	struct words rule = words_read(o->comment);
	struct words set = words_read(o->set_comment);
	struct words place = place_words(o);
	bool noted = rule.geo || set.geo;
	struct judgement leads;

	if (name.geo)
		return judge_geo(o, &name, "set name", o->set);
	if (name.other != NULL && (noted || name.codes > 0 || (place.geo && lets_through(o))) &&
	    (is_list(o) || (place.geo && lets_own_networks_through(o))))
		return judged(VERDICT_CANDIDATE, "looks like %s, but something speaks of countries",
			      name.other);
	if (name.other != NULL)
		return judged(VERDICT_LEFT_ALONE, "looks like %s, by the set's name", name.other);
	if (names_countries(&name, o))
		return judge_codes(o, "set name", o->set);
	if (set.geo)
		return judge_geo(o, &set, "the set's comment", o->set_comment);
	if (rule.geo)
		return judge_geo(o, &rule, "comment", o->comment);
	if (set.other != NULL || rule.other != NULL)
		return judged(VERDICT_LEFT_ALONE, "looks like %s, by the comment",
			      set.other != NULL ? set.other : rule.other);
	if (judge_leads(o, &leads))
		return leads;
	if (place.other != NULL && (place.hard || !place.geo))
		return judged(VERDICT_LEFT_ALONE, "looks like %s, by the chain or table",
			      place.other);
	if (place.geo)
		return judge_place(o, &name);
	return judge_shape(o);
}

/* An anonymous set or a single network has nothing but the rule's comment and its place. */
static struct judgement
judge_unnamed(const struct observation *o)
{
	struct words rule = words_read(o->comment);
	struct words place = place_words(o);
	struct judgement leads;

	if (rule.geo)
		return judge_geo(o, &rule, "comment", o->comment);
	if (rule.other != NULL)
		return judged(VERDICT_LEFT_ALONE, "looks like %s, by the comment", rule.other);
	if (names_countries(&rule, o))
		return judge_codes(o, "comment", o->comment);
	if (judge_leads(o, &leads))
		return leads;
	if (lets_through(o) && o->source != SOURCE_FOREIGN && o->facts.elements < LIST_MIN)
		return judged(VERDICT_LEFT_ALONE, "lets a few addresses through: an exception");
	if (place.other != NULL && (place.hard || !place.geo))
		return judged(VERDICT_LEFT_ALONE, "looks like %s, by the chain or table",
			      place.other);
	if (place.geo)
		return judge_place(o, &rule);
	return judge_shape(o);
}

static struct judgement
judge_own_set(const struct observation *o)
{
	char name[NAME_BUF];

	if (o->set != NULL && fnmatch(MARK, o->set, 0) == 0)
		return judged(VERDICT_LEFT_ALONE, "made by geopause itself");
	for (size_t i = 0; i < N_OWN_SETS; i++)
		if (o->set != NULL && fnmatch(own_sets[i], o->set, FNM_CASEFOLD) == 0)
			return judged(VERDICT_CERTAIN, "\"%s\" is a set made to be filled",
				      err_name(name, o->set));
	return judged(VERDICT_CANDIDATE, "\"%s\" may be a set made to be filled",
		      err_name(name, o->set));
}

static bool
says(const struct observation *o, const char *text)
{
	return o->text != NULL && strstr(o->text, text) != NULL;
}

static struct judgement judge_alone(const struct observation *o);

/* Only the administrator knows what answers where countries are sent; it is said all the same. */
static struct judgement
judge_harmless(const struct observation *o)
{
	struct observation blocking = *o;

	blocking.effect = EFFECT_DENY;
	if (o->sends && judge_alone(&blocking).verdict == VERDICT_CERTAIN)
		return judged(VERDICT_CANDIDATE,
			      "sends countries to another port or host: if nothing answers there, "
			      "name it in a policy, with \"action\": \"skip\"");
	return judged(VERDICT_LEFT_ALONE, "decides by source, but blocks nothing on these ports");
}

static struct judgement
judge_alone(const struct observation *o)
{
	struct known_tool tool;

	if (o->source == SOURCE_OWN_SET)
		return judge_own_set(o);
	if (o->destination)
		return judged(VERDICT_LEFT_ALONE, "matches destinations, not sources");
	if (o->effect == EFFECT_NONE)
		return judge_harmless(o);
	if (o->source != SOURCE_FOREIGN && o->facts.dynamic)
		return judged(VERDICT_LEFT_ALONE, "its set is filled by rules");
	if (says(o, "limit rate over") || says(o, "ct count over") || says(o, "quota over"))
		return judged(VERDICT_LEFT_ALONE, "limits how much comes in, not from where");
	tool = known_tool(o);
	if (tool.why != NULL)
		return judge_tool(o, &tool);
	if (o->source == SOURCE_FOREIGN && says(o, "geoip") &&
	    (o->comment == NULL || strstr(o->comment, "geoip") == NULL))
		return judged(VERDICT_CERTAIN, "xtables-addons' geoip match");
	return is_named(o) ? judge_named(o) : judge_unnamed(o);
}

static bool
same_chain(const struct observation *a, const struct observation *b)
{
	return a->table != NULL && b->table != NULL && a->chain != NULL && b->chain != NULL &&
	       strcmp(a->table, b->table) == 0 && strcmp(a->chain, b->chain) == 0;
}

/* A list of networks without any name or comment, which keeps out. */
static bool
is_nameless_list(const struct observation *o)
{
	return o->source == SOURCE_ANONYMOUS && o->comment == NULL && !o->inverted &&
	       o->effect == EFFECT_DENY && is_list(o) && o->facts.hosts == 0;
}

struct judgement
signature_judge(const struct observations *all, const struct observation *o)
{
	struct judgement alone = judge_alone(o);
	char chain[NAME_BUF];

	if (alone.verdict != VERDICT_CANDIDATE || all == NULL || !is_nameless_list(o))
		return alone;
	for (size_t i = 0; i < all->n; i++) {
		const struct observation *other = &all->v[i];

		/* Only lists of the same make: whoever wrote one wrote the other. */
		if (other->source == SOURCE_ANONYMOUS && same_chain(o, other) &&
		    judge_alone(other).verdict == VERDICT_CERTAIN)
			return judged(VERDICT_CERTAIN,
				      "holds %zu public networks, and stands in chain \"%.60s\" "
				      "beside lists that speak of countries",
				      o->facts.elements, err_name(chain, o->chain));
	}
	return alone;
}
