/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "object.h"

#include <netinet/in.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* "each": "ports", {"ports": [...]} or [...]; each kind is the product of two factors. */
static bool
is_by_port(const json_t *each)
{
	return json_is_string(each) || json_is_object(each);
}

static const json_t *
items_of(const json_t *each)
{
	return json_is_object(each)  ? json_object_get(each, "ports")
	       : json_is_array(each) ? each
				     : NULL;
}

size_t
objects_count(const struct session *s)
{
	const json_t *each = json_object_get(s->recipe->part, "each");
	const json_t *items = items_of(each);
	const size_t ports = is_by_port(each) ? s->entry.ports.n : 1;
	const size_t n = ports * (items != NULL ? json_array_size(items) : 1);
	return n < OBJECTS_MAX ? n : OBJECTS_MAX;
}

int
object_uuid(char uuid[UUID_BUF], const char *txn, const char *target, size_t index)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	char name[1024];
	unsigned len;
	int n = snprintf(name, sizeof(name), "%s %zu %s", txn, index, target);
	if (n < 0 || EVP_Digest(name, strlen(name), hash, &len, EVP_sha256(), NULL) != 1)
		return -1;
	hash[6] = (unsigned char)((hash[6] & 0x0f) | 0x80); /* version 8: custom */
	hash[8] = (unsigned char)((hash[8] & 0x3f) | 0x80); /* the variant */
	char *to = uuid;
	for (size_t i = 0; i < 16; i++)
		to += snprintf(to, 4, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
			       hash[i]);
	return 0;
}

static int
set_text(json_t *names, const char *name, const char *text)
{
	return json_object_set_new(names, name, json_string(text));
}

/* Providers take ports as text. */
static int
set_port(json_t *names, const struct port *port)
{
	char number[sizeof("65535")];
	snprintf(number, sizeof(number), "%u", port->number);
	if (set_text(names, "port", number) != 0)
		return -1;
	return set_text(names, "protocol", port->proto == IPPROTO_UDP ? "udp" : "tcp");
}

static int
set_item(json_t *names, const json_t *item)
{
	char key[NAME_BUF];
	const char *name;
	json_t *value;
	json_object_foreach ((json_t *)(uintptr_t)item, name, value) {
		snprintf(key, sizeof(key), "each.%s", name);
		if (json_object_set(names, key, value) != 0)
			return -1;
	}
	return 0;
}

static int
set_names(json_t *names, const struct session *s, size_t index)
{
	const json_t *each = json_object_get(s->recipe->part, "each");
	const json_t *items = items_of(each);
	const size_t n_items = items != NULL ? json_array_size(items) : 1;
	const json_t *journaled = json_array_get(s->entry.objects, index);
	json_t *priority = json_object_get(journaled, "priority");
	char uuid[UUID_BUF];
	if (index >= objects_count(s) || n_items == 0 ||
	    object_uuid(uuid, s->entry.txn, s->target, index) != 0 ||
	    set_text(names, "uuid", uuid) != 0)
		return -1;
	if (is_by_port(each) && set_port(names, &s->entry.ports.v[index / n_items]) != 0)
		return -1;
	if (items != NULL && set_item(names, json_array_get(items, index % n_items)) != 0)
		return -1;
	return priority != NULL ? json_object_set(names, "priority", priority) : 0;
}

int
object_init(struct object *object, const struct session *s, size_t index, struct err *e)
{
	*object = (struct object){ .index = index };
	object->once = (struct scope){ .names = s->once, .parent = &s->params };
	object->scope = (struct scope){ .names = json_object(), .parent = &object->once };
	if (object->scope.names != NULL && set_names(object->scope.names, s, index) == 0)
		return 0;
	object_fini(object);
	return err_set(e, ERR_FAILED, "out of memory");
}

void
object_fini(struct object *object)
{
	json_decref(object->scope.names);
	object->scope.names = NULL;
}
