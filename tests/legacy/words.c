/* SPDX-License-Identifier: GPL-3.0-or-later */
/* legacy-words 4|6 TABLE: prints it as `iptables-legacy-save -c -t TABLE` would, in our words. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "legacy_kernel.h"

static void
print_table(const struct save *save, const char *table)
{
	printf("*%s\n", table);
	for (size_t i = 0; i < save->n_chains; i++)
		printf(":%s %s [%" PRIu64 ":%" PRIu64 "]\n", save->chains[i].name,
		       save->chains[i].policy ? save->chains[i].policy : "-",
		       save->chains[i].packets, save->chains[i].bytes);
	for (size_t i = 0; i < save->n_rules; i++) {
		const struct save_rule *rule = &save->rules[i];

		if (!save_words(save, i))
			exit(1);
		printf("[%" PRIu64 ":%" PRIu64 "] -A %s%s%s\n", rule->packets, rule->bytes,
		       save->chains[rule->chain].name, *rule->spec ? " " : "", rule->spec);
	}
	puts("COMMIT");
}

int
main(int argc, char **argv)
{
	struct legacy_kernel kernel = { 0 };
	struct legacy_table *table = NULL;
	struct err e = ERR_INIT;
	struct blob blob;
	int rc;

	if (argc != 3)
		return 2;
	kernel_open(&kernel);
	rc = kernel_read(&kernel, strcmp(argv[1], "6") ? FAMILY_IPV4 : FAMILY_IPV6, argv[2], &blob,
			 &e);
	if (rc == 0)
		table = table_read_take(&blob, kernel_set_name, &kernel, &e);
	if (!table) {
		fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	print_table(&table->save, argv[2]);
	table_put(table);
	kernel_close(&kernel);
	return 0;
}
