/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "labtool.h"

enum { WAIT_MS = 5000, LOOK_AGAIN_MS = 2 };

/* Of the netns that this thread is in. */
static const char xfrm_stat[] = "/proc/thread-self/net/xfrm_stat";

/* Calls each for every counter. */
static void read_stat(
	void (*each)(const char *name, uint64_t value, void *userdata), void *userdata)
{
	FILE *f = fopen(xfrm_stat, "r");
	char name[64];
	uint64_t value;

	if (!f)
		lab_fail("%s", xfrm_stat);
	while (fscanf(f, "%63s %" SCNu64, name, &value) == 2)
		each(name, value, userdata);
	fclose(f);
}

static void print_moved(const char *name, uint64_t value, void *userdata)
{
	const char *netns = userdata;

	if (value != 0)
		printf("{\"netns\":\"%s\",\"counter\":\"%s\",\"kernel\":%" PRIu64 "}\n", netns,
			name, value);
}

int stat_main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		lab_enter(argv[i]);
		read_stat(print_moved, argv[i]);
	}
	return 0;
}

int at_main(int argc, char **argv)
{
	char path[64];
	int process, root;

	if (argc < 4)
		lab_die("at PID SECONDS COMMAND...");
	process = (int)syscall(SYS_pidfd_open, (pid_t)lab_number(argv[1], INT_MAX), 0);
	if (process < 0)
		lab_fail("process %s", argv[1]);
	/* A mount namespace is entered at its own root, the process may have another. */
	snprintf(path, sizeof(path), "/proc/%s/root", argv[1]);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		lab_fail("%s", path);
	if (setns(process, CLONE_NEWNS | CLONE_NEWNET) < 0 || fchdir(root) < 0 || chroot(".") < 0)
		lab_fail("enter the namespaces of process %s", argv[1]);
	alarm((unsigned)lab_number(argv[2], UINT16_MAX));
	execvp(argv[3], argv + 3);
	lab_fail("%s", argv[3]);
}

int in_main(int argc, char **argv)
{
	if (argc < 3)
		lab_die("in NETNS COMMAND...");
	lab_enter(argv[1]);
	execvp(argv[2], argv + 2);
	lab_fail("%s", argv[2]);
}

struct sought {
	const char *name;
	bool found;
	uint64_t value;
};

static void compare(const char *name, uint64_t value, void *userdata)
{
	struct sought *s = userdata;

	if (strcmp(name, s->name) == 0) {
		s->found = true;
		s->value = value;
	}
}

int wait_main(int argc, char **argv)
{
	long long end = lab_now_ms() + WAIT_MS;
	struct sought s = { 0 };
	uint64_t goal;
	int opt;

	while ((opt = getopt(argc, argv, "t:")) != -1) {
		if (opt != 't')
			return 2;
		end = lab_now_ms() + (long long)lab_number(optarg, 3600000);
	}
	argv += optind;
	if (argc - optind != 3)
		lab_die("wait NETNS COUNTER VALUE");
	s.name = argv[1];
	goal = lab_number(argv[2], UINT32_MAX);
	lab_enter(argv[0]);
	for (;;) {
		read_stat(compare, &s);
		if (!s.found)
			lab_die("the kernel has no counter %s", s.name);
		if (s.value >= goal)
			return 0;
		if (lab_now_ms() >= end)
			lab_die("%s of %s is %" PRIu64 ", not %" PRIu64, s.name, argv[0], s.value,
				goal);
		poll(NULL, 0, LOOK_AGAIN_MS);
	}
}

int sysctl_main(int argc, char **argv)
{
	char path[256];
	FILE *f;

	if (argc != 4)
		lab_die("sysctl NETNS KEY VALUE");
	lab_enter(argv[1]);
	snprintf(path, sizeof(path), "/proc/sys/net/%s", argv[2]);
	f = fopen(path, "w");
	if (!f || fputs(argv[3], f) < 0 || fclose(f) != 0)
		lab_fail("%s", path);
	return 0;
}

/* One request to the kernel's audit; on success ret_status, if given, is its answer to AUDIT_GET.
 */
static void audit_request(
	uint16_t type, const struct audit_status *status, struct audit_status *ret_status)
{
	struct {
		struct nlmsghdr head;
		struct audit_status status;
	} request = {
		.head = {
			.nlmsg_len = NLMSG_LENGTH(sizeof(*status)),
			.nlmsg_type = type,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		},
		.status = *status,
	};
	union {
		struct nlmsghdr head;
		struct {
			struct nlmsghdr head;
			struct nlmsgerr error;
		} ack;
		struct {
			struct nlmsghdr head;
			struct audit_status status;
		} got;
		char room[1024];
	} answer;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	bool acknowledged = false;

	if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0)
		lab_fail("audit");
	/* The acknowledgement may come before what was asked for. */
	while (!acknowledged || ret_status) {
		memset(&answer, 0, sizeof(answer));
		if (recv(fd, &answer, sizeof(answer), 0) < (ssize_t)sizeof(answer.ack))
			lab_fail("audit");
		if (answer.head.nlmsg_type == AUDIT_GET && ret_status) {
			*ret_status = answer.got.status;
			ret_status = NULL;
		} else if (answer.head.nlmsg_type == NLMSG_ERROR) {
			acknowledged = true;
			errno = -answer.ack.error.error;
			if (errno != 0)
				lab_fail("audit");
		}
	}
	close(fd);
}

int backlog_main(int argc, char **argv)
{
	struct audit_status status = { .mask = AUDIT_STATUS_BACKLOG_LIMIT };

	if (argc != 2)
		lab_die("backlog RECORDS");
	status.backlog_limit = (uint32_t)lab_number(argv[1], UINT32_MAX);
	audit_request(AUDIT_SET, &status, NULL);
	return 0;
}

int audited_main(int argc, char **argv)
{
	struct audit_status status = { 0 };

	(void)argc;
	(void)argv;
	audit_request(AUDIT_GET, &status, &status);
	return status.enabled ? 0 : 1;
}
