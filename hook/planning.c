/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "planning.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "signature.h"

int
txn_new(char *txn, struct err *e)
{
	unsigned char random[TXN_LEN / 2];
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return err_sys(e, ERR_FAILED, errno, "getting random bytes");
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(txn + 2 * i, 3, "%02x", (unsigned)random[i]);
	return 0;
}

static bool
names_have(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->v[i], name))
			return true;
	return false;
}

/* The target as in a policy; a new reference, or NULL. */
static json_t *
document_of(const struct target *target)
{
	json_t *policy = policy_document(target, 1);
	json_t *document = json_array_get(json_object_get(policy, "targets"), 0);
	json_incref(document);
	json_decref(policy);
	return document;
}

static bool
has_document(const struct lift *lift, const json_t *document)
{
	size_t i;
	json_t *one;
	json_array_foreach (lift->documents, i, one) {
		if (json_equal(one, document))
			return true;
	}
	return false;
}

/* The asked ports that no lift has opened for this very target: a policy may have changed. */
static int
missing_ports(struct ports *left, const struct target *target, const struct planning_input *input)
{
	*left = input->ports;
	if (!input->lifts || !input->lifts->n)
		return 0;
	json_t *document = document_of(target);
	if (!document)
		return -1;
	for (size_t i = 0; i < input->lifts->n; i++) {
		const struct lift *lift = &input->lifts->v[i];
		if (lift->applied && !strcmp(lift->backend, target->backend) &&
		    has_document(lift, document))
			*left = ports_minus(left, &lift->ports);
	}
	json_decref(document);
	return 0;
}

static bool
same_ports(const struct ports *a, const struct ports *b)
{
	return !ports_minus(a, b).n && !ports_minus(b, a).n;
}

/* The group that this target belongs to: same backend, same missing ports. apart: a new one. */
static struct planned *
group_of(struct planning *planning, const struct target *target, const struct ports *missing,
	 bool apart, size_t most)
{
	for (size_t i = 0; !apart && i < planning->n; i++) {
		const struct target *first = planning->v[i].targets[0];
		if (!strcmp(first->backend, target->backend) &&
		    same_ports(&planning->v[i].request.ports, missing))
			return &planning->v[i];
	}
	struct planned *v = reallocarray(planning->v, planning->n + 1, sizeof(*v));
	if (!v)
		return NULL;
	planning->v = v;
	v[planning->n] = (struct planned){ .targets = calloc(most, sizeof(*v->targets)),
					   .request.ports = *missing };
	return v[planning->n].targets ? &v[planning->n++] : NULL;
}

static int
group(struct planning *planning, struct backends *backends, const struct planning_input *input,
      struct err *e)
{
	for (size_t i = 0; i < input->n; i++) {
		struct ports missing;
		const struct open_backend *on =
			backends_get(backends, input->targets[i].backend, e);
		if (!on)
			return -1;
		if (input->watched && !on->ops->generation)
			continue;
		if (missing_ports(&missing, &input->targets[i], input))
			return err_set(e, ERR_FAILED, "out of memory");
		if (!missing.n)
			continue;
		struct planned *planned =
			group_of(planning, &input->targets[i], &missing,
				 on->ops->caps & (unsigned)BACKEND_APART, input->n);
		if (!planned)
			return err_set(e, ERR_FAILED, "out of memory");
		planned->targets[planned->request.n++] = &input->targets[i];
	}
	return 0;
}

unsigned
planning_expiry(unsigned expiry_s, unsigned heartbeat_s, bool beats)
{
	return beats && heartbeat_s && heartbeat_s < expiry_s ? heartbeat_s : expiry_s;
}

static int
plan_group(struct planned *planned, struct backends *backends, const struct planning_input *input,
	   bool at_once, struct err *e)
{
	const struct open_backend *on = backends_get(backends, planned->targets[0]->backend, e);
	if (!on || txn_new(planned->request.txn, e))
		return -1;
	planned->request.targets = planned->targets;
	planned->request.expiry_s = planning_expiry(input->expiry_s, input->heartbeat_s,
						    on->ops->caps & (unsigned)BACKEND_HEARTBEAT);
	planned->request.window_s = input->expiry_s;
	planned->request.explain = input->explain;
	planned->request.at_once = at_once;
	planned->on = on;
	return on->ops->plan(on->backend, &planned->request, &planned->plan, e);
}

int
planning_make(struct planning *planning, struct backends *backends,
	      const struct planning_input *input, struct err *e)
{
	*planning = (struct planning){ 0 };
	int failed = group(planning, backends, input, e);
	/* Nothing but the journal comes in between, and no other firewall. */
	const bool at_once = input->applied && planning->n == 1 && !input->lifts->n;
	for (size_t i = 0; !failed && i < planning->n; i++)
		failed = plan_group(&planning->v[i], backends, input, at_once, e);
	if (failed)
		planning_fini(planning);
	return failed;
}

void
planning_fini(struct planning *planning)
{
	for (size_t i = 0; i < planning->n; i++) {
		const struct planned *planned = &planning->v[i];
		if (planned->plan)
			planned->on->ops->plan_free(planned->plan);
		free(planned->targets);
	}
	free(planning->v);
	*planning = (struct planning){ 0 };
}

size_t
planning_steps(const struct planning *planning)
{
	size_t steps = 0;
	for (size_t i = 0; i < planning->n; i++)
		steps += planning->v[i].plan->n;
	return steps;
}

/* What is lifted apart is known by its name: several targets may have one program. */
static int
add_where(struct lift *lift, const struct target *target, bool apart)
{
	const char *where = target_where(target);
	if (apart)
		return names_addf(&lift->tables, "%s (%s)", target->name, where);
	return names_have(&lift->tables, where) ? 0 : names_add(&lift->tables, where);
}

int
planned_journal(const struct planned *planned, struct lifts *lifts, struct err *e)
{
	const struct backend_ops *ops = planned->on->ops;
	const bool apart = ops->caps & (unsigned)BACKEND_APART;
	struct lift *lift = lifts_add(lifts);
	if (!lift || !(lift->backend = strdup(ops->name)) || !(lift->documents = json_array()) ||
	    !(lift->record = ops->record(planned->plan)))
		return err_set(e, ERR_FAILED, "out of memory");
	memcpy(lift->txn, planned->request.txn, sizeof(lift->txn));
	lift->ports = planned->request.ports;
	lift->expires_itself = ops->expires ? ops->expires(lift->record)
					    : ops->caps & ((unsigned)BACKEND_KERNEL_EXPIRY |
							   (unsigned)BACKEND_PROVIDER_EXPIRY);
	lift->survives_boot = ops->caps & (unsigned)BACKEND_SURVIVES_BOOT;
	for (size_t i = 0; i < planned->request.n; i++) {
		const struct target *target = planned->targets[i];
		if (names_add(&lift->targets, target->name) ||
		    json_array_append_new(lift->documents, document_of(target)) ||
		    add_where(lift, target, apart))
			return err_set(e, ERR_FAILED, "out of memory");
	}
	return 0;
}

int
planned_update(const struct planned *planned, struct lift *lift, struct err *e)
{
	json_t *now = planned->on->ops->record(planned->plan);
	if (!now)
		return err_set(e, ERR_FAILED, "out of memory");
	json_decref(lift->record);
	lift->record = now;
	return 0;
}
