/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nft_text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "nf.h"

#define NFT_TIMEOUT_MS 20000
#define NFT_OUTPUT_MAX (8u << 20) /* bytes */
#define GROUP_MAX 60              /* characters of a { ... } that are shown */

static const char *
find_nft(void)
{
	static const char *const places[] = { "/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft",
					      "/usr/local/sbin/nft" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (access(places[i], X_OK) == 0)
			return places[i];
	}
	return NULL;
}

static int
spawn_nft(const char *nft, const struct chain *chain, int out, pid_t *pid)
{
	char *environment[] = { (char[]){ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" },
				(char[]){ "LC_ALL=C" }, NULL };
	char *family = strdup(family_name(chain->table->family));
	char *argv[] = { (char[]){ "nft" },
			 (char[]){ "-a" },
			 (char[]){ "list" },
			 (char[]){ "chain" },
			 family,
			 chain->table->name,
			 chain->name,
			 NULL };
	posix_spawn_file_actions_t actions;
	int rc = -1;

	if (family && posix_spawn_file_actions_init(&actions) == 0) {
		posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
		posix_spawn_file_actions_adddup2(&actions, out, 1);
		posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
		rc = posix_spawn(pid, nft, &actions, NULL, argv, environment);
		posix_spawn_file_actions_destroy(&actions);
	}
	free(family);
	return rc == 0 ? 0 : -1;
}

static long
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* All that comes out of fd, as a string; NULL when it is too much, too slow or memory is gone. */
static char *
read_all(int fd)
{
	long deadline = now_ms() + NFT_TIMEOUT_MS;
	size_t len = 0, size = 65536;
	char *text = malloc(size), *grown;

	while (text) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		long left = deadline - now_ms();
		ssize_t n;

		if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR))
			break;
		n = read(fd, text + len, size - len - 1);
		if (n == 0) {
			text[len] = '\0';
			return text;
		}
		if (n < 0 && errno != EINTR)
			break;
		len += n > 0 ? (size_t)n : 0;
		if (len + 1 < size)
			continue;
		grown = size < NFT_OUTPUT_MAX ? realloc(text, size * 2) : NULL;
		if (!grown)
			break;
		text = grown;
		size *= 2;
	}
	free(text);
	return NULL;
}

static char *
list_chain(const struct chain *chain)
{
	const char *nft = find_nft();
	char *text = NULL;
	int fds[2], status;
	pid_t pid;

	if (!nft || pipe2(fds, O_CLOEXEC) < 0)
		return NULL;
	if (spawn_nft(nft, chain, fds[1], &pid) == 0) {
		close(fds[1]);
		fds[1] = -1;
		text = read_all(fds[0]);
		if (!text)
			kill(pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (text && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
			free(text);
			text = NULL;
		}
	}
	close(fds[0]);
	if (fds[1] >= 0)
		close(fds[1]);
	return text;
}

/* The rule's line without indentation and handle, malloced. */
static char *
find_line(const char *listing, uint64_t handle)
{
	char tail[64];
	size_t len;

	snprintf(tail, sizeof(tail), " # handle %llu", (unsigned long long)handle);
	len = strlen(tail);
	for (const char *line = listing; line; line = strchr(line, '\n')) {
		const char *end;

		line += strspn(line, "\n\t ");
		end = strchrnul(line, '\n');
		/* A chain's own first line ends in a handle too, behind its brace. */
		if ((size_t)(end - line) > len && memcmp(end - len, tail, len) == 0 &&
		    end[-(ptrdiff_t)len - 1] != '{')
			return strndup(line, (size_t)(end - line) - len);
	}
	return NULL;
}

/* "{ 1.0.1.0/24, 1.0.2.0/23, ... }": long anonymous sets are cut, in place. */
static void
cut_groups(char *line)
{
	char *out = line;

	for (const char *at = line; *at;) {
		const char *end = *at == '{' ? strchr(at, '}') : NULL;

		if (!end || end - at <= GROUP_MAX + 8) {
			*out++ = *at++;
			continue;
		}
		memmove(out, at, GROUP_MAX);
		out += GROUP_MAX;
		memcpy(out, " ... }", 6);
		out += 6;
		at = end + 1;
	}
	*out = '\0';
}

/* Names and comments may hold any byte; only ASCII leaves the program. */
static void
ascii_only(char *line)
{
	for (char *c = line; *c; c++) {
		if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
			*c = '?';
	}
}

static const char *
operand_end(const char *at)
{
	if (strncmp(at, "!= ", 3) == 0)
		at += 3;
	if (strncmp(at, "vmap ", 5) == 0)
		at += 5;
	if (*at == '{')
		return strchr(at, '}') ? strchr(at, '}') + 1 : NULL;
	return strchrnul(at, ' ');
}

/* Where the concatenation begins that `at` is part of: fields before it have two words. */
static const char *
concat_begin(const char *line, const char *at)
{
	while (at - line > 3 && strncmp(at - 3, " . ", 3) == 0) {
		at -= 3;
		for (int words = 0; words < 2 && at > line; words++) {
			while (at > line && at[-1] == ' ')
				at--;
			while (at > line && at[-1] != ' ')
				at--;
		}
	}
	return at;
}

/* Behind the other fields of the concatenation, at what it is compared with. */
static const char *
concat_end(const char *at)
{
	while (strncmp(at, ". ", 2) == 0) {
		at += 2;
		while (*at && !strchr("@{!.", *at) && strncmp(at, "vmap ", 5) != 0) {
			at += strcspn(at, " ");
			at += strspn(at, " ");
		}
	}
	return at;
}

/* The line without its test of the source (or mark), with `verdict` at its place; malloced. */
static char *
without_test(const char *line, const char *verdict)
{
	static const char *const tests[] = { "ip6 saddr ", "ip saddr ", "meta mark ", "ct mark " };

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		const char *at = strstr(line, tests[i]), *end;
		char *text;

		end = at ? operand_end(concat_end(at + strlen(tests[i]))) : NULL;
		if (!end)
			continue;
		at = concat_begin(line, at);
		end += strspn(end, " ");
		if (asprintf(&text, "%.*s%s%s", (int)(at - line), line, verdict, end) < 0)
			return NULL;
		return text;
	}
	return NULL;
}

static const char *
verdict_text(char *buf, size_t size, const struct branch *verdict)
{
	if (!verdict->chain)
		snprintf(buf, size, "accept ");
	else
		snprintf(buf, size, "%s %s ",
			 (int32_t)verdict->verdict == NFT_GOTO ? "goto" : "jump", verdict->chain);
	return buf;
}

static char *
after_text(const struct lift *lift, const struct lift_step *step, const char *line)
{
	char prefix[128], verdict[NAME_BUF] = "", *rest, *text = NULL;
	const char *family = "";
	bool skip = step->action == ACTION_SKIP;

	mark_text(prefix, sizeof(prefix), lift->request.txn, step->port, skip);
	if (!skip && suspect_one_family(&step->suspect))
		family = step->suspect.mark_families == FAMILY_IPV4 ? " meta protocol ip"
								    : " meta protocol ip6";
	if (step->suspect.criterion.decides)
		verdict_text(verdict, sizeof(verdict), &step->verdict);
	rest = skip ? strdup(line) : without_test(line, verdict);
	if (rest && asprintf(&text, "%s%s %s", prefix, family, rest) < 0)
		text = NULL;
	free(rest);
	for (size_t len = text ? strlen(text) : 0; len > 0 && text[len - 1] == ' '; len--)
		text[len - 1] = '\0';
	return text;
}

static void
set_text(const struct lift *lift, const struct lift_step *step, char **after)
{
	char ports[PORTS_TEXT_MAX], name[NAME_BUF];

	if (asprintf(after, "elements in @%s for %s, timeout %us", err_name(name, step->set->name),
		     ports_text(ports, &step->add), lift->request.expiry_s) < 0)
		*after = NULL;
}

void
nft_listing_fini(struct nft_listing *listing)
{
	free(listing->text);
	*listing = (struct nft_listing){ 0 };
}

void
nft_text_step(struct nft_listing *listing, const struct lift *lift, size_t i, char **before,
	      char **after)
{
	const struct lift_step *step = &lift->steps[i];
	char *line;

	*before = *after = NULL;
	if (step->action == ACTION_SET) {
		set_text(lift, step, after);
		return;
	}
	if (listing->chain != step->suspect.rule->chain) {
		nft_listing_fini(listing);
		listing->chain = step->suspect.rule->chain;
		listing->text = list_chain(listing->chain);
	}
	line = listing->text ? find_line(listing->text, step->suspect.rule->handle) : NULL;
	if (!line)
		return;
	ascii_only(line);
	cut_groups(line);
	*after = after_text(lift, step, line);
	*before = line;
}
