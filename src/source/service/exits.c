/* SPDX-License-Identifier: Apache-2.0 */
#include "source/service/exits.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LATE_NS 200000000ull /* what a thread's end may be told behind the process' */
#define EVENT_AT (NLMSG_HDRLEN + sizeof(struct cn_msg))
#define EVENT(member) (offsetof(struct proc_event, member))
/* What is read of a thread's end, from EVENT_AT on. */
#define EVENT_SIZE (EVENT(event_data.exit.exit_code) + sizeof(uint32_t))

struct watched {
	uint32_t pid;
	bool known;
	int status;
	uint64_t until_ns; /* later reports are of another process with this number */
};

struct exits {
	int fd;
	struct inbox *inbox;
	bool listening;
	uint32_t n;
	struct watched v[EXITS_MAX];
};

static uint32_t word(struct span datagram, size_t at)
{
	uint32_t v;

	memcpy(&v, datagram.p + at, sizeof(v));
	return v;
}

bool exits_parse(struct span datagram, struct exit_report *ret)
{
	struct nlmsghdr head;
	struct cn_msg message;

	if (datagram.n < EVENT_AT + EVENT_SIZE)
		return false;
	memcpy(&head, datagram.p, sizeof(head));
	memcpy(&message, datagram.p + NLMSG_HDRLEN, sizeof(message));
	if (head.nlmsg_type != NLMSG_DONE || head.nlmsg_len > datagram.n ||
		head.nlmsg_len < EVENT_AT + EVENT_SIZE || message.id.idx != CN_IDX_PROC ||
		message.id.val != CN_VAL_PROC || message.len < EVENT_SIZE ||
		word(datagram, EVENT_AT + EVENT(what)) != (uint32_t)PROC_EVENT_EXIT)
		return false;
	ret->thread = word(datagram, EVENT_AT + EVENT(event_data.exit.process_pid));
	ret->process = word(datagram, EVENT_AT + EVENT(event_data.exit.process_tgid));
	memcpy(&ret->at_ns, datagram.p + EVENT_AT + EVENT(timestamp_ns), sizeof(ret->at_ns));
	ret->status = (int)word(datagram, EVENT_AT + EVENT(event_data.exit.exit_code));
	return true;
}

/* Where it is in e->v; e->n: nowhere. */
static uint32_t find(const struct exits *e, uint32_t pid)
{
	uint32_t i = 0;

	while (i < e->n && e->v[i].pid != pid)
		i++;
	return i;
}

/* Lets the ends of the watched processes' threads through, and drops all else unseen. */
static int filter(struct exits *e)
{
	struct sock_filter code[5 + EXITS_MAX + 1];
	struct sock_fprog program = { .filter = code };
	uint32_t n = 0;

	/* Words are loaded in the network's order. */
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, EVENT_AT + EVENT(what));
	code[n++] = (struct sock_filter)BPF_JUMP(
		BPF_JMP | BPF_JEQ | BPF_K, htonl((uint32_t)PROC_EVENT_EXIT), 1, 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	code[n++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, EVENT_AT + EVENT(event_data.exit.process_tgid));
	for (uint32_t i = 0; i < e->n; i++)
		code[n++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, htonl(e->v[i].pid), (uint8_t)(e->n - i), 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	program.len = (unsigned short)n;
	return setsockopt(e->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0
		       ? -errno
		       : 0;
}

/*
 * Joins or leaves the group, and tells the kernel that one more or one less listens: it makes the
 * messages only while somebody does. Before 6.6 it counts, so each change is told once.
 */
static int listen_to(struct exits *e, bool want)
{
	const uint32_t op = want ? PROC_CN_MCAST_LISTEN : PROC_CN_MCAST_IGNORE;
	uint8_t request[EVENT_AT + sizeof(op)];
	const struct nlmsghdr head = { .nlmsg_len = sizeof(request), .nlmsg_type = NLMSG_DONE };
	const struct cn_msg message = { .id = { .idx = CN_IDX_PROC, .val = CN_VAL_PROC },
		.len = sizeof(op) };
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	int group = CN_IDX_PROC;

	memcpy(request, &head, sizeof(head));
	memcpy(request + NLMSG_HDRLEN, &message, sizeof(message));
	memcpy(request + EVENT_AT, &op, sizeof(op));
	if (setsockopt(e->fd, SOL_NETLINK, want ? NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP,
		    &group, sizeof(group)) < 0 ||
		sendto(e->fd, request, sizeof(request), 0, (const struct sockaddr *)&kernel,
			sizeof(kernel)) < 0)
		return -errno;
	e->listening = want;
	return 0;
}

int exits_new(struct inbox *inbox, struct exits **ret)
{
	struct exits *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	e->inbox = inbox;
	e->fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
	r = e->fd < 0 ? -errno : filter(e);
	if (r < 0)
		exits_free(e);
	else
		*ret = e;
	return r;
}

struct exits *exits_free(struct exits *e)
{
	if (!e)
		return NULL;
	if (e->listening)
		(void)listen_to(e, false);
	if (e->fd >= 0)
		close(e->fd);
	free(e);
	return NULL;
}

int exits_fd(const struct exits *e)
{
	return e->fd;
}

int exits_watch(struct exits *e, uint32_t pid)
{
	int r;

	if (e->n == EXITS_MAX)
		return -ENOSPC;
	e->v[e->n++] = (struct watched){ .pid = pid, .until_ns = UINT64_MAX };
	r = filter(e);
	if (r == 0 && !e->listening)
		r = listen_to(e, true);
	if (r < 0)
		exits_forget(e, pid);
	return r;
}

void exits_ended(struct exits *e, uint32_t pid, uint64_t now_ns)
{
	uint32_t i = find(e, pid);

	if (i < e->n)
		e->v[i].until_ns = now_ns + LATE_NS;
}

void exits_forget(struct exits *e, uint32_t pid)
{
	uint32_t i = find(e, pid);

	if (i == e->n)
		return;
	e->v[i] = e->v[--e->n];
	/* What an old filter lets through besides is not found. */
	(void)filter(e);
	if (e->n == 0 && e->listening)
		(void)listen_to(e, false);
}

/*
 * All threads that a process' end finds have its status: the signal, or what exit() was called
 * with, by whichever of them. One that ends by itself has 0, which says nothing, unless it is the
 * first: its status is the process', when no other thread brings one behind it.
 */
static void take(struct exits *e, const struct exit_report *r)
{
	uint32_t i = find(e, r->process);

	if (i == e->n || r->at_ns > e->v[i].until_ns || (r->thread != r->process && r->status == 0))
		return;
	e->v[i].known = true;
	e->v[i].status = r->status;
}

void exits_ready(struct exits *e)
{
	struct exit_report r;
	ssize_t n;

	while ((n = inbox_receive(e->inbox, e->fd)) != -EAGAIN) {
		if (n >= 0 && exits_parse(span_of(e->inbox->p, (size_t)n), &r))
			take(e, &r);
		/* What is missing may have been the last word of any of them. */
		for (uint32_t i = 0; n == -ENOBUFS && i < e->n; i++)
			e->v[i].known = false;
		if (n < 0 && n != -ENOBUFS && n != -EPERM && n != -EMSGSIZE)
			return;
	}
}

bool exits_status(const struct exits *e, uint32_t pid, int *ret)
{
	uint32_t i = find(e, pid);

	if (i == e->n || !e->v[i].known)
		return false;
	*ret = e->v[i].status;
	return true;
}
