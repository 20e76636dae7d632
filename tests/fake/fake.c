/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A backend without a firewall, for tests of the program: the program is linked to it in the place
 * of nftables'. Everything is in the directory of the copy that runs:
 *
 *   fake.json   how to behave, read at every call; each member may be a list, one entry a call,
 *               the last one repeated:
 *                 open      "ok" | "fail" | "absent"
 *                 plan      "ok" | "none" | "misfit" | "refuse"
 *                 apply     "done" | "not-done" | "unknown-done" | "unknown-not" | "unknown-part"
 *                 extend    as apply
 *                 inspect   "live" | "lifted" | "closed" | "not-lifted" | "drifted" | "unknown"
 *                 revert    "done" | "not-done" | "unknown-done" | "lies"
 *                 sweep     "done" | "not-done"
 *                 generation, cover  "ok" | "fail"
 *                 cut       "done" | "not-done" | "unknown-done"
 *               "kill-before" and "kill-after": the process dies there; "slow": takes 30 ms more.
 *                 discover  a list of observations: {set, effect, comment, refusal}; each ? of
 *                           a comment is a byte that is not UTF-8
 *                 discovers ["ok"], and how often it was asked for these is in counts.json
 *                 flows     a list of texts: the flows that every lift covers
 *   live.json   the firewall: {"lifts": {TXN: {"until": SECONDS, "part": BOOL}},
 *               "generation": NUMBER, "cut": [TEXT, ...]}
 *   calls.txt   one line a mutation: "apply TXN tcp 80 600"
 *   counts.json how often each call with a list in fake.json was made
 *
 * Built with FAKE_LASTS it is a module, geopause-exec.so, whose lifts outlive a boot and have no
 * expiry; it finds no marks, and has fake-exec.json, live-exec.json and counts-exec.json.
 *
 * live.json is locked for the length of each mutation; a second mutator at the same time writes
 * "overlap" into calls.txt.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "fake_files.h"
#include "plan.h"

#ifndef FAKE_LASTS
#include "builtin.h"
#endif

#ifndef FAKE_ABI
#define FAKE_ABI BACKEND_ABI
#endif

/* Another firewall, one that keeps its lifts over a boot. */
#ifdef FAKE_LASTS
#define FAKE_NAME "exec"
#define FAKE_CAPS (BACKEND_SURVIVES_BOOT | BACKEND_ALL_RIGHTS | BACKEND_APART)
#define FAKE_WATCHED false
#define FAKE_SWEEPS false
#else
#define FAKE_NAME "nftables"
#define FAKE_SWEEPS true
#define FAKE_WATCHED true
#define FAKE_CAPS (BACKEND_ATOMIC | BACKEND_KERNEL_EXPIRY | BACKEND_HEARTBEAT)
#endif

struct backend {
	char nothing; /* all that it knows is in its files */
};

struct fake_plan {
	char txn[TXN_BUF];
	struct ports ports;
	unsigned expiry_s;
	size_t n;
};

static struct backend the_backend;

static int
fake_open(struct backend **backend, struct err *e)
{
	char how[32];
	ssize_t len = readlink("/proc/self/exe", fake_dir, sizeof(fake_dir) - 1);
	if (len < 0)
		return err_sys(e, ERR_FAILED, errno, "fake: /proc/self/exe");
	fake_dir[len] = '\0';
	*strrchr(fake_dir, '/') = '\0';
	*backend = &the_backend;
	behaviour("open", "ok", how, sizeof(how));
	if (!strcmp(how, "absent"))
		return err_sys(e, ERR_FAILED, ENOENT, "fake: this kernel has none");
	return strcmp(how, "fail") ? 0 : err_set(e, ERR_FAILED, "fake: needs CAP_NET_ADMIN");
}

static void
fake_close(struct backend *backend)
{
	(void)backend;
}

static int
observe(struct observations *found, json_t *json)
{
	struct observation *o = observations_add(found);
	const char *set = json_string_value(json_object_get(json, "set"));
	const char *effect = json_string_value(json_object_get(json, "effect"));
	const char *refusal = json_string_value(json_object_get(json, "refusal"));
	const char *comment = json_string_value(json_object_get(json, "comment"));
	if (!o || !set)
		return -1;
	o->backend = "nftables";
	o->table = strdup("inet filter");
	o->chain = strdup("input");
	o->hook = strdup("input");
	o->text = strdup("ip saddr @set drop");
	o->set = strdup(set);
	o->comment = comment ? strdup(comment) : NULL;
	for (char *c = o->comment; c && *c; c++)
		if (*c == '?')
			*c = '\xff';
	o->source = SOURCE_SET;
	o->facts = (struct set_facts){ .interval = true, .elements = 20000, .hosts = 10 };
	o->effect = effect && !strcmp(effect, "none") ? EFFECT_NONE : EFFECT_DENY;
	o->refusal = refusal ? strdup(refusal) : NULL;
	o->handle = found->n;
	return 0;
}

static int
fake_discover(struct backend *backend, const struct ports *ports, struct observations *found,
	      struct err *e)
{
	json_t *script = load(FAKE_SCRIPT), *item;
	size_t i;
	int failed = 0;
	char how[32];
	(void)backend;
	(void)ports;
	behaviour("discovers", "ok", how, sizeof(how));
	json_array_foreach (json_object_get(script, "discover"), i, item) {
		failed |= observe(found, item);
	}
	json_decref(script);
	return failed ? err_set(e, ERR_FAILED, "fake: discover") : 0;
}

static int
fill_steps(struct plan *plan, const struct lift_request *request)
{
	plan->steps = calloc(request->n, sizeof(*plan->steps));
	plan->n = request->n;
	for (size_t i = 0; plan->steps && i < request->n; i++) {
		struct step *step = &plan->steps[i];
		step->target = i;
		step->how = "skip";
		step->where = strdup("inet filter input handle 7");
		step->rule = strdup("ip saddr @geo drop");
		step->reason = strdup("the policy names it");
		if (request->explain) {
			step->before = strdup("ip saddr @geo drop");
			step->after =
				strdup("th dport != @geopause ip saddr @geo drop\nsecond line");
		}
	}
	return plan->steps ? names_add(&plan->notes, "a note") : -1;
}

static int
fake_plan(struct backend *backend, const struct lift_request *request, struct plan **plan,
	  struct err *e)
{
	char how[32];
	struct fake_plan *data = calloc(1, sizeof(*data));
	(void)backend;
	behaviour("plan", "ok", how, sizeof(how));
	*plan = NULL;
	if (!strcmp(how, "misfit") || !data) {
		free(data);
		return target_err(e, request->targets[0], "table", 0, "there is no such table");
	}
	if (!strcmp(how, "refuse")) {
		free(data);
		return err_set(e, ERR_FAILED, "fake: cannot be lifted safely");
	}
	*plan = calloc(1, sizeof(**plan));
	memcpy(data->txn, request->txn, sizeof(data->txn));
	data->ports = request->ports;
	data->expiry_s = request->expiry_s;
	data->n = request->n;
	(*plan)->data = data;
	return strcmp(how, "none") ? fill_steps(*plan, request) : 0;
}

static json_t *
fake_record(const struct plan *plan)
{
	const struct fake_plan *data = plan->data;
	return json_pack("{s:s,s:I}", "txn", data->txn, "rules", (json_int_t)data->n);
}

static void
fake_plan_free(struct plan *plan)
{
	free(plan->data);
	plan_free_shared(plan);
}

static json_t *
live_lift(unsigned expiry_s, bool part)
{
	return json_pack("{s:I,s:b}", "until", (json_int_t)now_s() + expiry_s, "part", (int)part);
}

static enum outcome
mutate(const char *how, const char *txn, unsigned expiry_s, struct err *e)
{
	if (strcmp(how, "not-done") != 0 && strcmp(how, "unknown-not") != 0)
		change_live(txn, live_lift(expiry_s, !strcmp(how, "unknown-part")));
	finish(how);
	if (!strcmp(how, "not-done")) {
		err_set(e, ERR_FAILED, "fake: not done");
		return OUTCOME_NOT_DONE;
	}
	if (strncmp(how, "unknown", 7) != 0)
		return OUTCOME_DONE;
	err_set(e, ERR_FAILED, "fake: the acknowledgement was lost");
	return OUTCOME_UNKNOWN;
}

static enum outcome
fake_apply(struct backend *backend, struct plan *plan, struct err *e)
{
	const struct fake_plan *data = plan->data;
	char how[32], line[160], ports[PORTS_TEXT_MAX];
	(void)backend;
	int lock = lock_live();
	snprintf(line, sizeof(line), "apply %s %s %u", data->txn, ports_text(ports, &data->ports),
		 data->expiry_s);
	note_call(line);
	behaviour("apply", "done", how, sizeof(how));
	enum outcome outcome = mutate(how, data->txn, data->expiry_s, e);
	close(lock);
	return outcome;
}

static const char *
record_txn(const json_t *record)
{
	const char *txn = json_string_value(json_object_get(record, "txn"));
	return txn ? txn : "";
}

static enum lift_state
live_state(const char *txn, unsigned *left_s)
{
	enum lift_state state = LIFT_NOT_LIFTED;
	json_t *live = load(FAKE_LIVE);
	const json_t *lift = json_object_get(json_object_get(live, "lifts"), txn);
	json_int_t left = json_integer_value(json_object_get(lift, "until")) - now_s();
	*left_s = left > 0 ? (unsigned)left : 0;
	if (lift && json_is_true(json_object_get(lift, "part")))
		state = LIFT_DRIFTED;
	else if (lift)
		state = left > 0 ? LIFT_LIFTED : LIFT_CLOSED;
	json_decref(live);
	return state;
}

static enum lift_state
fake_inspect(struct backend *backend, const json_t *record, unsigned *left_s, struct err *e)
{
	static const struct {
		const char *name;
		enum lift_state state;
	} forced[] = { { "lifted", LIFT_LIFTED },
		       { "closed", LIFT_CLOSED },
		       { "not-lifted", LIFT_NOT_LIFTED },
		       { "drifted", LIFT_DRIFTED } };
	char how[32];
	(void)backend;
	behaviour("inspect", "live", how, sizeof(how));
	enum lift_state state = live_state(record_txn(record), left_s);
	for (size_t i = 0; i < sizeof(forced) / sizeof(*forced); i++)
		if (!strcmp(how, forced[i].name))
			return forced[i].state;
	if (strcmp(how, "unknown") != 0)
		return state;
	err_set(e, ERR_FAILED, "fake: cannot be read");
	return LIFT_UNKNOWN;
}

static enum outcome
fake_extend(struct backend *backend, const json_t *record, unsigned expiry_s, struct err *e)
{
	char how[32], line[64];
	unsigned left_s;
	(void)backend;
	int lock = lock_live();
	snprintf(line, sizeof(line), "extend %s %u", record_txn(record), expiry_s);
	note_call(line);
	behaviour("extend", "done", how, sizeof(how));
	enum outcome outcome = OUTCOME_NOT_DONE;
	if (live_state(record_txn(record), &left_s) == LIFT_NOT_LIFTED)
		err_set(e, ERR_FAILED, "fake: there is no such lift");
	else
		outcome = mutate(how, record_txn(record), expiry_s, e);
	close(lock);
	return outcome;
}

static enum outcome
fake_revert(struct backend *backend, const json_t *record, struct names *notes, struct err *e)
{
	char how[32], line[64];
	unsigned left_s;
	(void)backend;
	int lock = lock_live();
	snprintf(line, sizeof(line), "revert %s", record_txn(record));
	note_call(line);
	behaviour("revert", "done", how, sizeof(how));
	if (live_state(record_txn(record), &left_s) == LIFT_DRIFTED)
		names_add(notes, "a rule of ours was gone already");
	if (strcmp(how, "not-done") != 0 && strcmp(how, "lies") != 0)
		change_live(record_txn(record), NULL);
	finish(how);
	close(lock);
	if (strcmp(how, "not-done") != 0)
		return strcmp(how, "unknown-done") ? OUTCOME_DONE : OUTCOME_UNKNOWN;
	err_set(e, ERR_FAILED, "fake: the firewall refused");
	return OUTCOME_NOT_DONE;
}

static enum outcome
fake_sweep(struct backend *backend, bool look_only, struct names *found, struct err *e)
{
	char how[32];
	(void)backend;
	int lock = look_only ? -1 : lock_live();
	json_t *live = load(FAKE_LIVE), *lift;
	const char *txn;
	if (!look_only)
		note_call("sweep");
	behaviour("sweep", "done", how, sizeof(how));
	json_object_foreach (FAKE_SWEEPS ? json_object_get(live, "lifts") : NULL, txn, lift) {
		bool open = json_integer_value(json_object_get(lift, "until")) > now_s();
		names_addf(found, "set geopause_%s%s", txn, open ? "" : " (closed)");
		if (!look_only && strcmp(how, "not-done") != 0)
			change_live(txn, NULL);
	}
	json_decref(live);
	if (lock >= 0)
		close(lock);
	if (strcmp(how, "not-done") != 0)
		return OUTCOME_DONE;
	err_set(e, ERR_FAILED, "fake: cannot sweep");
	return OUTCOME_NOT_DONE;
}

static int
fake_generation(struct backend *backend, uint64_t *generation, struct err *e)
{
	char how[32];
	(void)backend;
	behaviour("generation", "ok", how, sizeof(how));
	json_t *live = load(FAKE_LIVE);
	*generation = (uint64_t)json_integer_value(json_object_get(live, "generation"));
	json_decref(live);
	return strcmp(how, "fail") ? 0 : err_set(e, ERR_FAILED, "fake: no generation");
}

/* --- flows --- */

struct cover {
	char txn[TXN_BUF];
};

static int
fake_cover(struct backend *backend, const json_t *record, struct cover **cover, struct err *e)
{
	char how[32];
	(void)backend;
	behaviour("cover", "ok", how, sizeof(how));
	if (!strcmp(how, "fail"))
		return err_set(e, ERR_FAILED, "fake: cannot tell what the lift covers");
	*cover = calloc(1, sizeof(**cover));
	if (!*cover)
		return err_set(e, ERR_FAILED, "fake: out of memory");
	snprintf((*cover)->txn, sizeof((*cover)->txn), "%s", record_txn(record));
	return 0;
}

static bool
was_cut(const json_t *live, const char *flow)
{
	size_t i;
	json_t *item;
	json_array_foreach (json_object_get(live, "cut"), i, item) {
		if (!strcmp(json_string_value(item), flow))
			return true;
	}
	return false;
}

static int
fake_flows(struct backend *backend, const struct cover *cover, struct names *flows, struct err *e)
{
	json_t *script = load(FAKE_SCRIPT), *live = load(FAKE_LIVE), *item;
	size_t i;
	int failed = 0;
	(void)backend;
	(void)cover;
	json_array_foreach (json_object_get(script, "flows"), i, item) {
		const char *flow = json_string_value(item);
		if (flow && !was_cut(live, flow))
			failed |= names_add(flows, flow);
	}
	json_decref(script);
	json_decref(live);
	return failed ? err_set(e, ERR_FAILED, "fake: out of memory") : 0;
}

static bool
is_in(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->v[i], name))
			return true;
	return false;
}

static void
remember_cut(const char *flow)
{
	json_t *live = load(FAKE_LIVE), *cut = json_object_get(live, "cut");
	if (!cut) {
		cut = json_array();
		json_object_set_new(live, "cut", cut);
	}
	json_array_append_new(cut, json_string(flow));
	store(FAKE_LIVE, live);
	json_decref(live);
}

static enum outcome
fake_cut(struct backend *backend, const struct cover *cover, const struct names *spared, size_t *n,
	 struct err *e)
{
	char how[32], line[64];
	struct names flows = { 0 };
	int lock = lock_live();
	*n = 0;
	behaviour("cut", "done", how, sizeof(how));
	fake_flows(backend, cover, &flows, e);
	for (size_t i = 0; strcmp(how, "not-done") != 0 && i < flows.n; i++) {
		if (is_in(spared, flows.v[i]))
			continue;
		remember_cut(flows.v[i]);
		++*n;
	}
	names_fini(&flows);
	snprintf(line, sizeof(line), "cut %s %zu", cover->txn, *n);
	note_call(line);
	finish(how);
	close(lock);
	if (strcmp(how, "not-done") != 0 && strcmp(how, "unknown-done") != 0)
		return OUTCOME_DONE;
	err_set(e, ERR_FAILED, "fake: cannot cut");
	return strcmp(how, "not-done") ? OUTCOME_UNKNOWN : OUTCOME_NOT_DONE;
}

static void
fake_cover_free(struct cover *cover)
{
	free(cover);
}

static const struct backend_ops ops = {
	.abi = FAKE_ABI,
	.name = FAKE_NAME,
	.caps = FAKE_CAPS,
	.open = fake_open,
	.close = fake_close,
	.discover = fake_discover,
	.plan = fake_plan,
	.record = fake_record,
	.plan_free = fake_plan_free,
	.apply = fake_apply,
	.inspect = fake_inspect,
	.extend = fake_extend,
	.revert = fake_revert,
	.sweep = fake_sweep,
	.generation = FAKE_WATCHED ? fake_generation : NULL,
	.cover = fake_cover,
	.flows = fake_flows,
	.cut = fake_cut,
	.cover_free = fake_cover_free,
};

#ifdef FAKE_LASTS
__attribute__((visibility("default"))) const struct backend_ops *
geopause_backend(void)
#else
const struct backend_ops *
nftables_backend(void)
#endif
{
	return &ops;
}
