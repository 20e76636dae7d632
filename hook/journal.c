/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The journal's file, DIR/window-COOKIE.json, one for each network namespace (COOKIE is its
 * SO_NETNS_COOKIE in decimal):
 *
 *	geopause-journal VERSION LENGTH CHECKSUM\n
 *	JSON\n
 *
 * VERSION is JOURNAL_VERSION, LENGTH the number of bytes after the first line, CHECKSUM their
 * 64-bit FNV-1a in 16 lower-case hexadecimal digits. A file is valid if and only if it is a regular
 * file of root's or ours that nobody else can write, its first line has this form and this VERSION,
 * exactly LENGTH bytes follow, the checksum is right and the JSON is a journal. Anything else is
 * put aside, never deleted, and the live firewall is swept for our marks instead.
 *
 * It is replaced by rename, so that a reader or a dying writer sees the old or the new one. Without
 * `durable` nothing is synced: what the kernel holds dies with the same boot as an unsynced page.
 */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "checksum.h"
#include "files.h"

#define MAGIC "geopause-journal"
#define HEADER_MAX 80
#define ASIDE_TRIES 100
#define TMP_NAME_MAX (JOURNAL_NAME_MAX + 8)

const char *
journal_name(char *buf, uint64_t netns)
{
	snprintf(buf, JOURNAL_NAME_MAX, "window-%" PRIu64 ".json", netns);
	return buf;
}

bool
journal_name_parse(const char *name, uint64_t *netns)
{
	char again[JOURNAL_NAME_MAX];
	return sscanf(name, "window-%" SCNu64 ".json", netns) == 1 &&
	       !strcmp(name, journal_name(again, *netns));
}

struct lift *
lifts_add(struct lifts *lifts)
{
	struct lift *v = reallocarray(lifts->v, lifts->n + 1, sizeof(*v));
	if (!v)
		return NULL;
	lifts->v = v;
	v[lifts->n] = (struct lift){ 0 };
	return &v[lifts->n++];
}

static void
lift_fini(struct lift *lift)
{
	free(lift->backend);
	names_fini(&lift->targets);
	names_fini(&lift->tables);
	json_decref(lift->documents);
	json_decref(lift->record);
}

void
lifts_drop(struct lifts *lifts, size_t i)
{
	lift_fini(&lifts->v[i]);
	lifts->n--;
	memmove(&lifts->v[i], &lifts->v[i + 1], (lifts->n - i) * sizeof(*lifts->v));
}

struct ports
lifts_ports(const struct lifts *lifts)
{
	struct ports ports = { 0 };
	for (size_t i = 0; i < lifts->n; i++)
		ports_add(&ports, &lifts->v[i].ports);
	return ports;
}

bool
lifts_named_before(const struct lifts *lifts, size_t n, const char *target)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < lifts->v[i].targets.n; k++)
			if (!strcmp(lifts->v[i].targets.v[k], target))
				return true;
	return false;
}

/* An equal one, or a new one without ports; NULL when memory is gone. */
static struct wish *
find_or_add(struct wishes *wishes, json_t *policy, bool discovered)
{
	for (size_t i = 0; i < wishes->n; i++) {
		struct wish *wish = &wishes->v[i];
		if (wish->discovered == discovered &&
		    (discovered || json_equal(wish->policy, policy)))
			return wish;
	}
	struct wish *v = reallocarray(wishes->v, wishes->n + 1, sizeof(*v));
	if (!v)
		return NULL;
	wishes->v = v;
	v[wishes->n] = (struct wish){ .policy = json_incref(policy), .discovered = discovered };
	return &v[wishes->n++];
}

int
wishes_add(struct wishes *wishes, json_t *policy, bool discovered, const struct ports *ports)
{
	struct wish *wish = find_or_add(wishes, policy, discovered);
	if (!wish)
		return -1;
	ports_add(&wish->ports, ports);
	return 0;
}

int
wishes_begin(struct wishes *wishes, json_t *policy, bool discovered, const struct ports *ports)
{
	struct wish *wish = find_or_add(wishes, policy, discovered);
	if (!wish)
		return -1;
	const struct ports more = ports_minus(ports, &wish->ports);
	ports_add(&wish->begun, &more);
	ports_add(&wish->ports, &more);
	return 0;
}

bool
wishes_are_begun(const struct wishes *wishes)
{
	for (size_t i = 0; i < wishes->n; i++)
		if (wishes->v[i].begun.n)
			return true;
	return false;
}

void
wishes_settle(struct wishes *wishes, bool done)
{
	size_t kept = 0;
	for (size_t i = 0; i < wishes->n; i++) {
		struct wish wish = wishes->v[i];
		if (!done)
			wish.ports = ports_minus(&wish.ports, &wish.begun);
		wish.begun = (struct ports){ 0 };
		if (wish.ports.n)
			wishes->v[kept++] = wish;
		else
			json_decref(wish.policy);
	}
	wishes->n = kept;
}

int
wishes_copy(struct wishes *copy, const struct wishes *wishes)
{
	*copy = (struct wishes){ 0 };
	if (wishes->n && !(copy->v = calloc(wishes->n, sizeof(*copy->v))))
		return -1;
	for (; copy->n < wishes->n; copy->n++) {
		copy->v[copy->n] = wishes->v[copy->n];
		json_incref(copy->v[copy->n].policy);
	}
	return 0;
}

void
wishes_fini(struct wishes *wishes)
{
	for (size_t i = 0; i < wishes->n; i++)
		json_decref(wishes->v[i].policy);
	free(wishes->v);
	*wishes = (struct wishes){ 0 };
}

void
journal_fini(struct journal *journal)
{
	wishes_fini(&journal->wishes);
	for (size_t i = 0; i < journal->lifts.n; i++)
		lift_fini(&journal->lifts.v[i]);
	free(journal->lifts.v);
	names_fini(&journal->spared);
	leases_fini(&journal->leases);
	*journal = (struct journal){ 0 };
}

static enum journal_read
unreadable(struct err *e, int sys, const char *name)
{
	err_sys(e, ERR_FAILED, sys, "reading the journal %s", name);
	return JOURNAL_UNREADABLE;
}

static enum journal_read
bad(struct err *e, const char *why)
{
	err_set(e, ERR_FAILED, "%s", why);
	return JOURNAL_BAD;
}

/* The whole file with a terminator; what is wrong with the file itself is JOURNAL_BAD. */
static enum journal_read
read_file(int fd, const char *name, char **text, size_t *len, struct err *e)
{
	struct stat st;
	if (fstat(fd, &st))
		return unreadable(e, errno, name);
	if (!S_ISREG(st.st_mode))
		return bad(e, "it is not a regular file");
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 022))
		return bad(e, "it belongs to somebody else or others can write it");
	if (st.st_size > (off_t)JOURNAL_FILE_MAX)
		return bad(e, "it is too long");
	size_t size = (size_t)st.st_size;
	*len = 0;
	if (!(*text = malloc(size + 1)))
		return unreadable(e, ENOMEM, name);
	while (*len < size) {
		ssize_t got = read(fd, *text + *len, size - *len);
		if (got < 0 && errno != EINTR)
			return unreadable(e, errno, name);
		if (got == 0)
			break;
		*len += got > 0 ? (size_t)got : 0;
	}
	(*text)[*len] = '\0';
	return JOURNAL_GOOD;
}

enum journal_read
journal_decode(struct journal *journal, const char *text, size_t len, struct err *e)
{
	char expected[HEADER_MAX];
	const char *end = memchr(text, '\n', len < HEADER_MAX ? len : HEADER_MAX);
	if (!end)
		return bad(e, "it is truncated or no journal");
	size_t header = (size_t)(end - text) + 1;
	/* Byte for byte what journal_write would have put there: nothing to parse. */
	snprintf(expected, sizeof(expected), MAGIC " %d %zu %016" PRIx64 "\n", JOURNAL_VERSION,
		 len - header, checksum(text + header, len - header));
	if (strlen(expected) != header || memcmp(text, expected, header) != 0)
		return bad(e, "its first line does not fit the rest (truncated, changed, or of "
			      "another version)");
	json_t *json = json_loadb(text + header, len - header, JSON_REJECT_DUPLICATES, NULL);
	if (!json)
		return bad(e, "it is not JSON");
	int failed = journal_parse(journal, json, e);
	json_decref(json);
	if (failed)
		journal_fini(journal);
	return failed ? JOURNAL_BAD : JOURNAL_GOOD;
}

enum journal_read
journal_read(int dir, const char *name, struct journal *journal, struct err *e)
{
	char *text = NULL;
	size_t len;
	*journal = (struct journal){ 0 };
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		if (errno == ENOENT)
			return JOURNAL_NONE;
		return errno == ELOOP ? bad(e, "it is a symbolic link")
				      : unreadable(e, errno, name);
	}
	enum journal_read result = read_file(fd, name, &text, &len, e);
	close(fd);
	if (result == JOURNAL_GOOD)
		result = journal_decode(journal, text, len, e);
	free(text);
	return result;
}

bool
journal_is_newer(int dir, const char *name)
{
	char text[HEADER_MAX] = "";
	int version = 0;
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return false;
	ssize_t len = read(fd, text, sizeof(text) - 1);
	close(fd);
	return len > 0 && sscanf(text, MAGIC " %d", &version) == 1 && version > JOURNAL_VERSION;
}

static void
tmp_name(char tmp[TMP_NAME_MAX], const char *name)
{
	snprintf(tmp, TMP_NAME_MAX, "%s.tmp", name);
}

static int
write_file(int dir, const char *tmp, const char *text, bool durable)
{
	char header[HEADER_MAX];
	size_t len = strlen(text);
	snprintf(header, sizeof(header), MAGIC " %d %zu %016" PRIx64 "\n", JOURNAL_VERSION, len,
		 checksum(text, len));
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dir, tmp, flags, 0600);
	/* A writer that was killed may have left one; we hold the lock. */
	if (fd < 0 && errno == EEXIST && !unlinkat(dir, tmp, 0))
		fd = openat(dir, tmp, flags, 0600);
	if (fd < 0)
		return -1;
	int failed = files_write(fd, header, strlen(header)) || files_write(fd, text, len) ||
		     (durable && fsync(fd));
	int sys = errno;
	if (close(fd) && !failed) {
		failed = 1;
		sys = errno;
	}
	errno = sys;
	return failed ? -1 : 0;
}

int
journal_write(int dir, const char *name, const struct journal *journal, bool durable, struct err *e)
{
	char tmp[TMP_NAME_MAX];
	tmp_name(tmp, name);
	json_t *json = journal_json(journal);
	char *text = json ? json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	json_decref(json);
	if (!text)
		return err_set(e, ERR_FAILED, "writing the journal %s: out of memory", name);
	if (strlen(text) > JOURNAL_FILE_MAX - HEADER_MAX) {
		free(text);
		return err_set(e, ERR_FAILED, "the journal %s would be too long", name);
	}
	int failed = write_file(dir, tmp, text, durable) || renameat(dir, tmp, dir, name) ||
		     (durable && fsync(dir));
	int sys = errno;
	free(text);
	if (!failed)
		return 0;
	(void)unlinkat(dir, tmp, 0);
	return err_sys(e, ERR_FAILED, sys, "writing the journal %s", name);
}

int
journal_remove(int dir, const char *name, struct err *e)
{
	char tmp[TMP_NAME_MAX];
	int sys = unlinkat(dir, name, 0) ? errno : 0;
	/* A read-only file system says so also of what is not there. */
	if (sys && sys != ENOENT &&
	    (!faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) || errno != ENOENT))
		return err_sys(e, ERR_FAILED, sys, "removing the journal %s", name);
	/* What a writer that was killed has left; it does no harm. */
	tmp_name(tmp, name);
	(void)unlinkat(dir, tmp, 0);
	return 0;
}

int
journal_put_aside(int dir, const char *name, char *aside, struct err *e)
{
	long long now = (long long)time(NULL);
	struct stat st;
	for (int i = 0; i < ASIDE_TRIES; i++) {
		char suffix[8] = "";
		if (i)
			snprintf(suffix, sizeof(suffix), "-%d", i);
		snprintf(aside, JOURNAL_NAME_MAX, "%.34s.bad-%lld%s", name, now, suffix);
		if (!fstatat(dir, aside, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		if (!renameat(dir, name, dir, aside))
			return 0;
		return err_sys(e, ERR_FAILED, errno, "putting the journal %s aside", name);
	}
	return err_set(e, ERR_FAILED, "putting the journal %s aside: too many are there", name);
}
