/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "main/config.h"
#include "main/supervisor/child.h"
#include "main/supervisor/netns.h"
#include "main/supervisor/notify.h"
#include "main/supervisor/options.h"
#include "main/supervisor/services.h"
#include "main/supervisor/signer.h"

/*
 * ipsecmond itself: opens what the others may not open, starts them and starts them again, and
 * stops them in order. It reads its arguments, the administrator's configuration, our own
 * children's messages and, to find IKE daemons, what the kernel says of processes, and nothing
 * else.
 */

enum phase {
	PHASE_RUNNING,
	PHASE_STOP_OBSERVE, /* observe reads a last round and sends what it has */
	PHASE_STOP_CORE, /* core brings it into the log */
	PHASE_STOPPED,
};

#define PROCESSES_WAITING 32 /* ends and starts that core has not been told, while it is away */

struct supervisor {
	struct options options;
	struct config config;
	struct child core, observe;
	struct netns_table netns;
	struct services services;
	struct notify notify;
	struct signer signer;
	bool signs; /* the signer is open */
	struct diag unsigned_why; /* why it could not be opened the last time */
	enum phase phase;
	int exit_status;
	int signals;
	int state_dir, listener, record, replay; /* -1: none */
	struct stat listener_stat;
	char core_note[FACT_TEXT_SIZE]; /* how core runs, when not as it should */
	uint64_t hash_seed; /* of core's present run */
	uint64_t epoch; /* of observe's present run */
	bool core_was_ready, said_ready;
	uint64_t started_ns, busy_until_ns;
	int ready_pipe; /* to the process that waits for us to be ready; -1: none */
	uint64_t watchdog_ns; /* when to pet */
	int audit_status; /* socket to ask with; -1: cannot */
	uint64_t audit_ns; /* when to ask again */
	unsigned audit_flags; /* the last answer, enum ipc_audit_flags */
	struct ipc_message processes[PROCESSES_WAITING];
	unsigned n_processes;
	uint64_t processes_lost;
};

static inline bool is_replaying(const struct supervisor *s)
{
	return s->options.replay != NULL;
}

/* setup.c */
int setup_identities(struct supervisor *s, struct diag *reterr);
int setup_files(struct supervisor *s, struct diag *reterr);
void setup_signer(struct supervisor *s); /* without it the log goes on, unsigned */
void setup_undo(struct supervisor *s);

/* rotate.c: --rotate-key; the program's exit status */
int rotate_key(const struct options *o);

/* family.c: the two children */
void family_start(struct supervisor *s, struct child *c);
/* Reads what waits, but not without end. True: there may be more. */
bool family_message(struct supervisor *s, struct child *c);
void family_ended(struct supervisor *s, struct child *c, int status);
void family_configure(struct supervisor *s); /* after the configuration was read again */
void family_rotate_key(struct supervisor *s);
void family_audit_status(struct supervisor *s); /* an answer has come */
void family_reaped(struct supervisor *s); /* what is no child of the family has ended */
void family_stop(struct supervisor *s);
void family_tick(struct supervisor *s, uint64_t now_ns); /* whose time has come? */
uint64_t family_deadline(const struct supervisor *s); /* when to tick again */
