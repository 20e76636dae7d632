/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sessions.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A fork has the parent's connections: to use or to close them would be to talk in its name. */
static void
leave_the_parents(struct sessions *sessions)
{
	if (sessions->pid == getpid())
		return;
	*sessions = (struct sessions){ .pid = getpid() };
}

struct session *
sessions_get(struct sessions *sessions, json_t *entry, struct err *e)
{
	struct session **grown, *s;
	leave_the_parents(sessions);
	for (size_t i = 0; i < sessions->n; i++)
		if (entry_is(sessions->v[i]->entry_json, entry))
			return sessions->v[i];
	grown = reallocarray(sessions->v, sessions->n + 1, sizeof(struct session *));
	if (grown == NULL) {
		err_set(e, ERR_FAILED, "out of memory");
		return NULL;
	}
	sessions->v = grown;
	if (session_open(&s, entry, e) != 0)
		return NULL;
	sessions->v[sessions->n++] = s;
	return s;
}

void
sessions_fini(struct sessions *sessions)
{
	leave_the_parents(sessions);
	while (sessions->n > 0)
		session_close(sessions->v[--sessions->n]);
	free(sessions->v);
	sessions->v = NULL;
}

/* --- jobs ---------------------------------------------------------------------------------------
 */

struct worker {
	pthread_t thread;
	bool started;
	struct job *job;
	void (*run)(struct job *job);
};

static void *
work(void *data)
{
	struct worker *worker = data;
	worker->run(worker->job);
	return NULL;
}

/* With all signals blocked, which threads inherit: the program's own thread gets them. */
static void
start(struct worker *workers, size_t n)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (size_t i = 0; i < n; i++)
		workers[i].started =
			workers[i].job->s != NULL &&
			pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void
jobs_run(struct job *jobs, size_t n, void (*run)(struct job *job))
{
	struct worker *workers = n > 1 ? calloc(n, sizeof(*workers)) : NULL;
	for (size_t i = 0; workers != NULL && i < n; i++)
		workers[i] = (struct worker){ .job = &jobs[i], .run = run };
	if (workers != NULL)
		start(workers, n);
	/* What has no thread is done here. */
	for (size_t i = 0; i < n; i++)
		if (jobs[i].s != NULL && (workers == NULL || !workers[i].started))
			run(&jobs[i]);
	for (size_t i = 0; workers != NULL && i < n; i++)
		if (workers[i].started)
			(void)pthread_join(workers[i].thread, NULL);
	free(workers);
}
