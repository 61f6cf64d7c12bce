/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/mux.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/frame.h"

#define LINE_OUT_ENOUGH ((size_t)8 << 10) /* octets waiting for the line: sessions wait too */
#define LINE_CHUNK 1024u /* octets of one write: small, for the line may block */
#define GREETING_MS 1000 /* between greetings until the other end is heard */

struct session {
	bool open;
	bool ending; /* the other side closed: write what is left, then close */
	uint16_t id;
	int fd;
	uint32_t credit; /* octets that the other end still takes */
	uint32_t taken; /* octets written to fd since the last FRAME_WINDOW */
	struct buf out; /* for fd: at most MUX_WINDOW */
};

struct mux {
	const struct mux_options *o;
	struct mux_counters n;
	struct buf in, out; /* of the line */
	uint16_t seq_out, seq_in; /* next */
	bool heard; /* a frame came: seq_in counts */
	uint16_t last_id;
	struct session sessions[MUX_SESSIONS_MAX];
};

static void put(struct mux *m, uint8_t type, uint16_t session, struct span payload)
{
	struct frame f = {
		.type = type, .session = session, .seq = m->seq_out++, .payload = payload
	};

	frame_encode(&f, &m->out);
	m->n.frames_out++;
}

static void put_reset(struct mux *m, uint8_t kind) /* enum frame_reset */
{
	put(m, FRAME_RESET, 0, span_of(&kind, 1));
}

static void drop(struct session *s)
{
	(void)close(s->fd);
	buf_done(&s->out);
	*s = (struct session){ .fd = -1 };
}

/* The other end may have opened one since: it is told of each. */
static void drop_all(struct mux *m)
{
	for (size_t i = 0; i < MUX_SESSIONS_MAX; i++) {
		struct session *s = &m->sessions[i];

		if (!s->open)
			continue;
		if (!s->ending)
			put(m, FRAME_CLOSE, s->id, span_of(NULL, 0));
		drop(s);
	}
}

static struct session *find(struct mux *m, uint16_t id)
{
	for (size_t i = 0; i < MUX_SESSIONS_MAX; i++) {
		if (m->sessions[i].open && m->sessions[i].id == id)
			return &m->sessions[i];
	}
	return NULL;
}

static struct session *vacant(struct mux *m)
{
	for (size_t i = 0; i < MUX_SESSIONS_MAX; i++) {
		if (!m->sessions[i].open)
			return &m->sessions[i];
	}
	return NULL;
}

static void begin(struct mux *m, struct session *s, uint16_t id, int fd)
{
	*s = (struct session){ .open = true,
		.id = id,
		.fd = fd,
		.credit = MUX_WINDOW,
		.out = { .limit = MUX_WINDOW } };
	m->n.sessions++;
}

static void on_client(struct mux *m)
{
	struct session *s = vacant(m);
	int fd = accept4(m->o->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	do
		m->last_id++;
	while (m->last_id == 0 || find(m, m->last_id));
	begin(m, s, m->last_id, fd);
	put(m, FRAME_OPEN, s->id, span_of(NULL, 0));
}

static int connect_to(const char *path)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd;

	if (!path || strlen(path) >= sizeof(name.sun_path))
		return -EINVAL;
	memcpy(name.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&name, sizeof(name)) < 0) {
		int r = -errno;

		(void)close(fd);
		return r;
	}
	return fd;
}

static void on_open(struct mux *m, uint16_t id)
{
	struct session *s = vacant(m);
	int fd = -1;

	if (m->o->listen_fd < 0 && id != 0 && s && !find(m, id))
		fd = connect_to(m->o->connect_path);
	if (fd < 0) {
		m->n.refused++;
		put(m, FRAME_CLOSE, id, span_of(NULL, 0));
		return;
	}
	begin(m, s, id, fd);
}

static void write_session(struct mux *m, struct session *s)
{
	ssize_t n = 0;

	if (s->out.n > 0)
		n = send(s->fd, s->out.p, s->out.n, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		if (!s->ending)
			put(m, FRAME_CLOSE, s->id, span_of(NULL, 0));
		drop(s);
		return;
	}
	if (n > 0) {
		buf_drop_front(&s->out, (size_t)n);
		s->taken += (uint32_t)n;
	}
	if (s->ending && s->out.n == 0) {
		drop(s);
	} else if (!s->ending && s->taken >= MUX_WINDOW / 2) {
		CLEANUP_BUF struct buf payload = { 0 };

		buf_u32(&payload, s->taken);
		s->taken = 0;
		put(m, FRAME_WINDOW, s->id, buf_span(&payload));
	}
}

static void on_data(struct mux *m, struct session *s, struct span payload)
{
	buf_append(&s->out, payload.p, payload.n);
	if (s->out.failed) { /* more than the window: not a peer that keeps to the rules */
		put(m, FRAME_CLOSE, s->id, span_of(NULL, 0));
		drop(s);
		return;
	}
	write_session(m, s);
}

static void on_window(struct session *s, struct span payload)
{
	struct reader r;
	uint32_t more;

	reader_init(&r, payload);
	more = reader_u32(&r);
	if (reader_ok(&r) && more <= MUX_WINDOW - s->credit)
		s->credit += more;
}

static void on_reset(struct mux *m, struct span payload)
{
	uint8_t kind = payload.n == 1 ? payload.p[0] : FRAME_RESET_LOST;

	if (kind != FRAME_RESET_ANSWERS)
		drop_all(m);
	if (kind == FRAME_RESET_ASKS)
		put_reset(m, FRAME_RESET_ANSWERS);
}

static void on_session_frame(struct mux *m, struct session *s, const struct frame *f)
{
	if (f->type == FRAME_DATA) {
		on_data(m, s, f->payload);
	} else if (f->type == FRAME_WINDOW) {
		on_window(s, f->payload);
	} else if (f->type == FRAME_CLOSE) {
		s->ending = true;
		write_session(m, s);
	}
}

static void on_frame(struct mux *m, const struct frame *f)
{
	bool begins =
		f->type == FRAME_RESET && f->payload.n == 1 && f->payload.p[0] == FRAME_RESET_ASKS;
	bool missing = m->heard && f->seq != m->seq_in && !begins;
	struct session *s;

	m->n.frames_in++;
	m->heard = true;
	m->seq_in = (uint16_t)(f->seq + 1);
	if (missing) {
		m->n.lost++;
		drop_all(m);
		put_reset(m, FRAME_RESET_LOST);
		return;
	}
	s = find(m, f->session);
	if (f->type == FRAME_RESET)
		on_reset(m, f->payload);
	else if (f->type == FRAME_OPEN)
		on_open(m, f->session);
	else if (s && !s->ending)
		on_session_frame(m, s, f);
}

static int read_line(struct mux *m, struct diag *reterr)
{
	uint8_t room[4096];
	ssize_t n = read(m->o->line_in, room, sizeof(room));
	enum frame_result result;

	if (n == 0)
		return -ESHUTDOWN;
	if (n < 0)
		return errno == EINTR || errno == EAGAIN
			       ? 0
			       : diag_set(reterr, -errno, "reading the line: %s", strerror(errno));
	buf_append(&m->in, room, (size_t)n);
	do {
		struct frame f;
		size_t used, noise;

		result = frame_decode(buf_span(&m->in), &f, &used, &noise);
		m->n.noise += noise;
		if (result == FRAME_OK)
			on_frame(m, &f);
		buf_drop_front(&m->in, used);
	} while (result == FRAME_OK);
	return m->in.failed ? diag_set(reterr, -ENOMEM, "out of memory") : 0;
}

static int write_line(struct mux *m, struct diag *reterr)
{
	size_t want = m->out.n < LINE_CHUNK ? m->out.n : LINE_CHUNK;
	ssize_t n = write(m->o->line_out, m->out.p, want);

	if (n >= 0)
		buf_drop_front(&m->out, (size_t)n);
	else if (errno == EPIPE)
		return -ESHUTDOWN;
	else if (errno != EINTR && errno != EAGAIN)
		return diag_set(reterr, -errno, "writing to the line: %s", strerror(errno));
	return m->out.failed ? diag_set(reterr, -ENOMEM, "out of memory") : 0;
}

static void read_session(struct mux *m, struct session *s)
{
	uint8_t room[FRAME_PAYLOAD_MAX];
	size_t want = s->credit < sizeof(room) ? s->credit : sizeof(room);
	ssize_t n = recv(s->fd, room, want, 0);

	if (n > 0) {
		s->credit -= (uint32_t)n;
		put(m, FRAME_DATA, s->id, span_of(room, (size_t)n));
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		put(m, FRAME_CLOSE, s->id, span_of(NULL, 0));
		drop(s);
	}
}

static short session_events(const struct mux *m, const struct session *s)
{
	short events = 0;

	if (s->out.n > 0)
		events |= POLLOUT;
	if (!s->ending && s->credit > 0 && m->out.n < LINE_OUT_ENOUGH)
		events |= POLLIN;
	return events;
}

static void serve(struct mux *m, struct session *s, short wanted, short seen)
{
	if (seen & (POLLOUT | POLLERR) && s->out.n > 0)
		write_session(m, s);
	/* An error or the end shows by reading; without room for it, it waits its turn. */
	if (s->open && wanted & POLLIN && seen & (POLLIN | POLLHUP | POLLERR))
		read_session(m, s);
}

static int turn(struct mux *m, struct diag *reterr)
{
	enum { LINE_IN, LINE_OUT, LISTEN, WAKE, SESSIONS };
	struct pollfd fds[SESSIONS + MUX_SESSIONS_MAX];
	int r;

	fds[LINE_IN] = (struct pollfd){ .fd = m->o->line_in, .events = POLLIN };
	fds[LINE_OUT] = (struct pollfd){ .fd = m->out.n ? m->o->line_out : -1, .events = POLLOUT };
	fds[LISTEN] = (struct pollfd){ .fd = m->heard && vacant(m) ? m->o->listen_fd : -1,
		.events = POLLIN };
	fds[WAKE] = (struct pollfd){ .fd = m->o->wake_fd, .events = POLLIN };
	for (size_t i = 0; i < MUX_SESSIONS_MAX; i++) {
		const struct session *s = &m->sessions[i];
		short events = s->open ? session_events(m, s) : 0;

		fds[SESSIONS + i] = (struct pollfd){ .fd = events ? s->fd : -1, .events = events };
	}
	r = poll(fds, SESSIONS + MUX_SESSIONS_MAX, m->heard ? -1 : GREETING_MS);
	if (r < 0)
		return errno == EINTR ? 0 : diag_set(reterr, -errno, "poll: %s", strerror(errno));
	if (r == 0)
		put_reset(m, FRAME_RESET_ASKS);
	if (fds[WAKE].revents)
		return -ESHUTDOWN;
	for (size_t i = 0; i < MUX_SESSIONS_MAX; i++) {
		if (fds[SESSIONS + i].revents)
			serve(m, &m->sessions[i], fds[SESSIONS + i].events,
				fds[SESSIONS + i].revents);
	}
	if (fds[LISTEN].revents)
		on_client(m);
	r = fds[LINE_OUT].revents ? write_line(m, reterr) : 0;
	if (r == 0 && fds[LINE_IN].revents)
		r = read_line(m, reterr);
	return r;
}

int mux_run(const struct mux_options *o, struct mux_counters *ret, struct diag *reterr)
{
	struct mux m = { .o = o };
	int r;

	for (size_t i = 0; i < MUX_SESSIONS_MAX; i++)
		m.sessions[i].fd = -1;
	put_reset(&m, FRAME_RESET_ASKS);
	do
		r = turn(&m, reterr);
	while (r == 0);
	drop_all(&m);
	buf_done(&m.in);
	buf_done(&m.out);
	*ret = m.n;
	return r == -ESHUTDOWN ? 0 : r;
}
