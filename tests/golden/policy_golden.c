/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each directory holds policy.json and expected.txt: the message that refuses it, or what was
 * understood. Usage: policy_golden DIRECTORY [--update]
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"

#define FILE_BUF (1u << 21)

static void
dump_patterns(FILE *out, const char *key, const struct patterns *patterns)
{
	char name[NAME_BUF];

	for (size_t i = 0; i < patterns->n; i++)
		fprintf(out, "  %s \"%s\" (line %u)\n", key, err_name(name, patterns->v[i].text),
			patterns->v[i].line);
}

static void
dump_json(FILE *out, const char *key, const json_t *json)
{
	fprintf(out, "  %s ", key);
	if (json != NULL)
		json_dumpf(json, out, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
	else
		fprintf(out, "(none)");
	fprintf(out, "\n");
}

static void
dump_exec(FILE *out, const struct target *t)
{
	char name[NAME_BUF];

	for (size_t i = 0; t->command[i] != NULL; i++)
		fprintf(out, "  command \"%s\" (line %u)\n", err_name(name, t->command[i]),
			t->command_line);
	fprintf(out, "  deadline %u s\n", t->deadline_s);
	dump_json(out, "config", t->config);
}

static void
dump_rest(FILE *out, const struct target *t)
{
	char name[NAME_BUF];

	fprintf(out, "  recipe \"%s\" (line %u)\n", err_name(name, t->recipe), t->recipe_line);
	dump_json(out, "params", t->params);
	dump_json(out, "secrets", t->secrets);
	fprintf(out, "  ca_file %s\n", err_name(name, t->ca_file));
	fprintf(out, "  pin %s\n", err_name(name, t->pin));
	fprintf(out, "  plain %s\n", t->plain ? "yes" : "no");
	fprintf(out, "  deadline %u s\n", t->deadline_s);
}

static void
dump_target(FILE *out, const struct target *t)
{
	char name[NAME_BUF];

	fprintf(out, "target %zu \"%s\" (line %u)\n", t->index, err_name(name, t->name), t->line);
	fprintf(out, "  backend %s\n", t->backend);
	if (t->command != NULL) {
		dump_exec(out, t);
		return;
	}
	if (t->recipe != NULL) {
		dump_rest(out, t);
		return;
	}
	fprintf(out, "  table \"%s\" (line %u)\n", err_name(name, t->table), t->table_line);
	fprintf(out, "  action %s\n", action_name(t->action));
	dump_patterns(out, "chain", &t->rules.chain);
	dump_patterns(out, "set", &t->rules.set);
	dump_patterns(out, "map", &t->rules.map);
	dump_patterns(out, "comment", &t->rules.comment);
	for (size_t i = 0; i < t->rules.n_handles; i++)
		fprintf(out, "  handle %" PRIu64 " (line %u)\n", t->rules.handles[i],
			t->rules.handle_line);
}

static void
dump(FILE *out, const struct policy *policy)
{
	struct ports ports = challenges_ports(policy->challenges);
	char text[PORTS_TEXT_MAX];
	char window[DURATION_TEXT_MAX];
	char max_window[DURATION_TEXT_MAX];
	char name[NAME_BUF];

	fprintf(out, "window %s of at most %s\n", duration_text(window, policy->window_s),
		duration_text(max_window, policy->max_window_s));
	fprintf(out, "ports %s\n", ports_text(text, &ports));
	fprintf(out, "on_refresh %s\n", policy->on_refresh == REFRESH_STOP ? "stop" : "relift");
	fprintf(out, "flows %s\n", policy->flows == FLOWS_CUT ? "cut" : "keep");
	for (size_t i = 0; policy->alert != NULL && policy->alert[i] != NULL; i++)
		fprintf(out, "alert \"%s\" (line %u)\n", err_name(name, policy->alert[i]),
			policy->alert_line);
	for (size_t i = 0; i < policy->n_targets; i++)
		dump_target(out, &policy->targets[i]);
}

/* The file's bytes; the length, or -1 if it is not there. */
static long
slurp(const char *path, char *buf)
{
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL)
		return -1;
	n = fread(buf, 1, FILE_BUF, f);
	fclose(f);
	return (long)n;
}

static void
understand(FILE *out, const char *text, size_t len)
{
	struct policy policy;
	struct err e = ERR_INIT;

	if (policy_parse(&policy, "policy.json", text, len, &e) == 0) {
		dump(out, &policy);
		policy_fini(&policy);
	} else {
		fprintf(out, "error %d: %s\n", (int)e.code, e.msg);
	}
}

static int
write_expected(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "we");

	if (f == NULL)
		return -1;
	fwrite(text, 1, len, f);
	return fclose(f);
}

/* 0: as expected. */
static int
run_case(const char *dir, const char *name, int update)
{
	static char text[FILE_BUF];
	static char expected[FILE_BUF];
	char path[4096];
	char *got = NULL;
	size_t got_len = 0;
	FILE *out = open_memstream(&got, &got_len);
	long len;
	int rc = 0;

	snprintf(path, sizeof(path), "%s/%s/policy.json", dir, name);
	len = slurp(path, text);
	if (out == NULL || len < 0) {
		fprintf(stderr, "%s: cannot be read\n", path);
		return -1;
	}
	understand(out, text, (size_t)len);
	fclose(out);
	snprintf(path, sizeof(path), "%s/%s/expected.txt", dir, name);
	if (update) {
		rc = write_expected(path, got, got_len);
	} else {
		len = slurp(path, expected);
		if (len < 0 || (size_t)len != got_len || memcmp(expected, got, got_len) != 0) {
			fprintf(stderr, "%s: expected\n%.*sgot\n%s", name, len < 0 ? 0 : (int)len,
				expected, got);
			rc = -1;
		}
	}
	free(got);
	return rc;
}

int
main(int argc, char **argv)
{
	int update = argc == 3 && strcmp(argv[2], "--update") == 0;
	DIR *dir = argc >= 2 ? opendir(argv[1]) : NULL;
	struct dirent *entry;
	int n = 0;
	int failed = 0;

	if (dir == NULL) {
		fprintf(stderr, "usage: policy_golden DIRECTORY [--update]\n");
		return 2;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		n++;
		failed += run_case(argv[1], entry->d_name, update) != 0;
	}
	closedir(dir);
	printf("%d cases, %d failed\n", n, failed);
	return n > 0 && failed == 0 ? 0 : 1;
}
