/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "entry.h"

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

static json_t *
command_json(char *const *command)
{
	json_t *array = json_array();
	for (; *command != NULL; command++) {
		if (json_array_append_new(array, json_string(*command)) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

json_t *
entry_make(const struct target *target, const struct lift_request *request)
{
	char ports[PORTS_TEXT_MAX];
	json_t *command = command_json(target->command);
	if (command == NULL)
		return NULL;
	return json_pack("{s:s,s:o,s:I,s:O?,s:s,s:s,s:I,s:n}", "target", target->name, "command",
			 command, "deadline_s", (json_int_t)target->deadline_s, "config",
			 target->config, "ports", ports_text(ports, &request->ports), "txn",
			 request->txn, "expiry_s", (json_int_t)request->window_s, "record");
}

static int
parse_command(struct entry *entry, const json_t *command)
{
	size_t i;
	json_t *word;
	entry->n = json_array_size(command);
	if (entry->n == 0 || entry->n > TARGET_COMMAND_MAX)
		return -1;
	json_array_foreach ((json_t *)(uintptr_t)command, i, word) {
		entry->argv[i] = json_string_value(word);
		if (entry->argv[i] == NULL)
			return -1;
	}
	return entry->argv[0][0] == '/' ? 0 : -1;
}

int
entry_parse(struct entry *entry, const json_t *json, struct err *e)
{
	const char *ports;
	json_t *command;
	json_int_t deadline_s, expiry_s;
	struct err ignored = ERR_INIT;
	*entry = (struct entry){ 0 };
	if (json_unpack((json_t *)(uintptr_t)json, "{s:s,s:o,s:I,s:o,s:s,s:s,s:I,s:o}", "target",
			&entry->target, "command", &command, "deadline_s", &deadline_s, "config",
			&entry->config, "ports", &ports, "txn", &entry->txn, "expiry_s", &expiry_s,
			"record", &entry->record) != 0 ||
	    parse_command(entry, command) != 0 || deadline_s < 1 ||
	    deadline_s > TARGET_DEADLINE_MAX_S || expiry_s < 0 || expiry_s > UINT32_MAX ||
	    strlen(entry->txn) != TXN_LEN || ports_parse(ports, &entry->ports, &ignored) != 0)
		return err_set(e, ERR_FAILED, "the record is not one of the exec backend's");
	entry->deadline_s = (unsigned)deadline_s;
	entry->expiry_s = (unsigned)expiry_s;
	return 0;
}

static json_t *
ports_json(const struct ports *ports)
{
	json_t *array = json_array();
	for (size_t i = 0; i < ports->n; i++) {
		const struct port *port = &ports->v[i];
		if (json_array_append_new(array,
					  json_pack("{s:s,s:i}", "protocol",
						    port->proto == IPPROTO_UDP ? "udp" : "tcp",
						    "port", (int)port->number)) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

json_t *
entry_request(const struct entry *entry, const char *operation, unsigned expiry_s)
{
	json_t *ports = ports_json(&entry->ports);
	json_t *request;
	if (ports == NULL)
		return NULL;
	request = json_pack("{s:i,s:s,s:s,s:s,s:o,s:I,s:O}", "version", 1, "operation", operation,
			    "target", entry->target, "txn", entry->txn, "ports", ports, "expiry_s",
			    (json_int_t)expiry_s, "config", entry->config);
	if (request != NULL && strcmp(operation, "plan") != 0 &&
	    json_object_set(request, "record", entry->record) != 0) {
		json_decref(request);
		return NULL;
	}
	return request;
}
