/* SPDX-License-Identifier: GPL-3.0-or-later */
/* iptables-legacy: engine.h's operations over the legacy_*.c of this directory. */
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "legacy_cover.h"
#include "legacy_discover.h"
#include "legacy_host.h"
#include "legacy_kernel.h"
#include "legacy_lift.h"
#include "legacy_restore.h"
#include "plan.h"

struct engine {
	struct legacy_host host;
};

static bool
has_tables(void)
{
	return host_has(FAMILY_IPV4, NULL) || host_has(FAMILY_IPV6, NULL);
}

static int
legacy_open(struct engine **engine, struct err *e)
{
	struct engine *made;

	*engine = NULL;
	if (!has_tables())
		return 0;
	made = calloc(1, sizeof(*made));
	if (!made)
		return err_set(e, ERR_FAILED, "out of memory");
	if (legacy_host_init(&made->host, e) < 0) {
		free(made);
		return -1;
	}
	*engine = made;
	return 0;
}

static void
legacy_close(struct engine *engine)
{
	legacy_host_fini(&engine->host);
	free(engine);
}

/* It runs no programs. */
static void
legacy_hold(struct engine *engine, int fd)
{
	(void)engine;
	(void)fd;
}

static int
engine_discover(struct engine *engine, const struct ports *ports, struct observations *found,
		struct err *e)
{
	host_unlock(&engine->host);
	return legacy_discover(&engine->host, ports, found, e);
}

static void
engine_plan_free(struct plan *plan)
{
	if (!plan)
		return;
	if (plan->data)
		legacy_lift_fini(plan->data);
	free(plan->data);
	plan_free_shared(plan);
}

static int
engine_plan(struct engine *engine, const struct lift_request *request, bool beats, struct met *met,
	    struct plan **plan, struct err *e)
{
	struct plan *made = calloc(1, sizeof(*made));
	struct legacy_lift *lift;

	(void)beats;
	if (!made || !(made->data = lift = calloc(1, sizeof(*lift)))) {
		free(made);
		return err_set(e, ERR_FAILED, "out of memory while planning");
	}
	/* What is read now is what will be changed; else apply waits for it, and reads again. */
	if (request->at_once) {
		lift->held = &engine->host;
		host_try_lock(&engine->host);
	}
	if (legacy_lift_plan(lift, &engine->host, request, met, made, e) < 0) {
		engine_plan_free(made);
		return -1;
	}
	*plan = made;
	return 0;
}

static void
engine_let_go(struct engine *engine)
{
	host_unlock(&engine->host);
}

static json_t *
engine_record(const struct plan *plan)
{
	return legacy_lift_record(plan->data);
}

static enum outcome
engine_apply(struct engine *engine, struct plan *plan, struct err *e)
{
	return legacy_lift_apply(plan->data, &engine->host, e);
}

static enum lift_state
engine_inspect(struct engine *engine, const json_t *record, unsigned *left_s, struct err *e)
{
	return legacy_inspect(&engine->host, record, left_s, e);
}

static enum outcome
engine_extend(struct engine *engine, const json_t *record, unsigned expiry_s, struct err *e)
{
	return legacy_extend(&engine->host, record, expiry_s, e);
}

static enum outcome
engine_revert(struct engine *engine, const json_t *record, struct names *notes, struct err *e)
{
	return legacy_revert(&engine->host, record, notes, e);
}

static enum outcome
engine_sweep(struct engine *engine, bool look_only, struct names *found, struct err *e)
{
	host_unlock(&engine->host);
	return legacy_sweep(&engine->host, look_only, found, e);
}

static int
engine_generation(struct engine *engine, uint64_t *generation, struct err *e)
{
	(void)e;
	host_unlock(&engine->host);
	*generation = kernel_generation(engine->host.kernel);
	return 0;
}

static int
engine_cover(struct engine *engine, const json_t *record, struct cover **cover, struct err *e)
{
	host_unlock(&engine->host);
	return legacy_cover(&engine->host, record, cover, e);
}

static int
engine_flows(struct engine *engine, const struct cover *cover, struct names *flows, struct err *e)
{
	(void)engine;
	return legacy_flows(cover, flows, e);
}

static enum outcome
engine_cut(struct engine *engine, const struct cover *cover, const struct names *spared, size_t *n,
	   struct err *e)
{
	(void)engine;
	return legacy_cut(cover, spared, n, e);
}

const struct engine_ops engine_legacy = {
	.name = "iptables-legacy",
	.beats = false,
	.open = legacy_open,
	.close = legacy_close,
	.hold = legacy_hold,
	.discover = engine_discover,
	.plan = engine_plan,
	.let_go = engine_let_go,
	.record = engine_record,
	.plan_free = engine_plan_free,
	.apply = engine_apply,
	.inspect = engine_inspect,
	.extend = engine_extend,
	.revert = engine_revert,
	.sweep = engine_sweep,
	.generation = engine_generation,
	.cover = engine_cover,
	.flows = engine_flows,
	.cut = engine_cut,
	.cover_free = legacy_cover_free,
};
