/* SPDX-License-Identifier: Apache-2.0 */
#include "main/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Sanitizers' runtimes trace, fork and open what they like: under them no system call is denied. */
#if defined(__SANITIZE_ADDRESS__)
#define UNDER_SANITIZER true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_SANITIZER true
#endif
#endif
#ifndef UNDER_SANITIZER
#define UNDER_SANITIZER false
#endif

/* Newer than Debian 12's headers; the kernel's ABI number says which it knows. */
#define ACCESS_REFER (1ull << 13) /* ABI 2 */
#define ACCESS_TRUNCATE (1ull << 14) /* ABI 3 */
#define ACCESS_IOCTL_DEV (1ull << 15) /* ABI 5 */
#define ACCESS_NET_TCP 3ull /* bind and connect; ABI 4 */
#define SCOPE_ALL 3ull /* abstract unix sockets, signals; ABI 6 */

struct ruleset_attr {
	uint64_t fs, net, scoped;
};

#define ACCESS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ACCESS_STATE \
	(ACCESS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
		LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | \
		LANDLOCK_ACCESS_FS_MAKE_REG | ACCESS_TRUNCATE | ACCESS_REFER)

/* Calls of any C program with libuv's loop, threads and clocks, on descriptors that it has. */
static const int calls_common[] = { SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv),
	SCMP_SYS(writev), SCMP_SYS(pread64), SCMP_SYS(preadv), SCMP_SYS(lseek), SCMP_SYS(close),
	SCMP_SYS(close_range), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(statx),
	SCMP_SYS(fstatfs), SCMP_SYS(fcntl), SCMP_SYS(ioctl), SCMP_SYS(dup), SCMP_SYS(dup3),
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(pselect6),
	SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2), SCMP_SYS(eventfd2), SCMP_SYS(pipe2), SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime), SCMP_SYS(timerfd_gettime), SCMP_SYS(signalfd4),
	SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(recvmmsg), SCMP_SYS(sendto),
	SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg), SCMP_SYS(shutdown), SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(mmap),
	SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(mprotect), SCMP_SYS(madvise), SCMP_SYS(brk),
	SCMP_SYS(mlock), SCMP_SYS(mlock2), SCMP_SYS(munlock), SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(time),
	SCMP_SYS(nanosleep), SCMP_SYS(getrandom), SCMP_SYS(getpid), SCMP_SYS(gettid),
	SCMP_SYS(getppid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid),
	SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(getrusage), SCMP_SYS(getcpu),
	SCMP_SYS(prlimit64), SCMP_SYS(getrlimit), SCMP_SYS(prctl), SCMP_SYS(capget),
	SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(futex), SCMP_SYS(clone),
	SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(membarrier), SCMP_SYS(set_tid_address),
	SCMP_SYS(arch_prctl), SCMP_SYS(tgkill), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall), SCMP_SYS(exit),
	SCMP_SYS(exit_group), SCMP_SYS(umask) };

/* The core keeps files in its state directory and serves its socket. */
static const int calls_core[] = { SCMP_SYS(openat), SCMP_SYS(open), SCMP_SYS(readlink),
	SCMP_SYS(readlinkat), SCMP_SYS(getdents64), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
	SCMP_SYS(access), SCMP_SYS(pwrite64), SCMP_SYS(pwritev), SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate), SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(sync_file_range),
	SCMP_SYS(flock), SCMP_SYS(mkdirat), SCMP_SYS(unlinkat), SCMP_SYS(renameat),
	SCMP_SYS(renameat2), SCMP_SYS(fchmod), SCMP_SYS(utimensat), SCMP_SYS(fadvise64),
	SCMP_SYS(sendfile), SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(listen) };

/*
 * observe reads the daemons' configuration, in directories that it is given, and watches it. Which
 * way openat2 opens lies in memory, where no filter sees it: that nothing is opened for writing is
 * Landlock's part, and without Landlock observe does without openat2.
 */
static const int calls_observe[] = { SCMP_SYS(getdents64), SCMP_SYS(readlinkat),
	SCMP_SYS(inotify_init1), SCMP_SYS(inotify_add_watch), SCMP_SYS(inotify_rm_watch) };

/* What observe does with its programs once they are loaded: read, count, be asked about losses. */
static const unsigned bpf_commands[] = { BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM,
	BPF_MAP_DELETE_ELEM, BPF_MAP_GET_NEXT_KEY, BPF_MAP_LOOKUP_BATCH, BPF_PROG_TEST_RUN,
	BPF_OBJ_GET_INFO_BY_FD };

static int allow_bpf(scmp_filter_ctx filter)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(bpf_commands) && r == 0; i++) {
		const struct scmp_arg_cmp command = {
			.arg = 0, .op = SCMP_CMP_EQ, .datum_a = bpf_commands[i]
		};

		r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(bpf), 1, &command);
	}
	return r;
}

static int allow(scmp_filter_ctx filter, const int *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);

		/* A call that this architecture does not have needs no rule. */
		if (r < 0 && r != -EDOM && r != -EINVAL)
			return r;
	}
	return 0;
}

static int deny_system_calls(bool core, bool landlock)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r;

	if (!filter)
		return -ENOMEM;
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	r = allow(filter, calls_common, ARRAY_LEN(calls_common));
	/* glibc falls back to clone() on ENOSYS only; clone3's flags lie in memory, unfilterable.
	 */
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (r == 0 && core)
		r = allow(filter, calls_core, ARRAY_LEN(calls_core));
	if (r == 0 && !core)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
			SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
	if (r == 0 && !core)
		r = allow(filter, calls_observe, ARRAY_LEN(calls_observe));
	if (r == 0 && !core && landlock)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat2), 0);
	if (r == 0 && !core)
		r = allow_bpf(filter);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

static int add_path(int ruleset, int fd, uint64_t access)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access, .parent_fd = fd };

	return (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

/* The rights that an ABI knows; asking for others is refused as a whole. */
static void rights_of_abi(long abi, struct ruleset_attr *ret, size_t *ret_size)
{
	*ret = (struct ruleset_attr){ .fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1 };
	*ret_size = sizeof(ret->fs);
	if (abi >= 2)
		ret->fs |= ACCESS_REFER;
	if (abi >= 3)
		ret->fs |= ACCESS_TRUNCATE;
	if (abi >= 4) {
		ret->net = ACCESS_NET_TCP;
		*ret_size += sizeof(ret->net);
	}
	if (abi >= 5)
		ret->fs |= ACCESS_IOCTL_DEV;
	if (abi >= 6) {
		ret->scoped = SCOPE_ALL;
		*ret_size += sizeof(ret->scoped);
	}
}

/*
 * Paths: none, but state_fd to read and write, and readable (a path) to read. readable NULL: any
 * may be read, also in other mount namespaces, which no rule could name. -ENOSYS: no Landlock.
 */
static int deny_paths(int state_fd, const char *readable)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset_attr attr;
	int ruleset, fd, r = 0;
	size_t size;

	if (abi < 1)
		return -ENOSYS;
	rights_of_abi(abi, &attr, &size);
	if (!readable)
		attr.fs &= ~(uint64_t)ACCESS_READ;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (ruleset < 0)
		return -errno;
	if (state_fd >= 0)
		r = add_path(ruleset, state_fd, ACCESS_STATE & attr.fs);
	fd = readable ? open(readable, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	if (r == 0 && fd >= 0)
		r = add_path(ruleset, fd, ACCESS_READ);
	if (fd >= 0)
		close(fd);
	if (r == 0)
		r = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
	if (r < 0)
		r = -errno;
	close(ruleset);
	return r;
}

static int apply(bool core, int state_fd, const char *readable, struct diag *reterr)
{
	const char *missing = NULL;
	int r;

	(void)diag_set(reterr, 0, "%s", "");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return diag_set(reterr, -errno, "PR_SET_NO_NEW_PRIVS: %s", strerror(errno));
	if (UNDER_SANITIZER) {
		(void)diag_set(reterr, 0, "built with a sanitizer: no sandbox");
		return 0;
	}
	r = deny_paths(state_fd, readable);
	if (r < 0 && r != -ENOSYS)
		return diag_set(reterr, r, "Landlock: %s", strerror(-r));
	if (r < 0)
		missing = "Landlock";
	r = deny_system_calls(core, !missing);
	if (r == -EINVAL || r == -ECANCELED)
		missing = missing ? "Landlock, seccomp" : "seccomp";
	else if (r < 0)
		return diag_set(reterr, r, "seccomp: %s", strerror(-r));
	if (missing)
		(void)diag_set(reterr, 0, "this kernel has no %s", missing);
	return 0;
}

int sandbox_observe(struct diag *reterr)
{
	return apply(false, -1, NULL, reterr);
}

int sandbox_core(int state_fd, struct diag *reterr)
{
	/* /proc for the login uid of a client. */
	return apply(true, state_fd, "/proc", reterr);
}
