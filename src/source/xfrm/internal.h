/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/map.h"
#include "source/xfrm/xfrm.h"

/* Between the files of this folder. Bits of xfrm_want name questions; COUNTS is asked as two. */
enum {
	QUESTION_SAD = 16,
	QUESTION_SPD = 32,
};

#define XFRM_TOUCHED_MAX 8192 /* objects that notifications name while one slice waits */

struct xfrm {
	struct xfrm_options options;
	struct source_sink sink;
	int fds[XFRM_FDS];
	int listeners; /* /proc/net/netlink; -1: none */
	bool hears_acquire;

	uint8_t state; /* enum source_state */
	char reason[FACT_TEXT_SIZE];
	uint64_t losses;
	uint64_t drops[XFRM_FD_REQUESTS]; /* of the socket, as last seen */
	bool congested[XFRM_FD_REQUESTS]; /* lost some, and has not been read empty since */
	bool refused; /* may not subscribe or ask */

	unsigned wanted; /* questions to ask */
	unsigned running; /* the one asked, or 0 */
	unsigned resync; /* kinds whose next dump follows a loss */
	uint32_t seq; /* of the last request */
	bool ending; /* the dump's last slice is read; notifications are not yet */
	bool drained[XFRM_FD_REQUESTS]; /* since then */
	bool again; /* one dump was repeated at once since the last round */
	bool spoiled; /* the running dump can't be trusted */
	int dump_error; /* -errno that the kernel ended it with */
	unsigned failed; /* kinds whose last dump the kernel refused */
	struct map *touched; /* what overtook the slice that waits in the socket */

	bool defaults_known;
	bool counted[2]; /* [0] SAs, [1] policies: expect is known */
	bool counting; /* the next counts are the base, not a check */
	int64_t expect[2], expect_sockets;
	unsigned stale;
	struct fact fact; /* the one being built: too big for the stack in a loop */
};

void xfrm_emit(struct xfrm *x); /* x->fact */
void xfrm_state_is(struct xfrm *x, uint8_t state, const char *reason); /* tells when it is new */
void xfrm_settle(struct xfrm *x); /* in step, when nothing is outstanding */

/* dump.c: questions and answers */
void xfrm_ask_next(struct xfrm *x);
void xfrm_read_answers(struct xfrm *x, unsigned n_datagrams);
/*
 * Dumps these kinds again: at once the first time since the last round, then in the next one. In a
 * storm that outruns us we would do nothing but dump.
 */
void xfrm_again(struct xfrm *x, unsigned kinds);
void xfrm_end_dump(struct xfrm *x); /* when notifications are read empty */
void xfrm_forget_touched(struct xfrm *x);

/* follow.c: notifications */
void xfrm_follow(struct xfrm *x, size_t i);
bool xfrm_is_touched(const struct xfrm *x); /* is x->fact's object? */
