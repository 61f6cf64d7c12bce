/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/capability.h>

#include "main/observe/observe.h"

/*
 * The supervisor starts us with little; keep no more than these even when somebody else does. What
 * we don't have is not asked for: each source says what it misses.
 */
int privilege_drop(bool loading, struct diag *reterr)
{
	/* BPF stays for the maps, which old kernels grant to nobody without it. */
	static const cap_value_t kept[] = { CAP_NET_ADMIN, CAP_AUDIT_READ, CAP_BPF, CAP_PERFMON,
		CAP_SYSLOG };
	size_t n = ARRAY_LEN(kept) - (loading ? 0 : 2);
	cap_t now = cap_get_proc(), then = cap_init();
	int r = 0;

	if (!now || !then)
		r = -ENOMEM;
	for (size_t i = 0; i < n && !r; i++) {
		cap_flag_value_t has = CAP_CLEAR;

		if (cap_get_flag(now, kept[i], CAP_PERMITTED, &has) || has == CAP_CLEAR)
			continue;
		cap_set_flag(then, CAP_PERMITTED, 1, &kept[i], CAP_SET);
		cap_set_flag(then, CAP_EFFECTIVE, 1, &kept[i], CAP_SET);
	}
	if (!r && cap_set_proc(then))
		r = -errno;
	cap_free(now);
	cap_free(then);
	return r ? diag_set(reterr, r, "giving up capabilities: %s", strerror(-r)) : 0;
}
