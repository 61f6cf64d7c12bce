/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/diag.h"
#include "model/fact.h"
#include "sign/signed_head.h"

/*
 * What our processes say to each other. Three channels:
 *
 * control, supervisor <-> each child: SOCK_SEQPACKET on descriptor IPC_CONTROL_FD of the child, one
 *   struct ipc_message a packet, with up to IPC_FDS_MAX descriptors. A child whose control channel
 *   ends must finish in order: its supervisor is gone.
 * facts, observe -> core: SOCK_STREAM, the fact stream of model/fact.h (header first).
 * acks, core -> observe, on the same socket: struct ipc_ack, one behind the other.
 */
#define IPC_CONTROL_FD 3
#define IPC_FDS_MAX 10

enum ipc_type {
	IPC_CONFIG = 1, /* to both, first of all, and again after each SIGHUP: config. To core with
			   the descriptors of enum ipc_config_slot (later ones: journal and syslog
			   and keyring only, which replace the earlier ones); text: how core runs
			   when not as it should ("" else), for `status` */
	IPC_PEER = 2, /* to both: fds {socket of the facts channel}; replaces an earlier one */
	IPC_NETNS = 3, /* to observe: netns name and inode, with the descriptors of enum
			  ipc_netns_slot; error and text tell of the first that is missing */
	IPC_NETNS_GONE = 4, /* to observe: close all of that inode at once (unwatched ones too) */
	IPC_AUDIT = 5, /* to observe: fds {audit READLOG socket}, or none with errno in `error` and
			  text; flags: enum ipc_audit_flags. Later ones have flags only */
	IPC_PROCESS = 6, /* to core, a FACT_PROCESS: name, pid, status; flags: fact_process_op */
	IPC_STOP = 7, /* to observe, which reads a last round, sends all facts and ends; when it has
			 ended, to core, which answers IPC_DONE when all is in the log, and ends */
	IPC_READY = 8, /* from a child: works; */
	IPC_DONE = 9, /* from core: state of the log is durable, I end now */
	IPC_ALIVE = 10, /* from a child, at least every 2 s: its loop turns */
	IPC_FAILED = 11, /* from a child: text says why it can't start, error: errno. EBUSY:
			    another monitor has the state directory */
	IPC_NETNS_READY = 12, /* to observe: the list of netns is complete */
	IPC_SINKS =
		14, /* from core: journald or syslog hung up; wants IPC_CONFIG with new sockets */
	IPC_NETNS_UNWATCHED = 13, /* to observe: only listed: name, inode; text: why */
	IPC_SIGN = 15, /* from core: place, up to which the log is to be signed */
	IPC_SIGNED = 16, /* to core, one for each IPC_SIGN: place and signed_head; or error, text */
	IPC_SERVICE = 17, /* to observe: an IKE daemon runs: service, name, inode of its netns,
			     with the descriptors of enum ipc_service_slot. The first has
			     IPC_SLOT_PIDFD; later ones of the same id bring what has been opened
			     since (and replaces an earlier one) or, in service.control and text,
			     that its control socket can't be. That it ended says the pidfd */
	IPC_SERVICE_LOST = 18, /* from observe: service.id; flags: IPC_HAS() of the slots whose
				  other end is gone, and which are wanted anew */
	IPC_SERVICES_READY = 19, /* to observe: the list of daemons is complete; text: why some
				    may be missing. Again when that changes */
	IPC_WHACK = 20, /* from observe: service.id; status: enum whack_list, what to ask pluto */
	IPC_WHACK_DONE = 21, /* to observe, one for each IPC_WHACK: fds {file of all that whack
				said}, status as wait(2) gives it; or error (ETIMEDOUT: it took too
				long) and text */
};

/*
 * Which descriptors a message carries: bit 1 << slot of its flags is set for each; they come in the
 * order of the slots, without the missing ones. ipc_slot() finds them.
 */
enum ipc_config_slot {
	IPC_SLOT_STATE = 0, /* state directory */
	IPC_SLOT_API = 1, /* listening unix stream socket */
	IPC_SLOT_RECORD = 2, /* file to append the facts to; not empty after a restart of core */
	IPC_SLOT_REPLAY = 3, /* file of facts to replay; then neither state directory nor journal */
	IPC_SLOT_JOURNAL = 4, /* datagram socket, connected to journald's native socket */
	IPC_SLOT_SYSLOG = 5, /* datagram socket, connected: unix or UDP */
	IPC_SLOT_KEYS = 6, /* the keyring, to read: whose key signs heads; none: nobody signs */
};
enum ipc_netns_slot {
	IPC_SLOT_SA_EVENTS = 0, /* NETLINK_XFRM, joined SA, EXPIRE, MIGRATE, MAPPING */
	IPC_SLOT_POLICY_EVENTS = 1, /* NETLINK_XFRM, joined POLICY */
	IPC_SLOT_XFRM_REQUESTS = 2, /* NETLINK_XFRM, no groups */
	IPC_SLOT_ROUTE_EVENTS = 3, /* NETLINK_ROUTE, joined LINK, IPV4_IFADDR, IPV6_IFADDR */
	IPC_SLOT_ROUTE_REQUESTS = 4, /* NETLINK_ROUTE, no groups */
	IPC_SLOT_XFRM_STAT = 5, /* its /proc/net/xfrm_stat; missing: the kernel has none */
	IPC_SLOT_NETLINK_LIST = 6, /* its /proc/net/netlink: who listens to what */
	/* Its /proc/sys/net/ipv4/conf/all/disable_xfrm, disable_policy, and IPv6's disable_policy
	 */
	IPC_SLOT_ALL_XFRM = 7,
	IPC_SLOT_ALL_POLICY = 8,
	IPC_SLOT_ALL_POLICY6 = 9, /* missing: no IPv6 */
	IPC_NETNS_SLOTS = 10,
};
enum ipc_service_slot {
	IPC_SLOT_PIDFD = 0,
	IPC_SLOT_ROOT = 1, /* O_PATH: its root directory */
	IPC_SLOT_UDP = 2, /* /proc/PID/net/udp */
	IPC_SLOT_UDP6 = 3, /* missing: no IPv6 */
	IPC_SLOT_RUN = 4, /* O_PATH: the directory of its PID file; missing: it has none */
	IPC_SLOT_VICI = 5, /* stream socket, connected */
	IPC_SLOT_ERROR_NOTIFY = 6, /* stream socket, connected */
	IPC_SLOT_LOG = 7, /* pluto's log, at its beginning */
	IPC_SLOT_OWN = 8, /* file: the inode numbers of its sockets; again when they change */
};
#define IPC_HAS(slot) (1u << (slot))
#define IPC_HAS_RECORD IPC_HAS(IPC_SLOT_RECORD)
#define IPC_HAS_REPLAY IPC_HAS(IPC_SLOT_REPLAY)

enum ipc_audit_flags {
	IPC_AUDIT_KNOWN = 1, /* the next bit means something */
	IPC_AUDIT_ON = 2, /* the kernel's audit is enabled, so drops have records */
};

/* The configuration as the supervisor read it; see doc/ipsecmond.conf(5). */
struct ipc_config {
	uint32_t evidence; /* EVIDENCE_BIT()s */
	uint8_t bpf_hooks; /* enum bpf_hooks */
	uint32_t poll_ms, settle_ms, first_packets;
	uint32_t rate_threshold, rate_window_s;
	uint32_t netlink_buffer; /* octets of receive buffer for notifications */
	uint64_t segment_size, keep_size, keep_age_s;
	uint8_t ike; /* 1 << enum ike_daemon: which are watched */
	bool journald;
	char syslog[128]; /* "" off; "/dev/log" or udp HOST PORT, see the manual */
	char digest[65];
	char host[NAME_SIZE], boot[NAME_SIZE], release[NAME_SIZE], version[NAME_SIZE];
	uint64_t epoch; /* of the observe process; rises with every start on this boot */
	uint64_t hash_seed;
};

/* As struct service has it. */
struct ipc_service {
	uint64_t id, started_us;
	uint64_t cookie; /* of its netns; 0: the kernel knows none */
	uint32_t pid;
	uint8_t daemon, control;
	bool found;
};

/* A line of the log, as struct eventlog_place has it. */
struct ipc_place {
	uint64_t segment, line, seq;
	uint8_t digest[DIGEST_SIZE];
};

struct ipc_message {
	uint32_t type; /* enum ipc_type */
	uint32_t flags;
	int32_t error; /* errno, or 0 */
	uint64_t inode;
	char name[NAME_SIZE]; /* netns or process */
	char text[FACT_TEXT_SIZE];
	uint32_t pid, status;
	struct ipc_service service;
	struct ipc_place place;
	char signed_head[SIGNED_HEAD_MAX];
	struct ipc_config config; /* IPC_CONFIG only; zero else */
};

struct ipc_ack {
	uint32_t type; /* IPC_ACK_… */
	uint32_t zero;
	/*
	 * ACK_DONE: facts of this epoch up to here may be forgotten. The core may not have heard
	 * of a new observe's yet when it commits what the old one said.
	 */
	uint64_t epoch, seq;
};
enum { IPC_ACK_DONE = 1, IPC_ACK_REFRESH = 2 /* read and dump now: somebody looks */ };

/* 0 or -errno (-EAGAIN: full). fds are not closed. Texts are zero-padded by the caller. */
int ipc_send(int fd, const struct ipc_message *m, const int *fds, unsigned n_fds);
/*
 * 1: one message, *ret_n descriptors (the caller's, close-on-exec); 0: the other side is gone;
 * -EAGAIN; -EPROTO: not a message of ours. Never blocks. Texts of *ret are terminated.
 */
int ipc_receive(int fd, struct ipc_message *ret, int ret_fds[IPC_FDS_MAX], unsigned *ret_n);

/* The descriptor that came in a slot, or -1. It stays in fds. */
int ipc_slot(const struct ipc_message *m, const int *fds, unsigned n_fds, unsigned slot);
/* The same, but it is the caller's from now on: in fds stands -1. */
int ipc_take(const struct ipc_message *m, int *fds, unsigned n_fds, unsigned slot);
/* ipc_send() of a message that has a type only, with an optional text and errno. */
int ipc_say(int fd, enum ipc_type type, int error, const char *text);
