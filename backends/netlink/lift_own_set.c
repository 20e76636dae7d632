/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cleanest integration: the administrator's ruleset opens the ports that are in a set. */
#include <string.h>

#include "copy.h"
#include "element.h"
#include "elements.h"
#include "lift.h"
#include "lift_private.h"
#include "nf.h"

struct find_port {
	const struct set *set;
	struct port port;
	bool found, permanent, ours;
};

static int
match_port(const struct element *x, void *data)
{
	struct find_port *find = data;
	uint8_t key[MARK_SET_KEY_LEN];
	size_t len = elements_key(find->set, find->port, key);

	if (x->key.len < len || memcmp(x->key.v, key, len) != 0)
		return 0;
	find->found = true;
	find->permanent = x->timeout_ms == 0 && x->expires_ms == 0;
	find->ours = mark_is_comment(x->comment, NULL);
	return 1;
}

static int
note_present(struct lift *lift, const struct set *set, const struct find_port *find)
{
	char name[NAME_BUF];

	return names_addf(&lift->notes,
			  "port %u is already in set %s of table %s (%s); that element is not "
			  "ours and stays as it is",
			  find->port.number, err_name(name, set->name), set->table->text,
			  find->permanent ? "permanent" : "with a timeout");
}

int
lift_plan_own_set(struct lift *lift, struct nl *nl, const struct own_set *own, struct err *e)
{
	const struct lift_request *request = &lift->request;
	bool single = own->set->key_type != MARK_SET_KEY_TYPE;
	struct lift_step *step;

	if (own->set->table->flags & NFT_TABLE_F_OWNER)
		return err_set(e, ERR_FAILED,
			       "table %s has `flags owner`: only the program that made it may "
			       "change its sets; " OWNER_ADVICE,
			       own->set->table->text);
	if (ruleset_elements(nl, own->set, e) < 0)
		return -1;
	step = lift_add_step(lift, own->target, ACTION_SET, e);
	if (!step)
		return -1;
	step->set = own->set;
	for (size_t i = 0; i < request->ports.n; i++) {
		struct find_port find = { .set = own->set, .port = request->ports.v[i] };
		struct ports one = { .n = 1, .v = { find.port } };
		bool twice = false;

		for (size_t j = 0; single && j < i; j++)
			twice |= request->ports.v[j].number == find.port.number;
		if (twice)
			continue;
		element_each(own->set, match_port, &find);
		if (!find.found)
			ports_add(&step->add, &one);
		else if (!find.ours && note_present(lift, own->set, &find) < 0)
			return err_set(e, ERR_FAILED, "out of memory while planning");
	}
	if (step->add.n == 0)
		lift->n--; /* all of it is open already */
	return 0;
}
