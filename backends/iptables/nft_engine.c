/* SPDX-License-Identifier: GPL-3.0-or-later */
/* iptables-nft: its tables are nf_tables', and are lifted as the nftables backend lifts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cover.h"
#include "discover.h"
#include "engine.h"
#include "legacy_unseen.h"
#include "nft_save.h"
#include "ops.h"

struct engine {
	struct nl nl;
};

static int
nft_open(struct engine **engine, struct err *e)
{
	struct engine *made = calloc(1, sizeof(*made));
	struct err refused = ERR_INIT;

	*engine = NULL;
	if (!made)
		return err_set(e, ERR_FAILED, "out of memory");
	if (ops_open(&made->nl, &refused) == 0) {
		*engine = made;
		return 0;
	}
	free(made);
	if (ops_is_missing(&refused))
		return 0;
	*e = refused;
	return -1;
}

static void
nft_close(struct engine *engine)
{
	if (!engine)
		return;
	nl_close(&engine->nl);
	free(engine);
}

/* Nothing that is started here changes anything. */
static void
nft_hold(struct engine *engine, int fd)
{
	(void)engine;
	(void)fd;
}

static int
nft_discover(struct engine *engine, const struct ports *ports, struct observations *found,
	     struct err *e)
{
	const struct unseen_nat nat = legacy_unseen_nat(ports);

	return discover(&engine->nl, ports, "iptables", true, &nat, found, e);
}

static struct met
met_of(const struct select_met *from)
{
	return (struct met){
		.any = from->any, .chain = from->chain, .set = from->set, .comment = from->comment
	};
}

static int
nft_plan(struct engine *engine, const struct lift_request *request, bool beats, struct met *met,
	 struct plan **plan, struct err *e)
{
	struct select_met *found = calloc(request->n + 1, sizeof(*found));
	const struct unseen_nat nat = legacy_unseen_nat(&request->ports);
	struct nft_save save = { .table = NULL };
	struct ops_text text = { .data = &save, .step = nft_save_step };
	struct lift_request asked = *request;
	int rc;

	if (!found)
		return err_set(e, ERR_FAILED, "out of memory while planning");
	if (!beats)
		asked.expiry_s = request->window_s;
	rc = ops_plan(&engine->nl, &asked, &nat, found, &text, plan, e);
	for (size_t i = 0; rc == 0 && i < request->n; i++)
		met[i] = met_of(&found[i]);
	nft_save_fini(&save);
	free(found);
	return rc;
}

static enum outcome
nft_apply(struct engine *engine, struct plan *plan, struct err *e)
{
	return ops_apply(&engine->nl, plan, e);
}

static enum lift_state
nft_inspect(struct engine *engine, const json_t *record, unsigned *left_s, struct err *e)
{
	return ops_inspect(&engine->nl, record, left_s, e);
}

static enum outcome
nft_extend(struct engine *engine, const json_t *record, unsigned expiry_s, struct err *e)
{
	return ops_extend(&engine->nl, record, expiry_s, e);
}

static enum outcome
nft_revert(struct engine *engine, const json_t *record, struct names *notes, struct err *e)
{
	return ops_revert(&engine->nl, record, notes, e);
}

static bool
is_known(const struct names *names, const char *text)
{
	for (size_t i = 0; i < names->n; i++) {
		if (strcmp(names->v[i], text) == 0)
			return true;
	}
	return false;
}

static enum outcome
nft_sweep(struct engine *engine, bool look_only, struct names *found, struct err *e)
{
	struct names all = { 0 };
	enum outcome outcome = ops_sweep(&engine->nl, look_only, &all, e);

	/* The nftables backend sees the same tables, and may have told of them. */
	for (size_t i = 0; i < all.n; i++) {
		if (!is_known(found, all.v[i]) && names_add(found, all.v[i]) < 0) {
			err_set(e, ERR_FAILED, "out of memory while looking for marks");
			outcome = OUTCOME_UNKNOWN;
		}
	}
	names_fini(&all);
	return outcome;
}

static int
nft_generation(struct engine *engine, uint64_t *generation, struct err *e)
{
	return ops_generation(&engine->nl, generation, e);
}

static int
nft_cover(struct engine *engine, const json_t *record, struct cover **cover, struct err *e)
{
	return ops_cover(&engine->nl, record, cover, e);
}

static int
nft_flows(struct engine *engine, const struct cover *cover, struct names *flows, struct err *e)
{
	return cover_flows(cover, &engine->nl, flows, e);
}

static enum outcome
nft_cut(struct engine *engine, const struct cover *cover, const struct names *spared, size_t *n,
	struct err *e)
{
	return cover_cut(cover, &engine->nl, spared, n, e);
}

const struct engine_ops engine_nft = {
	.name = "iptables-nft",
	.beats = true,
	.open = nft_open,
	.close = nft_close,
	.hold = nft_hold,
	.discover = nft_discover,
	.plan = nft_plan,
	.record = ops_record,
	.plan_free = ops_plan_free,
	.apply = nft_apply,
	.inspect = nft_inspect,
	.extend = nft_extend,
	.revert = nft_revert,
	.sweep = nft_sweep,
	.generation = nft_generation,
	.cover = nft_cover,
	.flows = nft_flows,
	.cut = nft_cut,
	.cover_free = cover_free,
};
