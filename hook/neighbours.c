/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "neighbours.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clocks.h"

static int
add(struct neighbours *all, const struct state *state, const char *file, const struct identity *own)
{
	struct neighbour *v = reallocarray(all->v, all->n + 1, sizeof(*v));
	struct journal journal;
	struct err why = ERR_INIT;
	if (!v)
		return -1;
	all->v = v;
	struct neighbour *one = &v[all->n++];
	*one = (struct neighbour){ .state = "not readable", .may_be_open = true };
	snprintf(one->file, sizeof(one->file), "%s", file);
	if (journal_read(state->dir, file, &journal, &why) != JOURNAL_GOOD)
		return 0;
	one->state = journal_state_name(journal.state);
	one->may_be_open = !strcmp(journal.id.boot, own->boot) && journal.lifts.n > 0 &&
			   boottime_left(journal.expiry) > 0;
	journal_fini(&journal);
	return 0;
}

int
neighbours_read(struct neighbours *all, const struct state *state, const struct identity *own,
		struct err *e)
{
	const struct dirent *entry;
	uint64_t netns;
	int failed = 0;
	*all = (struct neighbours){ 0 };
	int fd = openat(state->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		err_sys(e, ERR_FAILED, errno, "reading the state directory");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (!failed && (entry = readdir(dir)))
		if (journal_name_parse(entry->d_name, &netns) && netns != own->netns)
			failed = add(all, state, entry->d_name, own);
	closedir(dir);
	return failed ? err_set(e, ERR_FAILED, "out of memory") : 0;
}

void
neighbours_fini(struct neighbours *all)
{
	free(all->v);
	*all = (struct neighbours){ 0 };
}
