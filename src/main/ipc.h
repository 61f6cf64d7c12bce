/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/diag.h"
#include "model/fact.h"

/*
 * What our processes say to each other. Three channels:
 *
 * control, supervisor <-> each child: SOCK_SEQPACKET on descriptor IPC_CONTROL_FD of the child, one
 *   struct ipc_message a packet, with up to IPC_FDS_MAX descriptors. A child whose control channel
 *   ends must finish: its supervisor is gone.
 * facts, observe -> core: SOCK_STREAM, the fact stream of model/fact.h (header first).
 * acks, core -> observe, on the same socket: struct ipc_ack, one behind the other.
 */
#define IPC_CONTROL_FD 3
#define IPC_FDS_MAX 8

enum ipc_type {
	IPC_CONFIG = 1, /* to both, first of all: config; to core with fds {state dir, API listener,
			   recording or -1 as flag bit 0 missing, replay…} see below */
	IPC_PEER = 2, /* to both: fds {socket of the facts channel}; replaces an earlier one */
	IPC_NETNS = 3, /* to observe: netns name and inode, fds {xfrm events, xfrm requests, route
			  events, route requests, xfrm_stat or missing} */
	IPC_NETNS_GONE = 4, /* to observe: close all of that inode at once */
	IPC_AUDIT = 5, /* to observe: fds {audit READLOG socket}, or none with errno in `error` */
	IPC_PROCESS = 6, /* to core: fact FACT_PROCESS */
	IPC_STOP = 7, /* to both: finish in order; core answers with IPC_DONE when all is in the log */
	IPC_READY = 8, /* from a child: works; */
	IPC_DONE = 9, /* from core: state of the log is durable, I end now */
	IPC_ALIVE = 10, /* from a child, at least every 2 s: its loop turns */
	IPC_FAILED = 11, /* from a child: text says why it can't start */
	IPC_NETNS_READY = 12, /* to observe: the list of netns is complete */
	IPC_NETNS_UNWATCHED = 13, /* to observe: a netns that is only listed */
};

enum { IPC_HAS_RECORD = 1, IPC_HAS_REPLAY = 2 }; /* flags of IPC_CONFIG to core */

/* The configuration as the supervisor read it; see doc/ipsecmond.conf(5). */
struct ipc_config {
	uint32_t evidence; /* EVIDENCE_BIT()s */
	uint32_t poll_ms, settle_ms, first_packets;
	uint32_t rate_threshold, rate_window_s;
	uint32_t netlink_buffer; /* octets of receive buffer for notifications */
	uint64_t segment_size, keep_size, keep_age_s;
	bool journald;
	char syslog[128]; /* "" off; "/dev/log" or udp HOST PORT, see the manual */
	char digest[65];
	char host[NAME_SIZE], boot[NAME_SIZE], release[NAME_SIZE], version[NAME_SIZE];
	uint64_t epoch; /* of the observe process; rises with every start on this boot */
	uint64_t hash_seed;
};

struct ipc_message {
	uint32_t type; /* enum ipc_type */
	uint32_t flags;
	int32_t error; /* errno, or 0 */
	uint64_t inode;
	char name[NAME_SIZE]; /* netns or process */
	char text[FACT_TEXT_SIZE];
	uint32_t pid, status;
	struct ipc_config config; /* IPC_CONFIG only; zero else */
};

struct ipc_ack {
	uint32_t type; /* IPC_ACK_… */
	uint32_t zero;
	uint64_t seq; /* ACK_DONE: facts up to here may be forgotten */
};
enum { IPC_ACK_DONE = 1, IPC_ACK_REFRESH = 2 /* read and dump now: somebody looks */ };

/* 0 or -errno. fds are not closed. */
int ipc_send(int fd, const struct ipc_message *m, const int *fds, unsigned n_fds);
/*
 * 1: one message, *ret_n descriptors (the caller's, close-on-exec); 0: the other side is gone;
 * -EAGAIN; -EPROTO: not a message of ours.
 */
int ipc_receive(int fd, struct ipc_message *ret, int ret_fds[IPC_FDS_MAX], unsigned *ret_n);
