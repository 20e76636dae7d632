/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "story.h"

#include <stdio.h>
#include <string.h>

#include "clocks.h"
#include "log.h"
#include "output.h"

#define TARGETS_TEXT_MAX 400

static json_t *
all_targets(const struct lifts *lifts)
{
	json_t *all = json_array();
	for (size_t i = 0; i < lifts->n; i++)
		for (size_t k = 0; k < lifts->v[i].targets.n; k++)
			if (!lifts_named_before(lifts, i, lifts->v[i].targets.v[k]))
				json_array_append_new(all, json_string(lifts->v[i].targets.v[k]));
	return all;
}

static const char *
targets_text(char *buf, const struct lifts *lifts)
{
	size_t used = 0;
	buf[0] = '\0';
	for (size_t i = 0; i < lifts->n; i++)
		for (size_t k = 0; k < lifts->v[i].targets.n && used < TARGETS_TEXT_MAX - 1; k++) {
			const char *target = lifts->v[i].targets.v[k];
			char name[NAME_BUF];
			if (lifts_named_before(lifts, i, target))
				continue;
			int len = snprintf(buf + used, TARGETS_TEXT_MAX - used, "%s%s",
					   used ? ", " : "", err_name(name, target));
			used += len > 0 ? (size_t)len : 0;
		}
	return buf;
}

const char *
story_ports(char *buf, const struct lifts *lifts)
{
	const struct ports ports = lifts_ports(lifts);
	return ports_text(buf, &ports);
}

const char *
story_lift_state(enum lift_state state)
{
	static const char *const names[] = {
		[LIFT_LIFTED] = "lifted",         [LIFT_CLOSED] = "expired",
		[LIFT_NOT_LIFTED] = "not lifted", [LIFT_DRIFTED] = "drifted",
		[LIFT_PENDING] = "under way",     [LIFT_UNKNOWN] = "unknown",
	};
	return names[state];
}

void
story_opened(const struct journal *journal, const struct ports *ports, const struct lease *lease)
{
	char utc[CLOCK_TEXT_MAX], text[PORTS_TEXT_MAX], targets[TARGETS_TEXT_MAX],
		whose[LEASE_TEXT_MAX];
	clock_utc(utc, leases_expiry(&journal->leases));
	ports_text(text, ports);
	log_event_take(LOG_INFO, "opened",
		       json_pack("{s:s,s:s,s:o,s:o,s:s}", "window", journal->window, "ports", text,
				 "targets", all_targets(&journal->lifts), "lease",
				 lease_json(lease), "until", utc),
		       "window %s opened: %s for %s, held by %s", journal->window, text,
		       targets_text(targets, &journal->lifts), lease_text(whose, lease));
}

void
story_lease(const struct journal *journal, const char *what, const struct lease *lease)
{
	char text[LEASE_TEXT_MAX], event[32];
	/* A word: "void, its owner has ended" is for people. */
	snprintf(event, sizeof(event), "lease-%.*s", (int)strcspn(what, ", "), what);
	log_event_take(
		LOG_INFO, event,
		json_pack("{s:s,s:o}", "window", journal->window, "lease", lease_json(lease)),
		"window %s, lease %s: %s", journal->window, what, lease_text(text, lease));
}

void
story_closed(const struct journal *journal, const char *how, const struct names *notes)
{
	char text[PORTS_TEXT_MAX];
	struct ports ports = { 0 };
	long long seconds = (long long)(boottime_now() - journal->opened);
	/* Of the lifts only those are left that could not be taken back. */
	for (size_t i = 0; i < journal->wishes.n; i++)
		ports_add(&ports, &journal->wishes.v[i].ports);
	bool exact = notes->n == 0;
	story_lines(LOG_WARNING, "drift", "somebody else changed the firewall meanwhile: ", notes);
	log_event_take(LOG_INFO, "closed",
		       json_pack("{s:s,s:s,s:I,s:b,s:s}", "window", journal->window, "how", how,
				 "seconds", (json_int_t)seconds, "exact", (int)exact, "ports",
				 ports_text(text, &ports)),
		       "window %s closed after %lld s (%s)%s", journal->window, seconds, how,
		       exact ? "" : "; what others changed was left as they wanted it");
}

void
story_nothing_blocks(const struct ports *ports, size_t n_targets)
{
	char text[PORTS_TEXT_MAX];
	ports_text(text, ports);
	log_event_take(LOG_NOTICE, "nothing-blocks",
		       json_pack("{s:s,s:I}", "ports", text, "targets", (json_int_t)n_targets),
		       "nothing blocks %s in the %zu target%s; nothing was changed", text,
		       n_targets, n_targets == 1 ? "" : "s");
}

void
story_lines(int priority, const char *event, const char *prefix, const struct names *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		log_event_take(priority, event, json_pack("{s:s}", "line", lines->v[i]), "%s%s",
			       prefix, lines->v[i]);
}

void
story_plan(const struct planning *planning)
{
	for (size_t i = 0; i < planning->n; i++) {
		const struct plan *plan = planning->v[i].plan;
		for (size_t k = 0; k < plan->n; k++)
			log_event_take(LOG_DEBUG, "step", NULL, "%s: %s (%s)", plan->steps[k].where,
				       plan->steps[k].how, plan->steps[k].reason);
		story_lines(LOG_NOTICE, "note", "note: ", &plan->notes);
	}
}
