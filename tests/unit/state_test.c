/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who waits for the state directory's lock, on a clock that is the test's own. */
#include "state.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"

#define WAIT_S 10u

static int holder = -1;  /* the lock's file, locked */
static int64_t now_ms;   /* the clock */
static int64_t turn_ms;  /* how long each holder keeps it; 0: the first one for ever */
static int64_t freed_ms; /* when nobody holds it any more; 0: never */

int64_t __wrap_boottime_ms(void);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);

int64_t
__wrap_boottime_ms(void)
{
	return now_ms;
}

int
__wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
	char pid[16];

	(void)left;
	now_ms += time->tv_nsec / 1000000;
	if (freed_ms && now_ms >= freed_ms)
		assert_int_equal(flock(holder, LOCK_UN), 0);
	int len = snprintf(pid, sizeof(pid), "%d\n", 1000 + (int)(turn_ms ? now_ms / turn_ms : 0));
	assert_int_equal(pwrite(holder, pid, (size_t)len, 0), len);
	return 0;
}

/* What comes of waiting, and how long it takes. */
static int
wait_for(int64_t turn, int64_t freed, int64_t *took, struct err *e)
{
	char path[] = "/tmp/geopause-state-XXXXXX";
	struct state state;

	assert_non_null(mkdtemp(path));
	*e = ERR_INIT;
	assert_int_equal(state_open(&state, path, false, e), 0);
	holder = openat(state.dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(flock(holder, LOCK_EX), 0);
	now_ms = 0;
	turn_ms = turn;
	freed_ms = freed;
	int rc = state_lock(&state, WAIT_S, e);
	*took = now_ms;
	close(holder);
	assert_int_equal(unlinkat(state.dir, "lock", 0), 0);
	state_close(&state);
	assert_int_equal(rmdir(path), 0);
	return rc;
}

static void
refuses(int64_t turn, const char *why, int64_t after)
{
	int64_t took;
	struct err e;

	assert_int_equal(wait_for(turn, 0, &took, &e), -1);
	assert_int_equal(e.code, ERR_BUSY);
	if (!strstr(e.msg, why))
		fail_msg("\"%s\" does not say \"%s\"", e.msg, why);
	assert_in_range(took, after, after + 100);
}

static void
one_holds_it(void **state)
{
	(void)state;
	refuses(0, "busy: process 1000 has held the lock", 10000);
}

static void
others_hold_it_in_turn(void **state)
{
	(void)state;
	refuses(7000, "in turn for more than 60 s, process 1008 last; nothing was changed", 60000);
}

static void
others_come_to_an_end(void **state)
{
	int64_t took;
	struct err e;

	(void)state;
	assert_int_equal(wait_for(7000, 55000, &took, &e), 0);
	assert_int_equal(took, 55000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_holds_it),
		cmocka_unit_test(others_hold_it_in_turn),
		cmocka_unit_test(others_come_to_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
