/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "start_scope.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <time.h>

/* As systemctl does for root: there need not be a message bus, and it may be restarted just now. */
#define PRIVATE_SOCKET "unix:path=/run/systemd/private"
#define SYSTEM_BUS "unix:path=/run/dbus/system_bus_socket"
#define STOP_TIMEOUT_US (30 * UINT64_C(1000000)) /* for the restore after SIGTERM */

_Static_assert(sizeof(pid_t) == sizeof(uint32_t), "PIDs are appended as an array of uint32");

#define CLEANUP(function) __attribute__((cleanup(function)))

/* broker: whether a message bus answers there, or systemd itself. Returns -errno. */
static int
connect_to(sd_bus **bus, const char *address, bool broker)
{
	int r = sd_bus_new(bus);
	if (r >= 0)
		r = sd_bus_set_address(*bus, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(*bus, broker);
	if (r >= 0)
		r = sd_bus_start(*bus);
	if (r < 0)
		*bus = sd_bus_unref(*bus);
	return r;
}

/* unix(7): who called listen, as a pid of our own namespace, 0 if it is in none of these. */
static int
check_listener(sd_bus *bus, struct err *e)
{
	struct ucred listener;
	socklen_t len = sizeof(listener);
	int fd = sd_bus_get_fd(bus);
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &listener, &len))
		return err_sys(e, ERR_FAILED, fd < 0 ? -fd : errno, "looking who systemd is");
	if (listener.pid != 1)
		return err_set(e, ERR_FAILED, "systemd counts processes in another pid namespace");
	return 0;
}

static int
connect_systemd(sd_bus **bus, struct err *e)
{
	int r = connect_to(bus, PRIVATE_SOCKET, false);
	if (r >= 0)
		return check_listener(*bus, e);
	if (connect_to(bus, SYSTEM_BUS, true) >= 0)
		return 0;
	return err_sys(e, ERR_FAILED, -r,
		       "connecting to systemd (/run/systemd/private, and the system bus)");
}

static uint64_t
monotonic_us(void)
{
	struct timespec ts = { 0 };
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* sd_bus_call would wait for the greeting first, for 90 seconds, whatever its timeout is. */
static int
await_greeting(sd_bus *bus, uint64_t deadline_us)
{
	int r;
	while ((r = sd_bus_is_ready(bus)) == 0) {
		uint64_t now = monotonic_us();
		if (now >= deadline_us)
			return -ETIMEDOUT;
		r = sd_bus_process(bus, NULL);
		if (r == 0)
			r = sd_bus_wait(bus, deadline_us - now);
		if (r < 0 && r != -EINTR)
			return r;
	}
	return r;
}

static int
append_pids(sd_bus_message *m, const pid_t *pids, size_t n)
{
	int r = sd_bus_message_open_container(m, 'r', "sv");
	if (r >= 0)
		r = sd_bus_message_append(m, "s", "PIDs");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', "au");
	if (r >= 0)
		r = sd_bus_message_append_array(m, 'u', pids, n * sizeof(*pids));
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r;
}

/*
 * org.freedesktop.systemd1(5), systemd.scope(5). By default a scope is stopped with SIGTERM to its
 * processes before shutdown.target; After= has this happen while the network is still there.
 */
static int
append_properties(sd_bus_message *m, const pid_t *pids, size_t n)
{
	static const struct {
		const char *name, *value;
	} texts[] = {
		{ "Description", "Watchdog that closes the window of geopause" },
		{ "Slice", "system.slice" },
		{ "CollectMode", "inactive-or-failed" },
	};
	int r = sd_bus_message_open_container(m, 'a', "(sv)");
	for (size_t i = 0; r >= 0 && i < sizeof(texts) / sizeof(texts[0]); i++)
		r = sd_bus_message_append(m, "(sv)", texts[i].name, "s", texts[i].value);
	if (r >= 0)
		r = sd_bus_message_append(m, "(sv)", "After", "as", 1, "network.target");
	if (r >= 0)
		r = sd_bus_message_append(m, "(sv)", "TimeoutStopUSec", "t", STOP_TIMEOUT_US);
	if (r >= 0)
		r = append_pids(m, pids, n);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r;
}

static int
new_request(sd_bus *bus, sd_bus_message **m, const char *unit, const pid_t *pids, size_t n)
{
	int r = sd_bus_message_new_method_call(
		bus, m, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
		"org.freedesktop.systemd1.Manager", "StartTransientUnit");
	if (r >= 0)
		r = sd_bus_message_append(*m, "ss", unit, "fail");
	if (r >= 0)
		r = append_properties(*m, pids, n);
	if (r >= 0)
		r = sd_bus_message_append(*m, "a(sa(sv))", 0);
	return r;
}

__attribute__((visibility("default"))) int
geopause_start_scope_1(const char *unit, const pid_t *pids, size_t n, unsigned timeout_ms,
		       struct err *e)
{
	uint64_t deadline_us = monotonic_us() + timeout_ms * UINT64_C(1000);
	CLEANUP(sd_bus_close_unrefp) sd_bus *bus = NULL;
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	char name[NAME_BUF], message[NAME_BUF];
	if (connect_systemd(&bus, e))
		return -1;
	int r = await_greeting(bus, deadline_us);
	if (r < 0)
		return err_sys(e, ERR_FAILED, -r, "waiting for systemd's greeting");
	r = new_request(bus, &m, unit, pids, n);
	if (r < 0)
		return err_sys(e, ERR_FAILED, -r, "writing the request to systemd");
	uint64_t now = monotonic_us();
	r = sd_bus_call(bus, m, now < deadline_us ? deadline_us - now : 1, &error, NULL);
	if (r >= 0)
		return 0;
	if (sd_bus_error_is_set(&error))
		return err_set(e, ERR_FAILED, "systemd answered %s: %s", err_name(name, error.name),
			       err_name(message, error.message));
	return err_sys(e, ERR_FAILED, -r, "asking systemd");
}
