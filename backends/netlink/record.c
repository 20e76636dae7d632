/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record.h"

#include <stdlib.h>
#include <string.h>

#include "nf.h"

static json_t *
table_json(const struct table *table)
{
	return json_sprintf("%s %s", family_name(table->family), table->name);
}

static bool
has_string(const json_t *array, const json_t *string)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		if (json_equal(json_array_get(array, i), string))
			return true;
	}
	return false;
}

static void
add_table(json_t *tables, const struct table *table)
{
	json_t *text = table_json(table);

	if (text && !has_string(tables, text))
		json_array_append_new(tables, text);
	else
		json_decref(text);
}

/* A set besides, for other ports or not all of them: found and moved on as the administrator's. */
static void
add_set_besides(json_t *sets, const struct lift *lift, const struct lift_step *step)
{
	char text[PORTS_TEXT_MAX], name[MARK_SET_BUF];

	mark_set_name(name, lift->request.txn, step->port);
	json_array_append_new(sets,
			      json_pack("{s:o, s:s, s:s}", "table",
					table_json(step->suspect.rule->chain->table), "set", name,
					"ports", ports_text(text, lift_step_ports(lift, step))));
}

json_t *
record_of(const struct lift *lift)
{
	json_t *tables = json_array(), *sets = json_array();
	char text[PORTS_TEXT_MAX];
	json_int_t rules = 0;

	for (size_t i = 0; i < lift->n; i++) {
		const struct lift_step *step = &lift->steps[i];

		if (step->action != ACTION_SET) {
			add_table(tables, step->suspect.rule->chain->table);
			if (lift_is_first_of_set(lift, i))
				add_set_besides(sets, lift, step);
			rules += (json_int_t)lift_step_marks(lift, step);
			continue;
		}
		json_array_append_new(sets, json_pack("{s:o, s:s, s:s}", "table",
						      table_json(step->set->table), "set",
						      step->set->name, "ports",
						      ports_text(text, &step->add)));
	}
	return json_pack("{s:s, s:s, s:o, s:I, s:o}", "txn", lift->request.txn, "ports",
			 ports_text(text, &lift->request.ports), "tables", tables, "rules", rules,
			 "sets", sets);
}

static int
malformed(struct err *e)
{
	return err_set(e, ERR_FAILED, "the journal's record of an nftables lift is malformed");
}

static int
parse_set(struct record_set *set, const json_t *json, struct err *e)
{
	const char *table = json_string_value(json_object_get(json, "table"));
	const char *name = json_string_value(json_object_get(json, "set"));
	const char *ports = json_string_value(json_object_get(json, "ports"));

	if (!table || !name || !ports)
		return malformed(e);
	set->table = strdup(table);
	set->set = strdup(name);
	if (!set->table || !set->set)
		return err_set(e, ERR_FAILED, "out of memory while reading the journal");
	return ports_parse(ports, &set->ports, e);
}

static int
parse_names(struct names *names, const json_t *array)
{
	if (!json_is_array(array))
		return -1;
	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *name = json_string_value(json_array_get(array, i));

		if (!name || names_add(names, name) < 0)
			return -1;
	}
	return 0;
}

static int
parse_lists(struct record *record, const json_t *json, struct err *e)
{
	const json_t *sets = json_object_get(json, "sets");

	if (parse_names(&record->tables, json_object_get(json, "tables")) < 0 ||
	    !json_is_array(sets))
		return malformed(e);
	record->sets = calloc(json_array_size(sets) + 1, sizeof(*record->sets));
	if (!record->sets)
		return malformed(e);
	for (size_t i = 0; i < json_array_size(sets); i++) {
		record->n_sets++;
		if (parse_set(&record->sets[i], json_array_get(sets, i), e) < 0)
			return -1;
	}
	return 0;
}

int
record_parse(struct record *record, const json_t *json, struct err *e)
{
	const char *txn = json_string_value(json_object_get(json, "txn"));
	const char *ports = json_string_value(json_object_get(json, "ports"));
	json_int_t rules = json_integer_value(json_object_get(json, "rules"));

	*record = (struct record){ .rules = rules > 0 ? (size_t)rules : 0 };
	if (!txn || !ports || strlen(txn) != TXN_LEN || rules < 0)
		return malformed(e);
	memcpy(record->txn, txn, TXN_BUF);
	if (ports_parse(ports, &record->ports, e) < 0 || parse_lists(record, json, e) < 0) {
		record_fini(record);
		return -1;
	}
	return 0;
}

void
record_fini(struct record *record)
{
	for (size_t i = 0; i < record->n_sets; i++) {
		free(record->sets[i].table);
		free(record->sets[i].set);
	}
	free(record->sets);
	names_fini(&record->tables);
	*record = (struct record){ 0 };
}
