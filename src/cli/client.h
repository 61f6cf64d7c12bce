/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/diag.h"
#include "base/span.h"

/*
 * HTTP over the monitor's unix socket. Every call waits for its answer, but ends early with -EINTR
 * when the wake descriptor becomes readable. Failures:
 *   -ENOTCONN  nobody listens, or we may not connect: *reterr says what to do
 *   -EINTR     woken
 *   -EPIPE     the monitor went away in the middle of an answer
 *   -EBADMSG   what came is not what the API promises
 *   -EINVAL    the monitor refused the request as wrong (400)
 *   -EACCES    …as not allowed (403)
 *   -ENOENT    …as unknown (404)
 *   -EIO       …for another reason
 */
struct client;

#define CLIENT_LINE_MAX ((size_t)1 << 20) /* octets of one line of a stream */
#define CLIENT_BODY_MAX ((size_t)64 << 20) /* octets of an answer taken whole */

int client_new(const char *socket_path, struct client **ret, struct diag *reterr); /* -ENOMEM */
struct client *client_free(struct client *c); /* takes NULL */
DEFINE_FREEP(client)

void client_wake_by(struct client *c, int fd); /* the wake descriptor, borrowed; -1: none */

/* path: from /api/v1 on, with its query. body: JSON text or NULL. *ret may be NULL: not wanted. */
int client_call(struct client *c, const char *method, const char *path, const char *body,
	json_t **ret, struct diag *reterr);

/* Each line of the answer, without its newline; each returns false to end it. */
typedef bool client_line_fn(void *userdata, struct span line);
int client_lines(struct client *c, const char *path, const char *accept, client_line_fn *each,
	void *userdata, struct diag *reterr);

/* The answer's octets as they come; each returns false to end it (-ECANCELED). */
typedef bool client_octets_fn(void *userdata, struct span octets);
int client_octets(struct client *c, const char *path, client_octets_fn *each, void *userdata,
	struct diag *reterr);

/* Appends text with everything but letters, digits and -._~ as %XX. */
void url_escape(struct buf *out, const char *text);
/* Appends ?key=value or &key=value; *first is set false. A NULL or empty value adds nothing. */
void url_parameter(struct buf *out, bool *first, const char *key, const char *value);
