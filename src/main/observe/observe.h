/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <uv.h>

#include "base/buf.h"
#include "main/ipc.h"
#include "main/observe/queue.h"
#include "source/audit/audit.h"
#include "source/bpf/bpf.h"
#include "source/config/confsource.h"
#include "source/inbox.h"
#include "source/source.h"

/*
 * The process that watches the kernel. The supervisor hands it sockets (control.c), it runs the
 * sources on them (netns.c, services.c), reads the counters in rounds (round.c), and sends what
 * they say to the core, keeping it until the core has it in its log (channel.c).
 */

#define NETNS_WATCHED_MAX 256
#define NETNS_LISTED_MAX 4096
#define DAEMONS_MAX 64
#define QUEUE_LIMIT ((size_t)64 << 20)

/* How much of the kernel we listen to, by how much the core is behind. */
enum hold {
	HOLD_NONE = 0,
	HOLD_DUMPS = 1, /* dumps wait: the kernel keeps their place */
	HOLD_EVENTS =
		2, /* notifications too: the kernel's buffers take them, and it counts losses */
};

struct netns;
struct daemon;

struct observe {
	uv_loop_t loop;
	struct ipc_config config;
	bool configured, listed; /* the first IPC_NETNS_READY was there */
	bool ready_said;
	bool stop_asked, stopping; /* stopping: the last round has begun */
	int exit_status;
	struct source_sink sink;
	struct inbox inbox;

	/* control.c */
	uv_poll_t control;
	uv_timer_t second;
	uv_signal_t terminate, interrupt;
	uint64_t stop_by_ms; /* 0: not stopping */

	/* channel.c */
	int peer; /* -1: none */
	bool peer_full; /* took not all: wait for room */
	uv_poll_t *peer_poll;
	uv_prepare_t before_wait;
	struct buf greeting;
	struct queue *queue;
	uint64_t seq;
	uint64_t stamp_boot_ns, stamp_real_us;
	unsigned stamp_lasts; /* for so many more objects of a dump */
	uint64_t claims_told; /* of queue_claims_lost() */
	struct buf encoded;
	enum hold hold;
	bool facts_refused; /* the sources must say all again */

	/* netns.c */
	struct netns *netns[NETNS_LISTED_MAX];
	size_t n_netns;
	uint64_t netns_refused;
	struct audit *audit;
	uv_poll_t *audit_poll;
	struct bpf_source *bpf; /* NULL: excluded by the configuration */
	uv_poll_t *bpf_poll;

	/* services.c */
	struct daemon *daemons[DAEMONS_MAX];
	size_t n_daemons;
	struct exits *exits; /* NULL: the kernel has no connector */
	uv_poll_t *exits_poll;
	bool services_listed; /* the first IPC_SERVICES_READY was there */
	char services_why[FACT_TEXT_SIZE]; /* some may be missing */
	struct confsource *confsource; /* NULL until IKE daemons are listed */
	uv_poll_t *confsource_poll;

	/* round.c */
	uv_timer_t round_timer;
	uint64_t round, due_ms;
	uint64_t spending_ns, round_spent_ns, round_cost_ns; /* CPU time; cost: average of rounds */
	uint64_t interval_ms; /* as told to the sources */
	uint64_t drops_heard, fast_ms, last_drop_ms;
	bool rounding, refresh, moved;
};

/* A descriptor watched for reading by the loop; call is called with data. */
uv_poll_t *observe_watch(struct observe *o, int fd, uv_poll_cb call, void *data);
/* Stops, at once, so that the descriptor may be closed; takes NULL, returns NULL. */
uv_poll_t *observe_unwatch(uv_poll_t *poll);
void observe_end(struct observe *o, int status);

int control_begin(struct observe *o);

int channel_begin(struct observe *o);
void channel_done(struct observe *o);
void channel_take_peer(struct observe *o, int fd); /* a new core listens at its other end */
void channel_flush(struct observe *o);
/* Completes a fact for the greeting of a new core, which comes before all others. */
void channel_greet(struct observe *o, struct fact *f);

/* Keeps what the sources need; loading: also what only loading our programs needs. */
int privilege_drop(bool loading, struct diag *reterr);

int round_begin(struct observe *o);
void round_soon(struct observe *o, uint64_t in_ms); /* the next round is due then at the latest */
void round_progress(struct observe *o); /* ends the round when all its answers are there */
/* What runs between begins and its end is spent on the round. */
void round_spends(struct observe *o, bool begins);
void round_heard_drops(struct observe *o); /* some may have been heard of */
void round_last(struct observe *o); /* one more, behind the one under way; then the end */
