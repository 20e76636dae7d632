/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A program for exec targets with as few system calls as can be, so that one can die or fail at
 * each of them. Its firewall is a directory: "4.PORT.TXN" and "6.PORT.TXN" are there while PORT is
 * lifted, so that a lift, too, may be half done.
 *
 *   box DIRECTORY OPERATION <REQUEST
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOT_DONE 1 /* exit statuses of geopause-exec(5) */
#define UNKNOWN 2
#define MARKS_MAX 16
#define PATH_SIZE 256

/* The files of one lift. */
struct marks {
	char v[MARKS_MAX][PATH_SIZE];
	size_t n;
};

static bool
read_request(char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;
	while ((n = read(STDIN_FILENO, text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	return n == 0 && len > 0;
}

/* geopause writes JSON without blanks. */
static bool
find_marks(struct marks *marks, const char *directory, const char *request)
{
	static const char port[] = "\"port\":", txn[] = "\"txn\":\"";
	const char *mark = strstr(request, txn);
	if (!mark)
		return false;
	mark += strlen(txn);
	for (const char *at = request; (at = strstr(at, port)); at++)
		for (int family = 4; family <= 6 && marks->n < MARKS_MAX; family += 2)
			snprintf(marks->v[marks->n++], PATH_SIZE, "%s/%d.%ld.%.12s", directory,
				 family, strtol(at + strlen(port), NULL, 10), mark);
	return marks->n > 0;
}

static int
answer(const char *text)
{
	return write(STDOUT_FILENO, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : UNKNOWN;
}

static int
apply(const struct marks *marks)
{
	for (size_t i = 0; i < marks->n; i++) {
		int fd = open(marks->v[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0)
			return UNKNOWN;
		close(fd);
	}
	return answer("{\"record\":\"applied\"}");
}

static int
inspect(const struct marks *marks)
{
	size_t there = 0;
	for (size_t i = 0; i < marks->n; i++)
		there += access(marks->v[i], F_OK) == 0;
	if (there > 0 && there < marks->n)
		return answer("{\"state\":\"drifted\"}");
	return answer(there ? "{\"state\":\"lifted\"}" : "{\"state\":\"not-lifted\"}");
}

static int
revert(const struct marks *marks)
{
	for (size_t i = 0; i < marks->n; i++)
		if (unlink(marks->v[i]) && access(marks->v[i], F_OK) == 0)
			return UNKNOWN;
	return 0;
}

int
main(int argc, char **argv)
{
	static char request[65536];
	static struct marks marks;
	if (argc != 3 || !read_request(request, sizeof(request)) ||
	    !find_marks(&marks, argv[1], request))
		return NOT_DONE;
	if (!strcmp(argv[2], "plan"))
		return answer("{\"steps\":[{\"where\":\"the box\",\"rule\":\"deny\"}],"
			      "\"record\":\"planned\"}");
	if (!strcmp(argv[2], "apply"))
		return apply(&marks);
	if (!strcmp(argv[2], "inspect"))
		return inspect(&marks);
	if (!strcmp(argv[2], "revert"))
		return revert(&marks);
	return strcmp(argv[2], "extend") ? NOT_DONE : 0;
}
