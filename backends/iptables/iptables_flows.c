/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Flows that a lift let in, of both engines. */
#include <stdlib.h>

#include "iptables_private.h"
#include "plan.h"

/* This module's; each engine has its own, which is only passed on. */
struct cover {
	struct cover *of[PARTS];
};

void
iptables_cover_free(struct cover *cover)
{
	if (!cover)
		return;
	for (enum part i = 0; i < PARTS; i++)
		if (cover->of[i])
			parts[i].ops->cover_free(cover->of[i]);
	free(cover);
}

static int
cover_part(struct backend *backend, enum part i, const json_t *record, struct cover *cover,
	   struct err *e)
{
	const json_t *part;
	int failed;
	struct engine *engine = engine_of(backend, i, record, &part, &failed, e);

	if (failed || !engine)
		return failed;
	return parts[i].ops->cover(engine, part, &cover->of[i], e);
}

int
iptables_cover(struct backend *backend, const json_t *record, struct cover **cover, struct err *e)
{
	struct cover *all = calloc(1, sizeof(*all));

	if (!all)
		return err_set(e, ERR_FAILED, "out of memory");
	for (enum part i = 0; i < PARTS; i++) {
		if (cover_part(backend, i, record, all, e) < 0) {
			iptables_cover_free(all);
			return -1;
		}
	}
	*cover = all;
	return 0;
}

int
iptables_flows(struct backend *backend, const struct cover *cover, struct names *flows,
	       struct err *e)
{
	for (enum part i = 0; i < PARTS; i++)
		if (cover->of[i] &&
		    parts[i].ops->flows(backend->engine[i], cover->of[i], flows, e) < 0)
			return -1;
	return 0;
}

enum outcome
iptables_cut(struct backend *backend, const struct cover *cover, const struct names *spared,
	     size_t *n, struct err *e)
{
	enum outcome outcome = OUTCOME_DONE;

	*n = 0;
	for (enum part i = 0; i < PARTS; i++) {
		size_t one = 0;

		if (!cover->of[i])
			continue;
		outcome = outcome_worse(outcome, parts[i].ops->cut(backend->engine[i], cover->of[i],
								   spared, &one, e));
		*n += one;
	}
	return outcome;
}
