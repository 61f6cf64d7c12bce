/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "main/log.h"
#include "main/observe/services.h"

/* What speaks to one pluto: the supervisor's whack, whose texts come as files, and its log. */

#define OUTPUT_MAX ((off_t)32 << 20) /* octets of one answer */
#define LOG_PIECE 65536
#define LOG_PIECES 16 /* in one second; the rest in the next */

/* The first line of what whack said, for people; '?' for what is no text. */
static void first_line(struct span text, char *ret, size_t size)
{
	size_t n = 0;

	for (; n < text.n && n < size - 1 && text.p[n] != '\n'; n++)
		ret[n] = (char)(text.p[n] < ' ' || text.p[n] > '~' ? '?' : text.p[n]);
	ret[n] = '\0';
}

static void judge(struct daemon *d, struct span text, int status)
{
	char line[128], why[IDENTITY_SIZE];

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		d->answered = true;
		service_source_control(d->source, CONTROL_OPEN, "");
		return;
	}
	first_line(text, line, sizeof(line));
	if (WIFEXITED(status))
		(void)snprintf(why, sizeof(why), "whack ended with status %d%s%s",
			WEXITSTATUS(status), line[0] ? ": " : "", line);
	else
		(void)snprintf(why, sizeof(why), "whack was ended by signal %d", WTERMSIG(status));
	service_source_control(d->source, d->answered ? CONTROL_LOST : CONTROL_REFUSED, why);
}

static int read_all(int fd, uint8_t **ret, size_t *ret_n)
{
	struct stat st;
	uint8_t *p;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -EBADF;
	if (st.st_size > OUTPUT_MAX)
		return -EMSGSIZE;
	p = malloc((size_t)st.st_size + 1);
	if (!p)
		return -ENOMEM;
	n = pread(fd, p, (size_t)st.st_size, 0);
	if (n < 0) {
		n = -errno;
		free(p);
		return (int)n;
	}
	*ret = p;
	*ret_n = (size_t)n;
	return 0;
}

void pluto_whacked(struct daemon *d, const struct ipc_message *m, int fd)
{
	int status = m->error ? -m->error : (int)m->status;
	uint8_t *p = NULL;
	size_t n = 0;
	int r;

	if (!d->asked)
		return;
	d->asked = false;
	r = m->error ? 0 : read_all(fd, &p, &n);
	if (r < 0)
		status = r;
	if (status < 0)
		service_source_control(d->source, d->answered ? CONTROL_LOST : CONTROL_REFUSED,
			m->text[0] ? m->text : strerror(-status));
	else
		judge(d, span_of(p, n), status);
	libreswan_output(d->libreswan, d->list, span_of(p, n), status);
	free(p);
}

static void ask(struct daemon *d, uint64_t now_ns)
{
	struct ipc_message m = { .type = IPC_WHACK, .service.id = d->service.id };

	if (d->asked || !libreswan_due(d->libreswan, now_ns, &d->list))
		return;
	m.status = d->list;
	d->asked = ipc_send(IPC_CONTROL_FD, &m, NULL, 0) == 0;
	if (!d->asked)
		libreswan_output(d->libreswan, d->list, span_of(NULL, 0), -EAGAIN);
}

/* What has been written since. A log that became shorter was begun anew. */
static void read_log(struct daemon *d)
{
	static uint8_t piece[LOG_PIECE];
	struct stat st;
	ssize_t n;

	if (d->log < 0 || fstat(d->log, &st) < 0)
		return;
	if (st.st_size < d->log_at)
		d->log_at = 0;
	for (unsigned i = 0; i < LOG_PIECES; i++) {
		n = pread(d->log, piece, sizeof(piece), d->log_at);
		if (n <= 0)
			return;
		d->log_at += n;
		libreswan_log(d->libreswan, span_of(piece, (size_t)n));
		if (libreswan_words(d->libreswan)[0] != '\0')
			service_source_words(
				d->source, SERVICE_STOPPED, libreswan_words(d->libreswan));
	}
}

/* The first is read from where it ends now; one that took its place, from its beginning. */
void pluto_log(struct daemon *d, int fd)
{
	struct stat st;
	bool first = d->log < 0;

	read_log(d);
	if (d->log >= 0)
		close(d->log);
	d->log = fd;
	d->log_at = first && fstat(fd, &st) == 0 ? st.st_size : 0;
}

int pluto_begin(struct daemon *d)
{
	return libreswan_new(d->service.id, d->netns, &d->sink, &d->libreswan);
}

void pluto_second(struct daemon *d, uint64_t now_ns)
{
	if (!d->libreswan)
		return;
	read_log(d);
	ask(d, now_ns);
}

void pluto_done(struct daemon *d)
{
	d->libreswan = libreswan_free(d->libreswan);
	if (d->log >= 0)
		close(d->log);
	d->log = -1;
}
