/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Windows and lines of a history, made up. */
#ifndef GEOPAUSE_HISTORY_LINES_H
#define GEOPAUSE_HISTORY_LINES_H

#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "checksum.h"
#include "clocks.h"
#include "history.h"

#define A "aaaaaaaaaaaa"
#define B "bbbbbbbbbbbb"
#define C "cccccccccccc"

struct sample {
	struct journal journal;
	struct lease lease;
};

/* A window of these ports and targets, opened now; freed by sample_fini. */
static inline struct sample
sample(const char *window)
{
	static const struct ports ports = { .n = 2, .v = { { 6, 80 }, { 6, 443 } } };
	int64_t now = boottime_now();
	struct sample s = { .journal = { .opened_wall = wall_now(),
					 .opened = now,
					 .expiry = now + 600,
					 .deadline = now + 3600,
					 .id = { .boot = "b", .netns = 7 } },
			    .lease = { .kind = LEASE_OWNER,
				       .owner = { .pid = 123 },
				       .owner_name = "certbot",
				       .expires = now + 600 } };
	memcpy(s.journal.window, window, TXN_BUF);
	struct lift *lift = lifts_add(&s.journal.lifts);
	assert_non_null(lift);
	lift->ports = ports;
	lift->expires_itself = true;
	assert_int_equal(names_add(&lift->targets, "input"), 0);
	assert_int_equal(names_add(&lift->targets, "edge"), 0);
	assert_non_null(leases_add(&s.journal.leases, &s.lease));
	return s;
}

static inline void
sample_fini(struct sample *s)
{
	journal_fini(&s->journal);
}

struct text {
	char v[65536];
	size_t len;
};

static inline void line(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The JSON of an event, with its checksum before it. */
static inline void
line(struct text *t, const char *fmt, ...)
{
	char json[4096];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(json, sizeof(json), fmt, ap);
	va_end(ap);
	size_t left = sizeof(t->v) - t->len;
	int len = snprintf(t->v + t->len, left, "geopause-history 1 %016" PRIx64 " %s\n",
			   checksum(json, strlen(json)), json);
	assert_true(len > 0 && (size_t)len < left);
	t->len += (size_t)len;
}

static inline void
opened(struct text *t, const char *window, int64_t at, int64_t until)
{
	line(t,
	     "{\"event\":\"opened\",\"window\":\"%s\",\"netns\":\"1\",\"boot\":\"b\","
	     "\"opened_wall\":%" PRId64 ",\"wall\":%" PRId64 ",\"ports\":\"tcp 80\","
	     "\"targets\":\"input\",\"who\":\"x\",\"expiry_wall\":%" PRId64 ",\"expires\":true}",
	     window, at, at, until);
}

#endif
