/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which descriptors are left: in a child, so that the test keeps its own. */
#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "module.h"
#include "unit.h"

#define HIGHEST 900

static bool unknown; /* the kernel has no close_range */
static unsigned asked;
static const int *modules;
static size_t n_modules;

/* Instead of libc's. */
int
close_range(unsigned first, unsigned last, int flags)
{
	asked++;
	if (!unknown)
		return (int)syscall(SYS_close_range, first, last, flags);
	errno = ENOSYS;
	return -1;
}

/* Instead of module.c's. */
size_t
module_descriptors(const int **fds)
{
	*fds = modules;
	return n_modules;
}

static bool
is_one_of(int fd, const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fds[i] == fd)
			return true;
	return false;
}

/* 0: exactly 0 to 2, the modules' and these are left. */
static int
left_over(const int *kept, size_t n)
{
	/* Who had them open may have got a lower limit since. */
	const struct rlimit low = { HIGHEST / 2, HIGHEST / 2 };
	for (int fd = 3; fd <= HIGHEST; fd += fd < 20 ? 1 : 40)
		if (dup2(STDERR_FILENO, fd) != fd)
			return 2;
	if (dup2(STDERR_FILENO, HIGHEST) != HIGHEST || setrlimit(RLIMIT_NOFILE, &low))
		return 2;
	descriptors_close_but(kept, n);
	for (int fd = 0; fd <= HIGHEST; fd++) {
		bool wanted = fd < 3 || is_one_of(fd, kept, n) || is_one_of(fd, modules, n_modules);
		if ((fcntl(fd, F_GETFD) >= 0) != wanted)
			return 1;
	}
	return asked ? 0 : 3;
}

static void
expect_left(const int *kept, size_t n)
{
	for (int i = 0; i < 2; i++) {
		int status;
		unknown = i == 1;
		pid_t pid = fork();
		if (pid == 0)
			_exit(left_over(kept, n));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

static void
test_none(void **unused)
{
	(void)unused;
	expect_left(NULL, 0);
}

static void
test_some(void **unused)
{
	static const int kept[] = { HIGHEST, 7, -1, 3, 8 };
	(void)unused;
	expect_left(kept, sizeof(kept) / sizeof(*kept));
}

static void
test_modules(void **unused)
{
	static const int kept[] = { 5, 19, 12 }, loaded[] = { 14, 4, 6 };
	(void)unused;
	modules = loaded;
	n_modules = sizeof(loaded) / sizeof(*loaded);
	expect_left(kept, sizeof(kept) / sizeof(*kept));
	expect_left(NULL, 0);
	modules = NULL;
	n_modules = 0;
}

/* One of the standard ones is kept anyway. */
static void
test_standard(void **unused)
{
	static const int kept[] = { 0, 2, 3 };
	(void)unused;
	expect_left(kept, sizeof(kept) / sizeof(*kept));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_some),
		cmocka_unit_test(test_modules),
		cmocka_unit_test(test_standard),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
