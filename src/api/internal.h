/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <microhttpd.h>

#include "api/access.h"
#include "api/api.h"
#include "api/ring.h"
#include "base/buf.h"

/* What the parts of the API share. A request lives from its head to the end of its answer. */

struct request;

/* MHD_NO ends the connection. Called again after each wait, with q->step as it left it. */
typedef enum MHD_Result handler_fn(struct request *q);

struct route {
	const char *method; /* GET answers HEAD too */
	const char *path; /* one ending in / takes a name behind it */
	const char *const *params; /* NULL-terminated */
	handler_fn *handler;
	const struct noun *noun; /* of lists */
	const char *summary;
};
extern const struct route api_routes[]; /* ends with a NULL method */

enum wait {
	WAIT_NONE = 0,
	WAIT_COMMIT, /* until `ticket` is settled */
	WAIT_POLL, /* until `polls` more rounds are over */
	WAIT_STREAM, /* until there is an event to send */
};

struct request {
	struct api *api;
	struct MHD_Connection *connection;
	const struct api_peer *peer;
	const struct route *route;
	const char *tail; /* name behind the route's path, or NULL; owned */
	char *url; /* owned */
	struct buf body;
	enum wait wait;
	unsigned step; /* the handler's own */
	unsigned polls;
	uint64_t ticket, deadline_ns;
	bool late; /* a wait ended by its deadline */
	bool answered, is_stream;
	size_t answer_octets; /* counted in api.answers */
	struct request *next, *prev;
};

struct api {
	struct MHD_Daemon *daemon;
	int fd;
	struct api_options options;
	struct api_calls calls;
	char *runs_as;
	struct access access;
	struct ring ring;
	uint64_t last_seq; /* newest committed event */
	uint64_t ticket; /* settled up to here */
	uint64_t polled; /* the ticket of the newest round of readings */
	size_t answers;
	struct api_counts counts;
	struct request *requests;
	bool news; /* events since streams were last woken */
	bool ending;
};

/* Takes the octets of body over. content_type NULL: JSON. */
enum MHD_Result answer_buf(struct request *q, unsigned status, struct buf *body,
	const char *content_type, uint64_t total);
#define NO_TOTAL UINT64_MAX
enum MHD_Result answer_error(struct request *q, unsigned status, const char *hint,
	const char *format, ...) PRINTF_LIKE(4, 5);
enum MHD_Result answer_response(
	struct request *q, unsigned status, struct MHD_Response *r, const char *content_type);

const char *request_param(const struct request *q, const char *key); /* NULL: not given */
bool request_wants_lines(const struct request *q); /* Accept: application/x-ndjson */
/* Suspends until api_committed() says so, at most a few seconds (then q->late). */
enum MHD_Result request_wait(struct request *q, enum wait wait);
void request_wake(struct request *q);
/*
 * The access to the log is a fact, and its event durable: true. Else the request waits and the
 * handler comes again; or *ret_answer holds the refusal.
 */
bool request_logged(
	struct request *q, uint8_t op, const char *what, bool fold, enum MHD_Result *ret_answer);

handler_fn handle_rows, handle_events, handle_stream, handle_status, handle_schema, handle_segments,
	handle_segment, handle_heads, handle_keys, handle_audit_setting, handle_refresh,
	handle_reindex, handle_find;
