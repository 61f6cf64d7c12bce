/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/mux.h"

#define COPY_AT_ONCE 65536u
#define WRITE_AT_ONCE 4096u /* what poll() promises to take without blocking */

static int unix_socket(const char *path, bool listens, struct diag *reterr)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd, r;

	if (strlen(path) >= sizeof(name.sun_path))
		return diag_set(reterr, -ENAMETOOLONG, "%s: a socket's path has at most %zu octets",
			path, sizeof(name.sun_path) - 1);
	memcpy(name.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return diag_set(reterr, -errno, "socket: %s", strerror(errno));
	if (!listens)
		r = connect(fd, (struct sockaddr *)&name, sizeof(name));
	else if ((r = bind(fd, (struct sockaddr *)&name, sizeof(name))) == 0)
		r = listen(fd, MUX_SESSIONS_MAX);
	if (r < 0) {
		r = -errno;
		(void)close(fd);
		return diag_set(reterr, r, "%s: %s", path, strerror(-r));
	}
	return fd;
}

/* One direction of the plain bridge. */
struct pipe {
	int from, to;
	bool from_ended; /* and all of it was written */
	size_t at, n;
	uint8_t room[COPY_AT_ONCE];
};

static int fill(struct pipe *p)
{
	ssize_t n = read(p->from, p->room, sizeof(p->room));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	p->from_ended = n == 0;
	p->at = 0;
	p->n = (size_t)n;
	return 0;
}

static int empty(struct pipe *p)
{
	size_t left = p->n - p->at;
	ssize_t n = write(p->to, p->room + p->at, left < WRITE_AT_ONCE ? left : WRITE_AT_ONCE);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	p->at += (size_t)n;
	return 0;
}

/* Until the monitor closes: our caller may end its side first and still wait for the answer. */
static int copy(int fd, struct diag *reterr)
{
	static struct pipe up, down;
	bool told = false;
	int r = 0;

	up = (struct pipe){ .from = STDIN_FILENO, .to = fd };
	down = (struct pipe){ .from = fd, .to = STDOUT_FILENO };
	while (r == 0 && !(down.from_ended && down.at == down.n)) {
		struct pollfd fds[4] = {
			{ .fd = up.at == up.n && !up.from_ended ? up.from : -1, .events = POLLIN },
			{ .fd = up.at < up.n ? up.to : -1, .events = POLLOUT },
			{ .fd = down.at == down.n && !down.from_ended ? down.from : -1,
				.events = POLLIN },
			{ .fd = down.at < down.n ? down.to : -1, .events = POLLOUT },
		};

		if (poll(fds, 4, -1) < 0 && errno != EINTR)
			return diag_set(reterr, -errno, "poll: %s", strerror(errno));
		if (fds[0].revents)
			r = fill(&up);
		if (r == 0 && fds[1].revents)
			r = empty(&up);
		if (r == 0 && fds[2].revents)
			r = fill(&down);
		if (r == 0 && fds[3].revents)
			r = empty(&down);
		if (up.from_ended && !told) {
			(void)shutdown(fd, SHUT_WR);
			told = true;
		}
	}
	if (r == -EPIPE || r == -ECONNRESET)
		return 0;
	return r < 0 ? diag_set(reterr, r, "copying: %s", strerror(-r)) : 0;
}

static bool make_raw(int fd, struct termios *ret_before)
{
	struct termios t;

	if (tcgetattr(fd, ret_before) < 0)
		return false;
	t = *ret_before;
	cfmakeraw(&t);
	return tcsetattr(fd, TCSANOW, &t) == 0;
}

static int run_mux(struct cli *c, const struct mux_options *o, struct diag *reterr)
{
	struct mux_counters n = { 0 };
	struct termios in_before, out_before;
	bool in_raw = make_raw(o->line_in, &in_before),
	     out_raw = make_raw(o->line_out, &out_before);
	int r;

	r = mux_run(o, &n, reterr);
	if (out_raw)
		(void)tcsetattr(o->line_out, TCSADRAIN, &out_before);
	if (in_raw)
		(void)tcsetattr(o->line_in, TCSADRAIN, &in_before);
	if (n.lost || n.refused || arguments_has(c->args, OPTION_LISTEN))
		cli_talk("%" PRIu64 " sessions, %" PRIu64 " refused; the line lost frames %" PRIu64
			 " times and added %" PRIu64 " octets of noise",
			n.sessions, n.refused, n.lost, n.noise);
	return r;
}

static int listen_on(const char *path, struct diag *reterr)
{
	struct stat st;
	int fd;

	/* What an ended bridge left behind; a socket that answers stays. */
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) {
		fd = unix_socket(path, false, NULL);
		if (fd >= 0) {
			(void)close(fd);
			return diag_set(
				reterr, -EADDRINUSE, "%s: somebody listens there already", path);
		}
		(void)unlink(path);
	}
	return unix_socket(path, true, reterr);
}

static int bridge_line(struct cli *c, struct diag *reterr)
{
	const char *path = c->args->values[OPTION_LISTEN];
	struct mux_options o = { .line_in = STDIN_FILENO,
		.line_out = STDOUT_FILENO,
		.listen_fd = -1,
		.connect_path = c->socket_path };
	int r;

	if (path) {
		o.listen_fd = listen_on(path, reterr);
		if (o.listen_fd < 0)
			return o.listen_fd;
	}
	r = cli_catch_end(c, reterr);
	o.wake_fd = c->wake_fd;
	if (r == 0)
		r = run_mux(c, &o, reterr);
	if (path) {
		(void)unlink(path);
		(void)close(o.listen_fd);
	}
	return r;
}

int bridge_run(struct cli *c)
{
	struct diag d = { "" };
	int r, fd;

	if (arguments_has(c->args, OPTION_SERIAL) || arguments_has(c->args, OPTION_LISTEN)) {
		r = bridge_line(c, &d);
		return r < 0 ? cli_fail(c, r, &d) : CLI_DONE;
	}
	fd = unix_socket(c->socket_path, false, &d);
	if (fd < 0)
		return cli_fail(c, -ENOTCONN, &d);
	r = copy(fd, &d);
	(void)close(fd);
	return r < 0 ? cli_fail(c, r, &d) : CLI_DONE;
}
