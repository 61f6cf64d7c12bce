/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ERROR_BODY_MAX ((size_t)64 << 10)

struct client {
	CURLM *multi;
	CURL *easy;
	char *path;
	int wake_fd;
};

/* One answer on its way. Of a refusal the body is kept whole, whatever was asked for. */
struct answer {
	CURL *easy;
	struct buf held; /* a body, or the beginning of a line */
	client_line_fn *line;
	client_octets_fn *octets;
	void *userdata;
	bool enough; /* the caller has what it wants */
	bool too_long;
	long status;
};

int client_new(const char *socket_path, struct client **ret, struct diag *reterr)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		return diag_set(reterr, -ENOMEM, "out of memory");
	c->wake_fd = -1;
	c->path = strdup(socket_path);
	c->multi = curl_multi_init();
	c->easy = curl_easy_init();
	if (!c->path || !c->multi || !c->easy) {
		client_free(c);
		return diag_set(reterr, -ENOMEM, "out of memory");
	}
	*ret = c;
	return 0;
}

struct client *client_free(struct client *c)
{
	if (c) {
		curl_easy_cleanup(c->easy);
		(void)curl_multi_cleanup(c->multi);
		free(c->path);
		free(c);
	}
	return NULL;
}

void client_wake_by(struct client *c, int fd)
{
	c->wake_fd = fd;
}

/* Passes on the whole lines of what is held and of p; keeps the unfinished rest. */
static bool take_lines(struct answer *a, const char *p, size_t n)
{
	while (n > 0) {
		const char *end = memchr(p, '\n', n);
		size_t part = end ? (size_t)(end - p) : n;

		if (a->held.n + part > CLIENT_LINE_MAX) {
			a->too_long = true;
			return false;
		}
		if (!end) {
			buf_append(&a->held, p, n);
			return !a->held.failed;
		}
		if (a->held.n > 0) {
			buf_append(&a->held, p, part);
			a->enough = !a->line(a->userdata, buf_span(&a->held));
			buf_clear(&a->held);
		} else {
			a->enough = !a->line(a->userdata, span_of(p, part));
		}
		if (a->enough)
			return false;
		p += part + 1;
		n -= part + 1;
	}
	return true;
}

static size_t on_octets(char *p, size_t size, size_t n, void *userdata)
{
	struct answer *a = userdata;
	size_t limit = CLIENT_BODY_MAX;
	bool more;

	n *= size;
	if (a->status == 0)
		(void)curl_easy_getinfo(a->easy, CURLINFO_RESPONSE_CODE, &a->status);
	if (a->status < 300 && a->line) {
		more = take_lines(a, p, n);
	} else if (a->status < 300 && a->octets) {
		more = a->octets(a->userdata, span_of(p, n));
		a->enough = !more;
	} else {
		limit = a->status < 300 ? CLIENT_BODY_MAX : ERROR_BODY_MAX;
		a->too_long = a->held.n + n > limit;
		if (!a->too_long)
			buf_append(&a->held, p, n);
		more = !a->too_long && !a->held.failed;
	}
	return more ? n : 0;
}

/* Why curl could not connect, by trying it plainly: curl's own words name no cause. */
static int why_not_reached(const char *path, struct diag *reterr)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd, error = 0;

	if (strlen(path) >= sizeof(name.sun_path))
		return diag_set(reterr, -ENOTCONN, "%s: a socket's path has at most %zu octets",
			path, sizeof(name.sun_path) - 1);
	memcpy(name.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&name, sizeof(name)) < 0)
		error = errno;
	if (fd >= 0)
		(void)close(fd);
	if (error == ENOENT)
		return diag_set(reterr, -ENOTCONN,
			"no monitor at %s\nStart it with `systemctl start ipsecmond`, or name its "
			"socket with "
			"--socket or IPSECMON_SOCKET.",
			path);
	if (error == ECONNREFUSED)
		return diag_set(reterr, -ENOTCONN,
			"the monitor at %s does not run any more\nStart it with `systemctl start "
			"ipsecmond`.",
			path);
	if (error == EACCES || error == EPERM)
		return diag_set(reterr, -ENOTCONN,
			"not allowed to connect to %s\nMembers of the group ipsecmon may read: "
			"`usermod -aG "
			"ipsecmon USER`, then log in anew; or become root.",
			path);
	return diag_set(reterr, -ENOTCONN, "%s: %s", path,
		error ? strerror(error) : "the monitor does not answer");
}

/* 0 when all came, -EINTR, or a CURLcode through *ret_code. */
static int drive(struct client *c, CURLcode *ret_code)
{
	int running = 1;

	if (curl_multi_add_handle(c->multi, c->easy) != CURLM_OK)
		return -ENOMEM;
	for (;;) {
		struct curl_waitfd wake = { .fd = c->wake_fd, .events = CURL_WAIT_POLLIN };
		CURLMsg *message;
		int left;

		if (curl_multi_perform(c->multi, &running) != CURLM_OK)
			break;
		message = curl_multi_info_read(c->multi, &left);
		if (message && message->msg == CURLMSG_DONE) {
			*ret_code = message->data.result;
			(void)curl_multi_remove_handle(c->multi, c->easy);
			return 0;
		}
		if (curl_multi_poll(c->multi, &wake, c->wake_fd >= 0, 1000, NULL) != CURLM_OK)
			break;
		if (wake.revents) {
			(void)curl_multi_remove_handle(c->multi, c->easy);
			return -EINTR;
		}
	}
	(void)curl_multi_remove_handle(c->multi, c->easy);
	return -EIO;
}

/* The API says {"error":…,"hint":…}; other bodies are shown by their beginning. */
static int refusal(const struct answer *a, struct diag *reterr)
{
	json_t *said = json_loadb(a->held.p ? a->held.p : "", a->held.n, 0, NULL);
	const char *error = json_string_value(json_object_get(said, "error"));
	const char *hint = json_string_value(json_object_get(said, "hint"));
	int code = -EIO;

	if (a->status == 400 || a->status == 422)
		code = -EINVAL;
	else if (a->status == 401 || a->status == 403)
		code = -EACCES;
	else if (a->status == 404)
		code = -ENOENT;
	if (error)
		(void)diag_set(
			reterr, code, "%s%s%s", error, hint && *hint ? "\n" : "", hint ? hint : "");
	else
		(void)diag_set(reterr, code, "the monitor answered %ld", a->status);
	json_decref(said);
	return code;
}

static int outcome(struct client *c, struct answer *a, CURLcode code, struct diag *reterr)
{
	(void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &a->status);
	if (a->enough)
		return a->octets ? -ECANCELED : 0;
	if (a->too_long)
		return diag_set(
			reterr, -EBADMSG, "the monitor's answer is longer than any should be");
	if (code == CURLE_COULDNT_CONNECT)
		return why_not_reached(c->path, reterr);
	if (code == CURLE_OUT_OF_MEMORY || a->held.failed)
		return diag_set(reterr, -ENOMEM, "out of memory");
	if (code != CURLE_OK)
		return diag_set(reterr, -EPIPE, "the connection to the monitor broke: %s",
			curl_easy_strerror(code));
	return a->status >= 300 ? refusal(a, reterr) : 0;
}

static int perform(struct client *c, const char *method, const char *path, const char *body,
	const char *accept, struct answer *a, struct diag *reterr)
{
	CLEANUP_BUF struct buf url = { 0 }, accepts = { 0 };
	struct curl_slist *heads;
	CURLcode code = CURLE_OK;
	int r;

	buf_printf(&url, "http://ipsecmon%s", path);
	buf_printf(&accepts, "Accept: %s", accept);
	if (url.failed || accepts.failed)
		return diag_set(reterr, -ENOMEM, "out of memory");
	curl_easy_reset(c->easy);
	a->easy = c->easy;
	heads = curl_slist_append(NULL, accepts.p);
	if (body)
		heads = curl_slist_append(heads, "Content-Type: application/json");
	(void)curl_easy_setopt(c->easy, CURLOPT_UNIX_SOCKET_PATH, c->path);
	(void)curl_easy_setopt(c->easy, CURLOPT_URL, url.p);
	(void)curl_easy_setopt(c->easy, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, heads);
	(void)curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, method);
	(void)curl_easy_setopt(c->easy, CURLOPT_USERAGENT, "ipsecmon/" IPSECMON_VERSION);
	if (body)
		(void)curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, body);
	(void)curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_octets);
	(void)curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, a);
	r = drive(c, &code);
	curl_slist_free_all(heads);
	if (r == -EINTR)
		return r;
	if (r < 0)
		return diag_set(reterr, r, "HTTP does not work here: %s", strerror(-r));
	return outcome(c, a, code, reterr);
}

int client_call(struct client *c, const char *method, const char *path, const char *body,
	json_t **ret, struct diag *reterr)
{
	struct answer a = { 0 };
	json_error_t why;
	json_t *said;
	int r;

	r = perform(c, method, path, body, "application/json", &a, reterr);
	if (r == 0 && ret) {
		said = json_loadb(a.held.p ? a.held.p : "", a.held.n, 0, &why);
		if (said)
			*ret = said;
		else
			r = diag_set(
				reterr, -EBADMSG, "the monitor's answer is not JSON: %s", why.text);
	}
	buf_done(&a.held);
	return r;
}

int client_lines(struct client *c, const char *path, const char *accept, client_line_fn *each,
	void *userdata, struct diag *reterr)
{
	struct answer a = { .line = each, .userdata = userdata };
	int r;

	r = perform(c, "GET", path, NULL, accept, &a, reterr);
	/* A last line without its newline was cut off on the way. */
	if (r == 0 && !a.enough && a.held.n > 0)
		r = diag_set(reterr, -EPIPE, "the monitor's answer ends in the middle of a line");
	buf_done(&a.held);
	return r;
}

int client_octets(struct client *c, const char *path, client_octets_fn *each, void *userdata,
	struct diag *reterr)
{
	struct answer a = { .octets = each, .userdata = userdata };
	int r;

	r = perform(c, "GET", path, NULL, "*/*", &a, reterr);
	buf_done(&a.held);
	return r;
}

void url_escape(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if ((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
			(*text >= '0' && *text <= '9') || strchr("-._~", *text))
			buf_char(out, *text);
		else
			buf_printf(out, "%%%02X", (unsigned char)*text);
	}
}

void url_parameter(struct buf *out, bool *first, const char *key, const char *value)
{
	if (!value || !*value)
		return;
	buf_printf(out, "%c%s=", *first ? '?' : '&', key);
	url_escape(out, value);
	*first = false;
}
