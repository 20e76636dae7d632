/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow_judge.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* --- one flow --- */

static bool
differs(const uint8_t a[16], const uint8_t b[16])
{
	return memcmp(a, b, 16) != 0; /* IPv4 is padded with zeroes */
}

/* From inside: of this host, or of a network behind it that is hidden on the way out. */
static bool
goes_out(struct flow_judge *j, const struct flow *flow)
{
	if (host_owns(&j->host, flow->family, flow->original.source))
		return true;
	return !flow->local && !differs(flow->original.destination, flow->reply.source) &&
	       differs(flow->original.source, flow->reply.destination);
}

/* Whichever way it came, if packets come in where they go back to. */
static bool
is_covered_on_all_ways(struct flow_judge *j, const struct flow *flow)
{
	struct ways ways;

	host_ways_back(&j->host, flow, &ways);
	for (size_t i = 0; i < ways.n; i++)
		if (j->ask(j->data, flow, &ways.v[i]) != FLOW_COVERED)
			return false;
	return ways.n > 0;
}

/*
 * A flow does not show the interface that it came through. Where it matters, the ways back to its
 * source tell; what accepts the local network or a tunnel stands before many a geo-block.
 */
static void
judge_flow(struct flow_judge *j, struct flow *flow)
{
	enum flow_answer answer;

	flow->local = host_owns(&j->host, flow->family, flow->reply.source);
	if (goes_out(j, flow))
		return;
	/* An address of a VRF is not known for one of this host: of no other flow is the hook. */
	if (!flow->local && host_has_vrf(&j->host, flow->family))
		return;
	answer = j->ask(j->data, flow, NULL);
	flow->covered =
		answer == FLOW_UNCLEAR ? is_covered_on_all_ways(j, flow) : answer == FLOW_COVERED;
}

/* --- all flows --- */

/* What judge_flow looks at: equal flows need be judged only once. */
static int
by_ends(const void *a, const void *b)
{
	const struct flow *x = a, *y = b;
	int order = memcmp(x->original.source, y->original.source, 16);

	if (order == 0)
		order = memcmp(x->original.destination, y->original.destination, 16);
	if (order == 0)
		order = memcmp(x->reply.source, y->reply.source, 16);
	if (order == 0)
		order = memcmp(x->reply.destination, y->reply.destination, 16);
	if (order == 0)
		order = (x->family - y->family) * 256 + x->proto - y->proto;
	if (order == 0)
		order = x->original.dport - y->original.dport;
	return order ? order : x->reply.sport - y->reply.sport;
}

static int
judge_all(struct flow_judge *j, struct flow_list *flows, struct err *e)
{
	flows->ports = j->ports;
	if (conntrack_read(flows, j->nl, e) < 0)
		return -1;
	if (flows->n > 0)
		qsort(flows->v, flows->n, sizeof(*flows->v), by_ends);
	for (size_t i = 0; i < flows->n; i++) {
		struct flow *flow = &flows->v[i];

		if (i > 0 && by_ends(flow, flow - 1) == 0) {
			flow->local = flow[-1].local;
			flow->covered = flow[-1].covered;
		} else {
			judge_flow(j, flow);
		}
	}
	return 0;
}

int
flow_judge_names(struct flow_judge *j, struct names *names, struct err *e)
{
	struct flow_list flows = { .n = 0 };
	int rc = judge_all(j, &flows, e);

	for (size_t i = 0; rc == 0 && i < flows.n; i++) {
		char text[FLOW_TEXT_MAX];

		if (flows.v[i].covered && names_add(names, conntrack_text(text, &flows.v[i])) < 0)
			rc = err_set(e, ERR_FAILED, "out of memory while looking at flows");
	}
	conntrack_fini(&flows);
	host_fini(&j->host);
	return rc;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in order; NULL: memory is gone. */
static char **
sorted(const struct names *names)
{
	char **v = calloc(names->n + 1, sizeof(*v));

	if (v && names->n > 0) {
		memcpy(v, names->v, names->n * sizeof(*v));
		qsort(v, names->n, sizeof(*v), by_text);
	}
	return v;
}

static enum outcome
cut_flow(struct flow_judge *j, const struct flow *flow, size_t *n, struct err *e)
{
	int rc;

	if (flow->local && flow->proto == IPPROTO_TCP)
		host_abort(&j->host, flow);
	rc = conntrack_delete(j->nl, flow, e);
	if (rc > 0)
		++*n;
	if (rc >= 0)
		return OUTCOME_DONE;
	return e->sys == EAGAIN || e->sys == ENOBUFS ? OUTCOME_UNKNOWN : OUTCOME_NOT_DONE;
}

static enum outcome
cut_all(struct flow_judge *j, const struct flow_list *flows, char **spared, size_t n_spared,
	size_t *n, struct err *e)
{
	enum outcome outcome = OUTCOME_DONE;

	for (size_t i = 0; i < flows->n; i++) {
		char text[FLOW_TEXT_MAX], *key = text;
		struct err first = ERR_INIT;
		enum outcome o;

		if (!flows->v[i].covered)
			continue;
		conntrack_text(text, &flows->v[i]);
		if (bsearch(&key, spared, n_spared, sizeof(*spared), by_text))
			continue;
		o = cut_flow(j, &flows->v[i], n, &first);
		if (o != OUTCOME_DONE && outcome != OUTCOME_UNKNOWN) {
			*e = e->code ? *e : first;
			outcome = o;
		}
	}
	return outcome;
}

enum outcome
flow_judge_cut(struct flow_judge *j, const struct names *spared, size_t *n, struct err *e)
{
	struct flow_list flows = { .n = 0 };
	char **known = sorted(spared);
	enum outcome outcome = OUTCOME_NOT_DONE;

	*n = 0;
	if (!known)
		err_set(e, ERR_FAILED, "out of memory while cutting flows");
	else if (judge_all(j, &flows, e) == 0)
		outcome = cut_all(j, &flows, known, spared->n, n, e);
	free(known);
	conntrack_fini(&flows);
	host_fini(&j->host);
	return outcome;
}
