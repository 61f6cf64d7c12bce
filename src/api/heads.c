/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/internal.h"
#include "sign/keyring.h"
#include "store/headsfile.h"

/* Signed heads and public keys, for other hosts to keep: what they hold the log against later. */

struct answer {
	struct buf out;
	bool lines;
	uint64_t n;
};

static bool add_head(void *userdata, struct span line)
{
	struct answer *a = userdata;

	if (a->n++ > 0 && !a->lines)
		buf_char(&a->out, ',');
	buf_append(&a->out, line.p, line.n);
	if (a->lines)
		buf_char(&a->out, '\n');
	return !a->out.failed;
}

static bool number_of(const char *text, uint64_t *ret)
{
	char *end;

	*ret = 0;
	if (!text)
		return true;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

static enum MHD_Result no_log(struct request *q)
{
	return answer_error(q, MHD_HTTP_NOT_FOUND, NULL, "there is no event log here");
}

enum MHD_Result handle_heads(struct request *q)
{
	struct answer a = { .lines = request_wants_lines(q) };
	enum MHD_Result answered;
	uint64_t since;
	int r;

	if (q->api->options.state_fd < 0)
		return no_log(q);
	if (!number_of(request_param(q, "since"), &since))
		return answer_error(q, MHD_HTTP_BAD_REQUEST, "since=NUMBER: heads above that",
			"since: '%.40s' is no number", request_param(q, "since"));
	if (!a.lines)
		buf_text(&a.out, "{\"items\":[");
	r = headsfile_scan(q->api->options.state_fd, since, add_head, &a);
	if (r < 0 && r != -ENOENT) {
		buf_done(&a.out);
		return answer_error(q, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL,
			"the heads can't be read: %s", strerror(-r));
	}
	if (!a.lines)
		buf_printf(&a.out, "],\"total\":%llu}\n", (unsigned long long)a.n);
	answered = answer_buf(q, MHD_HTTP_OK, &a.out, a.lines ? "application/x-ndjson" : NULL, a.n);
	buf_done(&a.out);
	return answered;
}

enum MHD_Result handle_keys(struct request *q)
{
	CLEANUP_BUF struct buf out = { .limit = KEYRING_OCTETS_MAX };
	char part[4096];
	ssize_t n;
	int fd;

	if (q->api->options.state_fd < 0)
		return no_log(q);
	fd = openat(q->api->options.state_fd, KEYS_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return answer_error(q,
			errno == ENOENT ? MHD_HTTP_NOT_FOUND : MHD_HTTP_INTERNAL_SERVER_ERROR,
			"ipsecmon status says why", "the log is not signed: %s", strerror(errno));
	while ((n = read(fd, part, sizeof(part))) > 0)
		buf_append(&out, part, (size_t)n);
	close(fd);
	return answer_buf(q, MHD_HTTP_OK, &out, "application/x-pem-file", NO_TOTAL);
}
