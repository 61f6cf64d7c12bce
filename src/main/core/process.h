/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <uv.h>

#include "api/api.h"
#include "base/buf.h"
#include "core/core.h"
#include "main/ipc.h"
#include "sink/sink.h"
#include "store/eventlog.h"
#include "store/sqlite/index.h"

/*
 * The process that knows: it feeds the core with facts (facts.c: what observe sees; restore.c: what
 * the log remembers; and its own), keeps what the core says in the event log (commit.c), and only
 * then passes it on: to sinks, to API clients (serve.c), and as acknowledgement to observe.
 */

#define GROUP_EVENTS 1000u /* a group of the log closes then … */
#define GROUP_MS 20u /* … or so long after its first event */
#define SINKS 2u /* journald, syslog */

struct process {
	uv_loop_t loop;
	uv_poll_t control;
	uv_timer_t second, group_timer, sink_timer, seal_timer, end_timer;
	uv_prepare_t before_wait;
	struct ipc_config config;
	bool configured, ending, orphaned;
	int exit_status;
	int state_fd; /* -1: a replay */
	uint64_t alive_ns;

	/* feed.c */
	struct core *core;
	uint64_t fed, settled; /* tickets: facts fed; of these durable */
	int record_fd; /* -1: no recording, or given up */
	struct buf record;
	char record_path[FACT_TEXT_SIZE];

	/* facts.c */
	int peer; /* -1: none */
	uv_poll_t *peer_poll;
	bool held; /* the channel is not read: the log can't be written, and much waits */
	struct buf octets; /* read, not yet decoded */
	bool header_read;
	uint64_t acked; /* of acked_epoch */
	uint64_t acked_epoch;

	/* commit.c */
	struct eventlog *log;
	uint64_t last_seq; /* committed */
	int failing; /* -errno of the last commit; 0: works */
	uint64_t lost_told; /* of eventlog_lost() */
	bool digest_due; /* the configuration's digest is to be kept */
	uint64_t files_ns, sinks_ns; /* next time */
	int seal_failing; /* -errno of the last segment that could not be sealed; 0: none */
	struct sink *sinks[SINKS];

	/* heads.c */
	struct heads {
		struct headsfile *file; /* NULL: no heads can be kept */
		struct buf keyring; /* as the supervisor has it; empty: nobody signs */
		char key[DIGEST_HEX + 1]; /* its newest one's fingerprint */
		unsigned asked; /* answers that are due */
		uint64_t asked_ns;
		uint64_t number, time_us; /* of the last head; 0: none */
		struct eventlog_place signed_place;
		char error[FACT_TEXT_SIZE]; /* why the last one failed; "": it did not */
		uint64_t thin_ns; /* next time */
	} heads;

	/* indexing.c */
	struct index *index; /* NULL: there is none */
	uv_timer_t index_timer;
	char index_told[FACT_TEXT_SIZE]; /* what is to become an event; "": nothing */

	/* serve.c */
	struct api *api;
	uv_poll_t api_poll;
	uv_timer_t api_timer;

	/* auditfile.c */
	struct audit_entry {
		bool set;
		uint8_t setting;
		uint32_t uid, pid, auid;
		uint64_t set_us;
	} audit[256]; /* by subcategory */
};

/* main.c */
void process_alive(struct process *p); /* tells the supervisor, at most once a second */
void process_end(struct process *p, int status); /* the loop ends */
void process_fail(struct process *p, int error, const char *text); /* … and says why */
/* A poll handle for a descriptor, watched for reading; NULL: no memory, and the process ends. */
uv_poll_t *process_watch(struct process *p, int fd, uv_poll_cb call);
uv_poll_t *process_unwatch(uv_poll_t *poll); /* at once; takes NULL, returns NULL */

/* control.c */
int control_begin(struct process *p);

/* feed.c */
uint64_t feed(struct process *p, const struct fact *f); /* its ticket */
uint64_t feed_own(struct process *p, struct fact *f); /* stamps it first */
void feed_log(struct process *p, uint8_t op, uint64_t value, const char *what);
int record_begin(struct process *p, int fd); /* takes fd over; -errno: no recording */
void record_flush(struct process *p);

/* restore.c */
int restore(struct process *p, struct diag *reterr);
void feed_config(struct process *p, bool changed);

/* facts.c */
void facts_take_peer(struct process *p, int fd);
void facts_drain(struct process *p); /* reads what is there, to the end */
void facts_ack(struct process *p, const struct core_progress *progress);
bool facts_refresh(struct process *p);
void facts_resume(struct process *p); /* the log is written again */

/* commit.c */
struct core_sink commit_sink(struct process *p);
int commit(struct process *p); /* closes the open group; 0 also when there is none */
void commit_after_feed(struct process *p);
void commit_tick(struct process *p);
void commit_sinks(struct process *p, const struct ipc_message *m, const int *fds, unsigned n_fds);
void commit_done(struct process *p);
void commit_pass_on(struct process *p, struct span line); /* to the sinks */

/* heads.c */
void heads_take_keys(struct process *p, int fd); /* the keyring; -1: none. fd stays the caller's */
void heads_begin(struct process *p); /* the log is open */
void heads_tick(struct process *p);
void heads_committed(struct process *p); /* a group was */
void heads_signed(struct process *p, const struct ipc_message *m);
void heads_stop(struct process *p); /* waits for the last one, but not long */
void heads_done(struct process *p);

/* indexing.c */
void indexing_begin(struct process *p); /* the log is open */
int indexing_anew(struct process *p, const struct api_peer *who, uint64_t *ret_ticket);
void indexing_done(struct process *p);

/* serve.c */
int serve_begin(struct process *p, int listen_fd, const char *note, struct diag *reterr);
void serve_run(struct process *p);
void serve_done(struct process *p);

/* auditfile.c */
void audit_load(struct process *p); /* and feeds the settings */
int audit_change(struct process *p, const struct api_peer *who, const uint8_t *subcategories,
	size_t n, uint8_t setting, uint64_t *ret_ticket, struct diag *reterr);

/* statefile.c: small files in the state directory, replaced whole. */
#define CONFIG_DIGEST_FILE "config-digest" /* of the configuration of the last run */
int statefile_read(int dir_fd, const char *name, size_t limit, struct buf *ret);
int statefile_write(int dir_fd, const char *name, struct span octets);

/* replay.c */
int replay(struct process *p, int fd, struct diag *reterr);
