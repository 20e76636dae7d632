/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * iptables has two kernels' worth of tables: nf_tables (iptables-nft, seen through netlink) and
 * x_tables (iptables-legacy, seen through its own tools). A host may use either, or both at once;
 * a target means the rules of both families in both. Each engine does what backend.h says of the
 * operation of the same name, for what it holds; iptables.c puts the two together: a target that
 * fits neither is an error, and a failure of the second takes back the first.
 */
#ifndef GEOPAUSE_IPTABLES_ENGINE_H
#define GEOPAUSE_IPTABLES_ENGINE_H

#include "backend.h"

#define PATTERNS_MAX 64 /* of one kind in one target; more is ERR_POLICY */

/* What a target of the request has met in an engine. */
struct met {
	bool any;       /* rules were selected */
	uint64_t chain; /* bit i: this pattern matched something that is there */
	uint64_t set;
	uint64_t comment;
};

struct engine; /* an open one; each has its own */

struct engine_ops {
	const char *name; /* "iptables-nft", "iptables-legacy" */
	bool beats;       /* expiries are a heartbeat: request->expiry_s; else request->window_s */

	/* *engine NULL and success: this host has no such tables, and nothing of it is asked. */
	int (*open)(struct engine **engine, struct err *e);
	void (*close)(struct engine *engine);
	/* Programs that it runs inherit this descriptor. */
	void (*hold)(struct engine *engine, int fd);
	int (*discover)(struct engine *engine, const struct ports *ports,
			struct observations *found, struct err *e);
	/*
	 * request->targets are iptables targets ("table": "filter"). One without rules here is no
	 * error; met has an entry for each. beats tells whether expiry_s counts, or window_s.
	 */
	int (*plan)(struct engine *engine, const struct lift_request *request, bool beats,
		    struct met *met, struct plan **plan, struct err *e);
	/*
	 * Something else comes before what was planned to be done at once: nothing is held for it
	 * any more. NULL: nothing ever is.
	 */
	void (*let_go)(struct engine *engine);
	json_t *(*record)(const struct plan *plan);
	void (*plan_free)(struct plan *plan);
	enum outcome (*apply)(struct engine *engine, struct plan *plan, struct err *e);
	enum lift_state (*inspect)(struct engine *engine, const json_t *record, unsigned *left_s,
				   struct err *e);
	enum outcome (*extend)(struct engine *engine, const json_t *record, unsigned expiry_s,
			       struct err *e);
	enum outcome (*revert)(struct engine *engine, const json_t *record, struct names *notes,
			       struct err *e);
	enum outcome (*sweep)(struct engine *engine, bool look_only, struct names *found,
			      struct err *e);
	int (*generation)(struct engine *engine, uint64_t *generation, struct err *e);
	/* As backend.h. */
	int (*cover)(struct engine *engine, const json_t *record, struct cover **cover,
		     struct err *e);
	int (*flows)(struct engine *engine, const struct cover *cover, struct names *flows,
		     struct err *e);
	enum outcome (*cut)(struct engine *engine, const struct cover *cover,
			    const struct names *spared, size_t *n, struct err *e);
	void (*cover_free)(struct cover *cover);
};

extern const struct engine_ops engine_nft;
extern const struct engine_ops engine_legacy;

#endif
