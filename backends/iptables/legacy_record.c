/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "legacy_record.h"

#include <string.h>

size_t
record_tables(const json_t *record)
{
	return json_array_size(json_object_get(record, "tables"));
}

int
record_read(struct recorded *r, const json_t *record, size_t i, struct err *e)
{
	json_t *table = json_array_get(json_object_get(record, "tables"), i);
	const char *family = json_string_value(json_object_get(table, "family"));
	json_int_t chains = json_integer_value(json_object_get(table, "chains"));
	json_int_t rules = json_integer_value(json_object_get(table, "rules"));

	r->txn = json_string_value(json_object_get(record, "txn"));
	r->table = json_string_value(json_object_get(table, "table"));
	if (!r->txn || strlen(r->txn) != TXN_LEN || !r->table || !family || chains < 0 || rules < 0)
		return err_set(e, ERR_FAILED,
			       "the record of the lift is not one of this program's");
	r->family = strcmp(family, family_names[FAMILY_IPV6]) ? FAMILY_IPV4 : FAMILY_IPV6;
	r->chains = (size_t)chains;
	r->rules = (size_t)rules;
	return 0;
}

int
record_ports(const json_t *record, struct ports *ports, struct err *e)
{
	const char *text = json_string_value(json_object_get(record, "ports"));

	return text ? ports_parse(text, ports, e)
		    : err_set(e, ERR_FAILED, "the record of the lift does not say for which ports");
}
