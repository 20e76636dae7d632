/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The policy's "alert": a program that is told when something failed. It must run with the rights
 * that geopause had (mail needs setgid programs), and geopause gives its own up; so a process is
 * forked for it beforehand, and waits. It costs nothing without "alert", and never makes a hook
 * wait: the program has ALERT_DEADLINE_S, its output goes nowhere.
 *
 * The program gets one JSON object on stdin ({"version": 1, "event", "status", "message", "host",
 * "time"}), and GEOPAUSE_EVENT, GEOPAUSE_STATUS, GEOPAUSE_MESSAGE beside PATH in an otherwise empty
 * environment; it is started in / without any other descriptor, one at a time for each alerter.
 * That it failed or was killed is told to the system log.
 *
 * The alerter is a child of the process that prepared it, in a session of its own. It ends when
 * nobody is left who could send, and no signal but SIGKILL ends it before: a service manager that
 * stops the hook must not stop the news of it. Under systemd it leaves the client's cgroup before
 * it starts a program.
 */
#ifndef GEOPAUSE_ALERT_H
#define GEOPAUSE_ALERT_H

#include <sys/types.h>

#include "err.h"
#include "policy.h"

#ifndef ALERT_DEADLINE_S /* its test does not wait for so long */
#define ALERT_DEADLINE_S 30u
#endif
#define ALERT_MESSAGE_MAX ERR_MESSAGE_MAX /* bytes; longer ones are cut */
#define ALERT_EVENT_MAX 64

/* Once a process, before privileges_reduce. Without "alert" in the policy nothing happens. */
int alert_prepare(const struct policy *policy, struct err *e);
/*
 * Never blocks: a message for which there is no room is lost. In a fork that lives on by itself
 * (the watchdog) the same alerter serves; it ends with the last.
 */
void alert_send(const char *event, int status, const char *message);
/* The alerter's pid, so that it can be moved out of the client's cgroup; 0 if there is none. */
pid_t alert_pid(void);
/* For whoever closes all descriptors but those that it needs; -1 if there is none. */
int alert_descriptor(void);

#endif
