/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api/api.h"
#include "base/buf.h"
#include "store/eventlog.h"

/*
 * An API in this process: a real event log in a temporary directory, rows of a core that the test
 * makes up, clients over socket pairs. Nothing happens but what the test does.
 */
#define FACTS_MAX 256

struct harness {
	char dir[64];
	int state_fd;
	struct eventlog *log;
	struct api *api;
	struct api_peer peer; /* whom the next connection is from */
	uint64_t now_ns, now_us;
	uint64_t fed; /* tickets given */
	bool commits; /* feed commits at once */
	bool observed; /* refresh finds somebody */
	unsigned refreshes;
	struct fact facts[FACTS_MAX];
	size_t n_facts;
	uint8_t set[16], setting; /* the last set_audit */
	size_t n_set;
	int set_fails;
	uint64_t last_seq;
};

struct answer {
	unsigned status;
	struct buf head, body;
};

void harness_init(struct harness *h, bool with_log);
void harness_done(struct harness *h);
void harness_restart(struct harness *h, unsigned timeout_s); /* another API on the same log */

struct api_calls harness_calls(struct harness *h);

void log_events(struct harness *h, uint64_t n); /* appends, commits, tells the API */
void settle(struct harness *h); /* commits what was fed */

int client(struct harness *h); /* a new connection, from h->peer */
void client_send(int fd, const char *text);
/* Runs the API until nothing happens any more; *got takes what arrives at fd (-1: none). */
void pump(struct harness *h, int fd, struct buf *got);

/* One request on a connection of its own; the head is made of method, URL and `more` lines. */
void ask(struct harness *h, const char *method, const char *url, const char *more, const char *body,
	struct answer *ret);
void answer_of(const struct buf *octets, struct answer *ret); /* takes chunks apart */
void answer_done(struct answer *a);
#define CLEANUP_ANSWER __attribute__((cleanup(answer_done)))

size_t facts_of(const struct harness *h, unsigned type, unsigned op);
