/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/ike.h"
#include "model/link.h"
#include "model/policy.h"
#include "model/sa.h"
#include "model/source.h"

/*
 * A fact is the only thing that crosses from the outside to the inside. The same facts in the same
 * order give the same state and the same events. A fact has no secret in it.
 */

/* Numbers are in fact files: append, never renumber. */
enum fact_type {
	FACT_ORIGIN = 1, /* first of all: whose facts these are */
	FACT_NETNS = 2, /* a netns appeared or went */
	FACT_SOURCE = 3, /* a source's state changed */
	FACT_SA = 4, /* an SA is there: dumped, added or updated */
	FACT_SA_GONE = 5, /* with its final counters */
	FACT_SA_SOFT = 6, /* its soft limit passed */
	FACT_SA_FLUSH = 7, /* all of one protocol are gone */
	FACT_POLICY = 8,
	FACT_POLICY_GONE = 9,
	FACT_POLICY_FLUSH = 10,
	FACT_POLICY_DEFAULT = 11,
	FACT_DUMP = 12, /* a dump begins or ends */
	FACT_COUNTERS = 13, /* one reading of xfrm_stat */
	FACT_POLL = 14, /* a round of readings over all netns is complete */
	FACT_AUDIT_DROP = 15, /* an audit record of one dropped packet */
	FACT_AUDIT_CHANGE = 16, /* an audit record of an SA or policy change, with its actor */
	FACT_LINK = 17,
	FACT_ADDR = 18,
	FACT_MAPPING = 19, /* a NAT-T peer's address or port moved */
	FACT_MIGRATE = 20,
	FACT_TICK = 21, /* time passes */
	FACT_CONFIG = 22,
	FACT_AUDIT_SETTING = 23,
	FACT_ACCESS = 24, /* somebody reached, changed or read something through us */
	FACT_RESTORE = 25, /* what the log said at start: totals of one counter */
	FACT_RESTORE_SPI = 26, /* what the log said at start: an SPI and how it died */
	FACT_RESTORE_RUN =
		27, /* what the log said at start: how the last run ended; after it, live */
	FACT_LOG = 28, /* the log's own troubles */
	FACT_PROCESS = 29, /* one of our processes started or ended */
	FACT_STOP = 30, /* we are told to stop */
	FACT_DROP = 31, /* dropped packets that our programs in the kernel saw */
	FACT_HOOK = 32, /* by which hook they see the drops of one counter */
	FACT_SAD_RESULT = 33, /* what the SAD answered to key managers, since the last such fact */
	FACT_SERVICE = 34, /* an IKE daemon's process, its control socket, its end */
	FACT_IKE_SA = 35, /* an IKE SA is there: listed, came up or changed */
	FACT_IKE_SA_GONE = 36,
	FACT_CHILD_SA = 37,
	FACT_CHILD_SA_GONE = 38,
	FACT_CONNECTION = 39, /* loaded, or in a file */
	FACT_CONNECTION_CHILD = 40,
	FACT_SHUNT = 41,
	FACT_CERTIFICATE = 42,
	FACT_IKE_DUMP = 43, /* a list of one daemon begins or ends: what it lacks is gone */
	FACT_NEGOTIATION = 44, /* evidence that one failed */
	FACT_IKE_COUNTER = 45, /* a number that a daemon keeps, when it changed */
	FACT_CONFIG_FILE = 46,
	FACT_IKE_SOCKET = 47,
	FACT_ACQUIRE = 48, /* the kernel asks for an SA */
	FACT_RESTORE_STATISTIC = 60, /* what the log said at start: a kept total */
};

enum fact_sa_op { SA_DUMPED = 0, SA_ADDED = 1, SA_UPDATED = 2 };
enum fact_gone_how {
	GONE_DELETED = 0, /* DELSA, DELPOLICY */
	GONE_EXPIRED = 1, /* hard limit: EXPIRE, POLEXPIRE */
};
enum fact_dump_kind { DUMP_SA = 1, DUMP_POLICY = 2, DUMP_LINK = 3, DUMP_ADDR = 4 };
enum fact_dump_phase { DUMP_BEGIN = 0, DUMP_END = 1, DUMP_FAILED = 2 };
enum fact_change_op { CHANGE_THERE = 0, CHANGE_GONE = 1, CHANGE_DUMPED = 2 };
enum fact_audit_drop_op {
	AUDIT_DROP_ICV = 1, /* SA-icv-failure */
	AUDIT_DROP_REPLAY = 2, /* SA-replayed-pkt */
	AUDIT_DROP_NOTFOUND = 3, /* SA-notfound */
	AUDIT_DROP_OVERFLOW = 4, /* SA-replay-overflow */
};
enum fact_audit_change_op {
	AUDIT_SAD_ADD = 1,
	AUDIT_SAD_DELETE = 2,
	AUDIT_SPD_ADD = 3,
	AUDIT_SPD_DELETE = 4,
};
enum fact_access_op {
	ACCESS_ACCEPTED = 1,
	ACCESS_REFUSED = 2,
	ACCESS_LOG_READ = 3,
	ACCESS_LOG_EXPORTED = 4,
	ACCESS_LOG_REMOVED = 5,
	ACCESS_REINDEX = 6,
};
enum fact_log_op {
	LOG_TORN = 1, /* an unfinished group was cut at start; value: octets */
	LOG_FAILED = 2, /* writing failed; value: errno */
	LOG_RESUMED = 3, /* writing works again; value: events lost meanwhile */
	LOG_SEGMENT_REMOVED = 4, /* by retention; value: events in it */
	LOG_DAMAGED = 5, /* found at start: the chain does not hold; value: line */
	LOG_RECORDING = 6, /* a recording was begun */
	LOG_KEY_CREATED = 7, /* the first key that signs heads; what: its fingerprint */
	LOG_KEY_CHANGED = 8, /* another one; what: its fingerprint */
	LOG_HEADS_FAILED = 9, /* heads are not signed, or not kept; what: why */
	LOG_HEADS_RESUMED = 10,
	LOG_INDEX_DROPPED = 11, /* a part of the index was thrown away; what: which, and why */
};
enum spi_fate { /* how an SA ended, for the history of its SPI */
	SPI_ALIVE = 0,
	SPI_DELETED = 1,
	SPI_EXPIRED = 2,
	SPI_FLUSHED = 3,
	SPI_VANISHED = 4,
};
/* What is known of a drop beyond its counter; as enum drop_kind of source/bpf/drops.h. */
enum fact_drop_kind {
	DROP_PLAIN = 0, /* the counter says it all, or nobody knows more */
	DROP_ICV = 1, /* XfrmInStateProtoError: the integrity check failed */
	DROP_MALFORMED = 2, /* … something else did */
	DROP_DUPLICATE = 3, /* XfrmInStateSeqError: received before */
	DROP_LATE = 4, /* … left of the window */
	DROP_ZERO = 5, /* … sequence number 0 */
	DROP_CLEAR = 6, /* XfrmInTmplMismatch: no SA at all */
	DROP_PROTECTED = 7, /* … by another SA than the policy wants */
	DROP_ENCAPSULATION = 8, /* XfrmInStateMismatch: UDP or not */
	DROP_SELECTOR = 9, /* … outside the SA's selector */
	DROP_N,
};
enum fact_sad_op { SAD_RESULT_GETSPI = 1, SAD_RESULT_ADD = 2, SAD_RESULT_UPDATE = 3 };
/* Of IKE and child SAs. A change without a cause that is known is OP_CHANGED. */
enum fact_ike_op {
	IKE_OP_LISTED = 0, /* the daemon's answer to a list command */
	IKE_OP_UP = 1, /* newly established */
	IKE_OP_REKEYED = 2, /* established in the place of `replaces` */
	IKE_OP_CHANGED = 3, /* its addresses, ports or state */
};
enum fact_ike_gone_how {
	IKE_GONE_DOWN = 0, /* ended, after it had been up */
	IKE_GONE_REPLACED = 1, /* by a rekey: not an end */
	IKE_GONE_FAILED = 2, /* had never been up */
};
/* Lists of a daemon. FACT_CONNECTION and _CHILD of files: CONFIG, with service 0 or the daemon's.
 */
enum fact_ike_list {
	IKE_LIST_SAS = 1, /* IKE SAs and child SAs */
	IKE_LIST_CONNECTIONS = 2, /* loaded ones and their children */
	IKE_LIST_CERTIFICATES = 3,
	IKE_LIST_SHUNTS = 4,
	IKE_LIST_FILES = 5, /* config_file, and connections of origin FILE of that daemon kind */
	IKE_LIST_SOCKETS = 6,
	IKE_LIST_COUNTERS = 7, /* a counter that is not told anew keeps its value */
};
enum fact_process_op { PROCESS_STARTED = 1, PROCESS_ENDED = 2 };

#define FACT_TEXT_SIZE 256
#define HOOK_OF_SAD "answers of the SAD" /* in a FACT_HOOK, instead of a counter */
#define COUNTERS_MAX 64
#define COUNTER_NAME_SIZE 40

struct fact_counter {
	char name[COUNTER_NAME_SIZE]; /* as xfrm_stat spells it */
	uint64_t value;
};

struct fact {
	uint16_t type; /* enum fact_type */
	uint8_t source; /* enum source_id */
	uint64_t epoch; /* of the observe process that saw it; 0: the core process */
	uint64_t seq; /* within the epoch, from 1, rising; 0: the core process */
	uint64_t boot_ns; /* CLOCK_BOOTTIME: order, ageing */
	uint64_t real_us; /* CLOCK_REALTIME: display */
	uint64_t netns; /* cookie; 0: none, or not known */
	union {
		struct {
			char host[NAME_SIZE]; /* node name */
			char boot[NAME_SIZE]; /* boot id */
			char release[NAME_SIZE]; /* kernel */
			char version[NAME_SIZE]; /* ours */
			uint64_t hash_seed;
		} origin;
		struct {
			bool there;
			bool watched; /* false: over the limit or excluded: listed only */
			char name[NAME_SIZE]; /* "init", or under /run/netns */
			uint64_t inode;
		} netns_change;
		struct {
			uint8_t id, state; /* enum source_id, source_state */
			uint64_t losses; /* since the source began */
			uint64_t resolution_ms;
			char reason[FACT_TEXT_SIZE];
		} source_change;
		struct {
			uint8_t op; /* enum fact_sa_op */
			struct sa sa;
		} sa;
		struct {
			uint8_t how; /* enum fact_gone_how */
			struct sa sa; /* final counters */
		} sa_gone; /* also SA_SOFT */
		struct {
			uint8_t proto; /* 0: all */
		} sa_flush;
		struct {
			uint8_t op; /* enum fact_sa_op */
			struct policy policy;
		} policy;
		struct {
			uint8_t how;
			struct policy policy;
		} policy_gone;
		struct {
			uint8_t type;
		} policy_flush;
		struct {
			bool block_in, block_fwd, block_out;
			bool initial; /* read at start, not a change */
		} policy_default;
		struct {
			uint8_t kind, phase; /* enum fact_dump_kind, fact_dump_phase */
			bool resync; /* after a loss: differences are not news */
		} dump;
		struct {
			uint16_t n;
			struct fact_counter v[COUNTERS_MAX];
		} counters;
		struct {
			uint64_t round;
		} poll;
		struct {
			uint8_t op; /* enum fact_audit_drop_op */
			struct addr src, dst;
			bool has_flowlabel, has_spi, has_seqno;
			uint32_t flowlabel, spi, seqno;
			uint64_t serial, record_us; /* the record's own stamp; may be a syscall's */
		} audit_drop;
		struct {
			uint8_t op; /* enum fact_audit_change_op */
			bool ok; /* res= */
			bool has_actor; /* the syscall record of this serial was there and is a
					   netlink send */
			uint32_t auid, ses, pid, uid; /* UINT32_MAX: unset */
			char comm[NAME_SIZE], exe[FACT_TEXT_SIZE];
			struct prefix src, dst; /* hosts for SAD */
			uint32_t spi;
			uint64_t serial, record_us;
		} audit_change;
		struct {
			uint8_t op; /* enum fact_change_op */
			struct link link;
		} link;
		struct {
			uint8_t op;
			struct link_addr addr;
		} addr;
		struct {
			struct addr old_src, new_src, dst;
			uint16_t old_sport, new_sport;
			uint32_t spi, reqid;
		} mapping;
		struct {
			uint8_t direction;
			struct selector selector;
		} migrate;
		struct {
			uint32_t evidence; /* EVIDENCE_BIT()s that may be used */
			uint32_t poll_ms, settle_ms, first_packets;
			uint32_t rate_threshold; /* drops … */
			uint32_t rate_window_s; /* … within so many seconds are a high rate; 0: off
						 */
			bool changed; /* false: as at the last run's end, or the first ever */
			char digest[2 * 32 + 1]; /* SHA-256 of the text, hex */
		} config;
		struct {
			uint8_t subcategory; /* index into the catalogue's table */
			uint8_t setting; /* enum audit_setting_value */
			bool initial; /* restored, not a change */
			uint32_t uid, pid, auid;
			uint64_t set_us;
		} audit_setting;
		struct {
			uint8_t op; /* enum fact_access_op */
			uint32_t uid, pid, auid;
			char what[FACT_TEXT_SIZE]; /* request or object */
			char reason[FACT_TEXT_SIZE];
		} access;
		struct {
			char boot[NAME_SIZE];
			char netns[NAME_SIZE];
			char counter[COUNTER_NAME_SIZE];
			uint64_t kernel, attributed, unattributed, suppressed;
		} restore; /* fact.netns: the cookie */
		struct {
			char boot[NAME_SIZE];
			struct addr src, dst;
			uint32_t spi;
			uint8_t proto;
			uint8_t how; /* enum spi_fate */
			uint64_t born_us, died_us; /* 0: not known, alive */
		} restore_spi;
		struct {
			bool first; /* there is no earlier run */
			bool clean; /* the earlier run said that it stopped */
			uint64_t last_seq, last_us; /* of the newest event of the log; 0: none */
			uint64_t epoch, applied; /* facts up to here are in the log … */
			uint8_t n_pending;
			uint64_t pending[16][2]; /* … but these (first, last) */
			char boot[NAME_SIZE]; /* of the last run */
		} restore_run;
		struct {
			uint8_t op; /* enum fact_log_op */
			uint64_t value;
			char what[FACT_TEXT_SIZE];
		} log;
		struct {
			uint8_t op; /* enum fact_process_op */
			char name[NAME_SIZE];
			uint32_t pid;
			uint32_t status; /* as wait(2) gives it */
		} process;
		struct {
			char counter[COUNTER_NAME_SIZE];
			uint8_t kind; /* enum fact_drop_kind */
			uint8_t direction;
			bool sampled; /* one packet, with all that is below; else a sum */
			bool has_spi, has_seqno, has_flowlabel, has_ports, has_sa, has_policy;
			uint64_t count, first_us, last_us;
			struct addr src, dst; /* family 0: not known, or several */
			uint8_t proto; /* ESP, AH; of a packet in the clear its own */
			uint8_t inner_proto; /* of what the SA or policy was for; 0: not known */
			uint16_t sport, dport; /* inner ones; ICMP: type, code */
			uint32_t spi, seqno, seqno_hi, flowlabel, ifindex, mark;
			uint32_t reqid, if_id; /* of the SA */
			uint32_t policy, priority; /* index */
		} drop;
		struct {
			char counter[NAME_SIZE]; /* or in words what else the hook is for */
			char hook[NAME_SIZE]; /* "": none; its drops are not seen one by one */
		} hook;
		struct {
			uint8_t op; /* enum fact_sad_op */
			uint32_t error; /* errno; 0: done */
			uint64_t count;
		} sad_result;
		struct service service; /* fact.netns: where it runs */
		struct {
			uint8_t op; /* enum fact_ike_op */
			uint64_t replaces; /* unique number of the one before; 0: none */
			struct ike_sa sa;
		} ike_sa;
		struct {
			uint8_t how; /* enum fact_ike_gone_how */
			struct ike_sa sa; /* as last seen */
		} ike_sa_gone;
		struct {
			uint8_t op;
			uint64_t replaces;
			struct child_sa sa;
		} child_sa;
		struct {
			uint8_t how;
			struct child_sa sa;
		} child_sa_gone;
		struct connection connection;
		struct connection_child connection_child;
		struct shunt shunt;
		struct certificate certificate;
		struct {
			uint64_t service;
			uint8_t list; /* enum fact_ike_list */
			uint8_t phase; /* enum fact_dump_phase */
			uint8_t daemon; /* enum ike_daemon; files have no service */
		} ike_dump;
		struct negotiation negotiation;
		struct {
			uint64_t service;
			char name[CONN_SIZE]; /* as the daemon spells it: "ike-init-in-req",
						 "total.ike.mangled"; of one connection: "NAME/conn"
					       */
			uint64_t value;
			bool gauge; /* goes up and down: queues, half-open SAs */
		} ike_counter;
		struct config_file config_file;
		struct ike_socket ike_socket;
		struct {
			struct addr src, dst; /* outer; family 0: none */
			struct selector selector;
			uint32_t policy; /* index */
			uint8_t proto; /* of the template */
		} acquire; /* XFRM_MSG_ACQUIRE */
		struct {
			char boot[NAME_SIZE];
			char netns[NAME_SIZE];
			char key[COUNTER_NAME_SIZE]; /* of catalog/statistics.toml */
			uint8_t daemon; /* enum ike_daemon; 0: of none */
			uint64_t service; /* whose `since` is; 0: of none */
			uint64_t total, since, base; /* as core_statistic has them */
			bool before;
		} restore_statistic; /* fact.netns: the cookie */
	};
};

enum audit_setting_value {
	AUDIT_NOT_CONFIGURED = 0, /* acts as both */
	AUDIT_NONE = 1,
	AUDIT_SUCCESS = 2,
	AUDIT_FAILURE = 3,
	AUDIT_BOTH = 4,
};

const char *fact_type_name(unsigned type); /* "sa"; NULL: unknown */

/*
 * The binary form, in files and between our processes; version FACT_VERSION. A stream begins with
 * FACT_MAGIC and the version (u32); then each fact: u32 length of the rest, then the rest. Members
 * that a type gains stand last; facts of before are decoded with 0 in them.
 */
#define FACT_MAGIC "ipsecmon facts\n\0" /* 16 octets with the last NUL */
#define FACT_HEADER_SIZE 20
#define FACT_VERSION 1u
#define FACT_LENGTH_MAX 8192u

void fact_header_encode(struct buf *out);
void fact_encode(const struct fact *f, struct buf *out); /* with the length in front */

enum fact_result {
	FACT_OK = 0,
	FACT_TRUNCATED = 1, /* more octets are needed */
	FACT_MALFORMED = 2, /* a length, text or number that no encoder of ours writes */
	FACT_FOREIGN = 3, /* header: not a fact file, or of a version that we do not know */
};

enum fact_result fact_header_decode(struct span octets, uint32_t *ret_version);
/* *ret and *ret_used (octets, with the length) only on FACT_OK. */
enum fact_result fact_decode(struct span octets, struct fact *ret, size_t *ret_used);
