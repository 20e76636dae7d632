/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(cap) (UINT64_C(1) << (cap))

static const struct {
	enum privileges_keep keep;
	unsigned cap;
} known[] = {
	{ KEEP_NET_ADMIN, CAP_NET_ADMIN },       { KEEP_KILL, CAP_KILL },
	{ KEEP_SYS_RESOURCE, CAP_SYS_RESOURCE }, { KEEP_SYS_ADMIN, CAP_SYS_ADMIN },
	{ KEEP_SYS_PTRACE, CAP_SYS_PTRACE },     { KEEP_DAC_READ_SEARCH, CAP_DAC_READ_SEARCH },
};
#define N_KNOWN (sizeof(known) / sizeof(*known))

/* capget(2) and capset(2): the first of data has the lower 32 capabilities. */
struct capabilities {
	uint64_t effective, permitted, inheritable;
};

/* pid 0: ours. */
static int
capabilities_get(struct capabilities *caps, pid_t pid)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3,
						   .pid = pid };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };
	if (syscall(SYS_capget, &header, data))
		return -1;
	*caps = (struct capabilities){
		.effective = data[0].effective | (uint64_t)data[1].effective << 32,
		.permitted = data[0].permitted | (uint64_t)data[1].permitted << 32,
		.inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32,
	};
	return 0;
}

static int
capabilities_set(const struct capabilities *caps)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{ .effective = (uint32_t)caps->effective,
		  .permitted = (uint32_t)caps->permitted,
		  .inheritable = (uint32_t)caps->inheritable },
		{ .effective = (uint32_t)(caps->effective >> 32),
		  .permitted = (uint32_t)(caps->permitted >> 32),
		  .inheritable = (uint32_t)(caps->inheritable >> 32) },
	};
	return (int)syscall(SYS_capset, &header, data);
}

static uint64_t
kept_capabilities(unsigned keep)
{
	uint64_t kept = 0;
	for (size_t i = 0; i < N_KNOWN; i++)
		if (keep & known[i].keep)
			kept |= BIT(known[i].cap);
	return kept;
}

int
privileges_reduce(unsigned keep, struct err *e)
{
	struct capabilities caps;
	uint64_t kept = kept_capabilities(keep);
	if (keep & KEEP_ALL)
		return 0;
	if (capabilities_get(&caps, 0))
		return err_sys(e, ERR_FAILED, errno, "reading the capabilities");
	caps.effective &= kept;
	caps.permitted &= kept;
	/* The ambient set follows: the kernel keeps it within this one. */
	caps.inheritable &= kept;
	if (capabilities_set(&caps))
		return err_sys(e, ERR_FAILED, errno, "giving up capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return err_sys(e, ERR_FAILED, errno, "setting no_new_privs");
	return 0;
}

bool
privileges_are_shared(pid_t pid)
{
	const uint64_t early = kept_capabilities(KEEP_KILL | KEEP_SYS_RESOURCE);
	struct capabilities ours, theirs;
	return !capabilities_get(&ours, 0) && !capabilities_get(&theirs, pid) &&
	       !(ours.effective & ~early & ~theirs.effective);
}

unsigned
privileges_effective(void)
{
	struct capabilities caps;
	unsigned effective = 0;
	if (capabilities_get(&caps, 0))
		return 0;
	for (size_t i = 0; i < N_KNOWN; i++)
		if (caps.effective & BIT(known[i].cap))
			effective |= known[i].keep;
	return effective;
}
