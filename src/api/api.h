/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "base/span.h"
#include "core/core.h"
#include "model/fact.h"
#include "store/sqlite/index.h"

/*
 * HTTP/JSON under /api/v1 on a unix socket: see doc/api.md. Answers from the core's rows and from
 * the event log; changes nothing by itself: it asks the process through struct api_calls. It has
 * no thread and never blocks: the process watches api_fd() and calls api_run().
 *
 * Who speaks is known by the socket (SO_PEERCRED). What must be in the log before an answer goes
 * out (reading the log, changes) waits for api_committed().
 */
struct api;

#define API_CONNECTIONS_MAX 64
#define API_STREAMS_MAX 32
#define API_BODY_MAX ((size_t)64 << 10) /* octets of a request's body */
#define API_ROWS_MAX 100000u /* rows of one answer */
#define API_ANSWERS_MAX ((size_t)256 << 20) /* octets of all answers not yet taken */
#define API_RING_LINES 4096u /* committed events kept for streams; the log has the older ones */
#define API_RING_OCTETS ((size_t)4 << 20)

/* Who is at the other end of a connection. */
struct api_peer {
	uint32_t uid, pid, auid; /* UINT32_MAX: unset or not to be known */
	bool may_read, may_change;
};

/* State of the log beside what its directory shows. */
struct api_log_state {
	uint64_t last_seq; /* committed */
	uint64_t lost; /* events that no line could be written for */
	uint64_t waiting; /* events in the open group */
	int error; /* of the last write, -errno; 0: it works */
	int seal_error; /* why a closed segment is not sealed, -errno; 0: none failed */
	uint64_t head, head_us; /* number and time of the last signed head; 0: none */
	const char *key; /* fingerprint of who signs; NULL: nobody */
	const char *unsigned_why; /* why heads are not signed now; NULL: they are */
};

struct api_calls {
	void *userdata;
	uint64_t (*boot_ns)(void *userdata);
	uint64_t (*real_us)(void *userdata);
	/*
	 * Stamps and feeds a fact of ours. The ticket is due for api_committed() once all that it
	 * caused is durable. NULL: nothing can be fed (a replay): the API is read-only.
	 */
	uint64_t (*feed)(void *userdata, struct fact *f);
	/*
	 * Keeps the setting of these subcategories on disk, then feeds a FACT_AUDIT_SETTING each.
	 * 0 and the last one's ticket; or -errno and nothing is changed.
	 */
	int (*set_audit)(void *userdata, const struct api_peer *who, const uint8_t *subcategories,
		size_t n, uint8_t setting, uint64_t *ret_ticket, struct diag *reterr);
	/*
	 * Throws the index away, to be built anew, and tells so by an event. 0 and its ticket, or
	 * -errno. NULL: there is none.
	 */
	int (*reindex)(void *userdata, const struct api_peer *who, uint64_t *ret_ticket);
	bool (*refresh)(void *userdata); /* read and dump now; false: nobody is there to do so */
	void (*log_state)(void *userdata, struct api_log_state *ret);
	/* NULL: from the socket. 0 or -errno. For tests. */
	int (*peer)(void *userdata, int fd, struct api_peer *ret);
};

struct api_options {
	const struct core *core; /* borrowed */
	int listen_fd; /* taken over; -1: none, see api_adopt() */
	int state_fd; /* state directory with the log, borrowed; -1: there is none (a replay) */
	struct index *index; /* of the log there, borrowed; NULL: answers are scanned for */
	uint64_t last_seq; /* of the newest committed event at this moment */
	bool has_read_gid, has_admin_gid;
	uint32_t read_gid, admin_gid; /* of the groups ipsecmon, ipsecmon-admin */
	uint32_t own_uid; /* core runs as */
	bool is_private; /* … which is an ordinary user, who may change then */
	const char *runs_as; /* in words, for status; copied */
	unsigned timeout_s; /* a client that takes nothing that long is cut off; 0: 30 */
	struct api_calls calls;
};

int api_new(const struct api_options *o, struct api **ret, struct diag *reterr);
struct api *api_free(struct api *a); /* takes NULL; ends all connections */
DEFINE_FREEP(api)

int api_fd(const struct api *a); /* to be watched for reading */
int api_timeout_ms(struct api *a); /* api_run() at the latest then; -1: whenever */
void api_run(struct api *a);
int api_adopt(struct api *a, int fd); /* serves a connected stream socket; takes fd over */

/* What happened in the process. Then call api_run() soon. */
void api_event(struct api *a, struct span line); /* this event's line is durable */
void api_committed(struct api *a, uint64_t ticket); /* all tickets up to this one are settled */
void api_polled(struct api *a, uint64_t ticket); /* a FACT_POLL was fed, with this ticket */

struct api_counts {
	uint64_t requests, refused; /* by authorisation */
	uint64_t cut; /* clients that did not take their answer or stream in time */
	uint64_t turned_away; /* by our limits */
	unsigned connections, streams;
};
void api_counts(const struct api *a, struct api_counts *ret);
