/* SPDX-License-Identifier: Apache-2.0 */
#include "source/service/service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "source/service/status.h"
#include "source/service/udp.h"

#define NS_PER_S 1000000000ull
#define SOCKETS_NS (5 * NS_PER_S) /* between readings, once there are any */
#define CAUSE_NS (2 * NS_PER_S) /* for audit, last words and the parent, which reaps it */
#define HEARD_NS (NS_PER_S / 2) /* for the last of its threads, once one was heard */
#define PIECE 32768

struct service_source {
	struct source_sink sink;
	uint64_t netns;
	struct service service;
	int pidfd, udp[2]; /* IPv4, IPv6 */
	int mark_dir;
	char mark[NAME_SIZE];
	bool mark_seen; /* was there while it ran */
	bool marked; /* was there still when it had ended */
	bool ended, over;
	uint64_t ended_ns; /* by the first tick behind the end; 0: none yet */
	uint64_t sockets_ns; /* when to read them again */
	bool heard; /* the status below, from the kernel as it ended */
	int heard_status;
	uint32_t crash; /* signal, from audit */
	uint8_t last_end; /* enum service_end of the daemon's own words; SERVICE_RUNS: none */
	char last_words[IDENTITY_SIZE];
	uint8_t state;
	char reason[FACT_TEXT_SIZE];
	uint64_t losses;
	struct udp_reading sockets, reading;
	struct udp_own own;
	uint8_t piece[PIECE];
	struct fact fact;
};

static void emit(struct service_source *s)
{
	s->sink.emit(s->sink.userdata, &s->fact);
}

static void begin(struct service_source *s, uint8_t type)
{
	s->fact = (struct fact){ .type = type, .source = SOURCE_SERVICE, .netns = s->netns };
}

static void tell_state(struct service_source *s)
{
	begin(s, FACT_SOURCE);
	s->fact.source_change.id = SOURCE_SERVICE;
	s->fact.source_change.state = s->state;
	s->fact.source_change.losses = s->losses;
	s->fact.source_change.resolution_ms = SOCKETS_NS / 1000000;
	memcpy(s->fact.source_change.reason, s->reason, sizeof(s->reason));
	emit(s);
}

static void state_is(struct service_source *s, uint8_t state, const char *reason)
{
	if (s->state == state && !strcmp(s->reason, reason))
		return;
	s->state = state;
	(void)snprintf(s->reason, sizeof(s->reason), "%s", reason);
	tell_state(s);
}

static void tell_service(struct service_source *s)
{
	begin(s, FACT_SERVICE);
	s->fact.service = s->service;
	emit(s);
}

static void tell_list(struct service_source *s, uint8_t phase)
{
	begin(s, FACT_IKE_DUMP);
	s->fact.ike_dump.service = s->service.id;
	s->fact.ike_dump.list = IKE_LIST_SOCKETS;
	s->fact.ike_dump.phase = phase;
	s->fact.ike_dump.daemon = s->service.daemon;
	emit(s);
}

static void tell_sockets(struct service_source *s)
{
	tell_list(s, DUMP_BEGIN);
	for (uint32_t i = 0; i < s->sockets.n; i++) {
		begin(s, FACT_IKE_SOCKET);
		s->fact.ike_socket = s->sockets.v[i];
		s->fact.ike_socket.service = s->service.id;
		emit(s);
	}
	tell_list(s, DUMP_END);
}

/* Piece by piece: of a host with many sockets the text is long, and a line may be cut. */
static int read_family(struct service_source *s, int fd, uint8_t family)
{
	size_t kept = 0;
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, s->piece + kept, sizeof(s->piece) - kept, at)) > 0) {
		size_t all = kept + (size_t)n;
		size_t used = udp_parse(span_of(s->piece, all), family, &s->reading);

		at += n;
		kept = all - used;
		if (kept == sizeof(s->piece))
			return -EMSGSIZE; /* no line is so long */
		memmove(s->piece, s->piece + used, kept);
	}
	return n < 0 ? -errno : 0;
}

static void read_sockets(struct service_source *s)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	char why[FACT_TEXT_SIZE] = "";
	int r = 0;

	s->reading.n = s->reading.refused = 0;
	for (size_t i = 0; i < ARRAY_LEN(families) && r == 0; i++) {
		/* Without IPv6 in the kernel there is no udp6. */
		if (s->udp[i] >= 0)
			r = read_family(s, s->udp[i], families[i]);
	}
	if (s->udp[0] < 0)
		r = -ENOENT;
	if (r < 0) {
		(void)snprintf(why, sizeof(why), "the UDP sockets of %s cannot be read: %s",
			s->service.name, strerror(-r));
		state_is(s, SOURCE_LOST, why);
		return;
	}
	if (s->reading.refused > 0) {
		s->losses += s->reading.refused;
		(void)snprintf(why, sizeof(why), "%u UDP sockets were not understood, or too many",
			s->reading.refused);
	}
	state_is(s, SOURCE_IN_STEP, why);
	if (s->reading.n == s->sockets.n &&
		!memcmp(s->reading.v, s->sockets.v, s->reading.n * sizeof(s->reading.v[0])))
		return;
	s->sockets = s->reading;
	tell_sockets(s);
}

static bool has_mark(const struct service_source *s)
{
	struct stat st;

	return s->mark_dir >= 0 && fstatat(s->mark_dir, s->mark, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void take_own(struct service_source *s, int fd)
{
	ssize_t n = pread(fd, s->own.inodes, sizeof(s->own.inodes), 0);

	close(fd);
	s->own.n = n < 0 ? UDP_OWN_MAX : (uint32_t)((size_t)n / sizeof(s->own.inodes[0]));
	s->reading.own = &s->own;
}

int service_source_new(const struct service *service, uint64_t netns,
	const struct service_files *files, const struct service_mark *mark,
	const struct source_sink *sink, struct service_source **ret)
{
	struct service_source *s = calloc(1, sizeof(*s));
	int fds[] = { files->pidfd, files->udp4, files->udp6, files->own, mark->dir };

	if (!s) {
		for (size_t i = 0; i < ARRAY_LEN(fds); i++)
			close_one(&fds[i]);
		return -ENOMEM;
	}
	s->sink = *sink;
	s->netns = netns;
	s->service = *service;
	s->service.end = SERVICE_RUNS;
	s->service.control = CONTROL_UNKNOWN;
	s->service.signal = 0;
	s->service.ended_us = 0;
	s->service.why[0] = '\0';
	s->pidfd = files->pidfd;
	s->udp[0] = files->udp4;
	s->udp[1] = files->udp6;
	if (files->own >= 0)
		take_own(s, files->own);
	s->mark_dir = mark->dir;
	if (mark->dir >= 0)
		(void)snprintf(s->mark, sizeof(s->mark), "%s", mark->name);
	s->mark_seen = has_mark(s);
	tell_service(s);
	read_sockets(s);
	*ret = s;
	return 0;
}

struct service_source *service_source_free(struct service_source *s)
{
	if (!s)
		return NULL;
	close_one(&s->pidfd);
	close_one(&s->udp[0]);
	close_one(&s->udp[1]);
	close_one(&s->mark_dir);
	free(s);
	return NULL;
}

int service_source_fd(const struct service_source *s, size_t i)
{
	return i == 0 ? s->pidfd : -1;
}

static bool has_ended(const struct service_source *s)
{
	struct pollfd p = { .fd = s->pidfd, .events = POLLIN };

	return s->pidfd >= 0 && poll(&p, 1, 0) > 0;
}

/* What it may have said of its end; false: we wait for more. */
static bool find_cause(struct service_source *s, bool wait)
{
	struct status_evidence e = { .heard = s->heard,
		.heard_status = s->heard_status,
		.crash = s->crash,
		.words_end = s->last_end,
		.words = s->last_words,
		.mark = !s->mark_seen ? STATUS_MARK_NONE
			: s->marked   ? STATUS_MARK_LEFT
				      : STATUS_MARK_REMOVED,
		.mark_name = s->mark };

	e.kept = status_of_pidfd(s->pidfd, &e.status);
	if (!e.kept && wait)
		return false;
	status_judge(&e, &s->service);
	return true;
}

static void finish(struct service_source *s, bool wait)
{
	if (s->over || !find_cause(s, wait))
		return;
	s->over = true;
	close_one(&s->mark_dir);
	tell_service(s);
}

void service_source_ready(struct service_source *s, size_t i)
{
	if (i != 0 || s->ended || !has_ended(s))
		return;
	s->ended = true;
	s->service.ended_us = clock_real_us();
	/* At once: the next daemon of the kind makes it anew. */
	s->marked = has_mark(s);
	/* These keep its netns from being removed. */
	close_one(&s->udp[0]);
	close_one(&s->udp[1]);
	finish(s, true);
}

void service_source_tick(struct service_source *s, uint64_t now_ns)
{
	if (s->ended) {
		if (s->ended_ns == 0)
			s->ended_ns = now_ns;
		finish(s, now_ns < s->ended_ns + (s->heard ? HEARD_NS : CAUSE_NS));
		return;
	}
	s->mark_seen = s->mark_seen || has_mark(s);
	if (now_ns < s->sockets_ns)
		return;
	read_sockets(s);
	/* One that has just begun has none yet. */
	s->sockets_ns = s->sockets.n > 0 ? now_ns + SOCKETS_NS : 0;
}

bool service_source_ended(const struct service_source *s)
{
	return s->ended;
}

bool service_source_over(const struct service_source *s)
{
	return s->over;
}

void service_source_control(struct service_source *s, uint8_t control, const char *why)
{
	if (s->ended || (s->service.control == control && !strcmp(s->service.why, why)))
		return;
	s->service.control = control;
	(void)snprintf(s->service.why, sizeof(s->service.why), "%s", why);
	tell_service(s);
}

void service_source_version(struct service_source *s, const char *version)
{
	if (s->ended || !strcmp(s->service.version, version))
		return;
	(void)snprintf(s->service.version, sizeof(s->service.version), "%s", version);
	tell_service(s);
}

void service_source_own(struct service_source *s, int fd)
{
	take_own(s, fd);
	if (!s->ended)
		read_sockets(s);
}

void service_source_words(struct service_source *s, uint8_t end, const char *why)
{
	s->last_end = end;
	(void)snprintf(s->last_words, sizeof(s->last_words), "%s", why);
}

void service_source_exit(struct service_source *s, int status)
{
	s->heard = true;
	s->heard_status = status;
}

void service_source_signal(struct service_source *s, uint32_t signal)
{
	s->crash = signal;
}

void service_source_restate(struct service_source *s)
{
	if (s->over)
		return;
	s->service.found = true;
	tell_state(s);
	tell_service(s);
	tell_sockets(s);
}
