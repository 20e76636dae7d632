/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fake's files, which fake.c describes. What cannot be read or written aborts. */
#ifndef FAKE_FILES_H
#define FAKE_FILES_H

#include <jansson.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#ifdef FAKE_LASTS
#define FAKE_SCRIPT "fake-exec.json"
#define FAKE_LIVE "live-exec.json"
#else
#define FAKE_SCRIPT "fake.json"
#define FAKE_LIVE "live.json"
#endif

/* Where they are. */
extern char fake_dir[PATH_MAX];

/* An object, empty if there is no such file; the caller's own. */
json_t *load(const char *name);
void store(const char *name, json_t *json);

/* Adds a line to calls.txt. */
void note_call(const char *line);

/* What fake.json says about this call of op, or what is usual; the process may die here. */
void behaviour(const char *op, const char *usual, char *buf, size_t size);

/* How a call of that behaviour ends: the process may die here. */
void finish(const char *how);

/* The lift txn in the firewall: value is taken; NULL removes it. A new generation. */
void change_live(const char *txn, json_t *value);

/* Returns a descriptor; its end unlocks. */
int lock_live(void);

/* CLOCK_BOOTTIME. */
int64_t now_s(void);

#endif
