/* SPDX-License-Identifier: Apache-2.0 */
#include "source/service/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

/* linux/pidfd.h of 6.15; older headers lack it, and older kernels refuse the call or the bit. */
struct pidfd_info_15 {
	uint64_t mask, cgroupid;
	uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code;
};
#define GET_INFO _IOWR(0xff, 11, struct pidfd_info_15)
#define INFO_EXIT (1ull << 3)

bool status_of_pidfd(int pidfd, int *ret)
{
	struct pidfd_info_15 info = { .mask = INFO_EXIT };

	if (ioctl(pidfd, GET_INFO, &info) < 0 || !(info.mask & INFO_EXIT))
		return false;
	*ret = info.exit_code;
	return true;
}

PRINTF_LIKE(4, 5)
static void verdict(struct service *ret, uint8_t end, uint32_t signal, const char *format, ...)
{
	va_list args;

	ret->end = end;
	ret->signal = signal;
	va_start(args, format);
	(void)vsnprintf(ret->why, sizeof(ret->why), format, args);
	va_end(args);
}

static const char *signal_name(uint32_t signal)
{
	const char *name = sigabbrev_np((int)signal);

	return name ? name : "?";
}

void status_judge(const struct status_evidence *e, struct service *ret)
{
	bool spoke = e->words_end != SERVICE_RUNS, known = e->kept || e->heard;
	int status = e->kept ? e->status : e->heard_status;

	if (known && WIFSIGNALED(status))
		verdict(ret, SERVICE_FAILED, (uint32_t)WTERMSIG(status),
			"killed by signal %d (SIG%s)", WTERMSIG(status),
			signal_name((uint32_t)WTERMSIG(status)));
	else if (known && WEXITSTATUS(status) != 0)
		verdict(ret, SERVICE_FAILED, 0, "exit status %d%s%s", WEXITSTATUS(status),
			spoke ? "; it said: " : "", spoke ? e->words : "");
	else if (known)
		verdict(ret, SERVICE_STOPPED, 0, "exit status 0");
	else if (e->crash != 0)
		verdict(ret, SERVICE_FAILED, e->crash,
			"killed by signal %u (SIG%s), says an audit record", e->crash,
			signal_name(e->crash));
	else if (spoke)
		verdict(ret, e->words_end, 0, "it said: %s", e->words);
	else if (e->mark == STATUS_MARK_REMOVED)
		verdict(ret, SERVICE_STOPPED, 0, "it removed %s, as at a stop in order",
			e->mark_name);
	else if (e->mark == STATUS_MARK_LEFT)
		verdict(ret, SERVICE_FAILED, 0,
			"killed or crashed: it left %s behind, which it removes when it stops in "
			"order",
			e->mark_name);
	else
		verdict(ret, SERVICE_ENDED, 0,
			"cause unknown: the kernel neither keeps its exit status (Linux 6.15 does) "
			"nor let us hear it, and nothing else tells");
}
