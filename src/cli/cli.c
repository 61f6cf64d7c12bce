/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cli/command.h"

#define SOCKET_SYSTEM "/run/ipsecmon/ipsecmon.sock"
#define SOCKET_PRIVATE "ipsecmon.sock" /* in XDG_RUNTIME_DIR */

void cli_talk(const char *format, ...)
{
	CLEANUP_BUF struct buf clean = { 0 };
	char line[1024];
	va_list list;

	va_start(list, format);
	(void)vsnprintf(line, sizeof(line), format, list);
	va_end(list);
	/* A newline of ours begins a hint; every other control character is from outside. */
	for (char *p = line, *next; p; p = next) {
		next = strchr(p, '\n');
		if (next)
			*next++ = '\0';
		buf_text(&clean, p == line ? "ipsecmon: " : "  ");
		screen_text(&clean, p);
		buf_char(&clean, '\n');
	}
	if (clean.p)
		(void)fputs(clean.p, stderr);
}

int cli_usage(const struct diag *d)
{
	cli_talk("%s\n`ipsecmon help` lists the commands.", d->text);
	return CLI_USAGE;
}

int cli_fail(const struct cli *c, int r, const struct diag *d)
{
	if (r == -EINTR || c->screen.gone)
		return CLI_DONE;
	cli_talk("%s", *d->text ? d->text : strerror(-r));
	return r == -ENOTCONN ? CLI_UNREACHABLE : CLI_FAILED;
}

int cli_query(const struct cli *c, const struct noun *n, struct query **ret, struct diag *reterr)
{
	const struct arguments *a = c->args;
	struct query_text text = {
		.where = a->values[OPTION_WHERE],
		.sort = a->values[OPTION_SORT],
		.columns = a->values[OPTION_COLUMNS],
	};

	if (text.columns && strcmp(text.columns, "all") == 0)
		text.columns = "*";
	return query_new(n, &text, clock_real_us(), ret, reterr);
}

int cli_catch_end(struct cli *c, struct diag *reterr)
{
	sigset_t set;

	if (c->wake_fd >= 0)
		return 0;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return diag_set(reterr, -errno, "sigprocmask: %s", strerror(errno));
	c->wake_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (c->wake_fd < 0)
		return diag_set(reterr, -errno, "signalfd: %s", strerror(errno));
	client_wake_by(c->client, c->wake_fd);
	return 0;
}

int cli_sleep(const struct cli *c, unsigned ms)
{
	struct pollfd wake = { .fd = c->wake_fd, .events = POLLIN };

	return poll(&wake, 1, (int)ms) > 0 ? -EINTR : 0;
}

static void watch_title(struct cli *c, struct buf *out)
{
	time_t now = (time_t)(clock_real_us() / 1000000u);
	CLEANUP_BUF struct buf words = { 0 };
	char when[32] = "";
	struct tm tm;

	if (!c->screen.terminal)
		return;
	if (localtime_r(&now, &tm))
		(void)strftime(when, sizeof(when), "%H:%M:%S", &tm);
	command_synopsis(c->args->command, &words);
	screen_paint(&c->screen, PAINT_DIM, out);
	buf_printf(out, "%s  every %g s: %s, Ctrl-C ends", when, c->args->watch_ms / 1000.0,
		words.p ? words.p : "");
	screen_paint(&c->screen, PAINT_PLAIN, out);
	buf_text(out, "\n\n");
}

int cli_watch(struct cli *c, cli_draw_fn *draw, void *userdata, struct diag *reterr)
{
	CLEANUP_BUF struct buf out = { 0 };
	bool first = true;
	int r;

	if (c->args->watch_ms == 0) {
		r = draw(c, userdata, &out, reterr);
		if (r < 0)
			return r;
		r = screen_write(&c->screen, &out);
		return r < 0 ? diag_set(reterr, r, "standard output: %s", strerror(-r)) : 0;
	}
	r = cli_catch_end(c, reterr);
	while (r == 0) {
		screen_measure(&c->screen);
		watch_title(c, &out);
		r = draw(c, userdata, &out, reterr);
		if (r < 0)
			break;
		r = screen_picture(&c->screen, first, &out);
		first = false;
		if (r == 0)
			r = cli_sleep(c, c->args->watch_ms);
	}
	return r;
}

/* The option, the environment, then whichever of the usual places has a socket. */
static const char *socket_path(const struct arguments *a, char *room, size_t size)
{
	const char *path = a->values[OPTION_SOCKET];
	const char *folder = getenv("XDG_RUNTIME_DIR");

	if (!path || !*path)
		path = getenv("IPSECMON_SOCKET");
	if (path && *path)
		return path;
	if (access(SOCKET_SYSTEM, F_OK) < 0 && errno == ENOENT && folder && *folder) {
		int n = snprintf(room, size, "%s/" SOCKET_PRIVATE, folder);

		if (n > 0 && (size_t)n < size && access(room, F_OK) == 0)
			return room;
	}
	return SOCKET_SYSTEM;
}

int cli_main(int argc, char **argv)
{
	struct arguments args;
	struct cli c = { .args = &args, .wake_fd = -1 };
	struct diag d = { "" };
	char room[256];
	int ret;

	json_set_alloc_funcs(malloc_or_end, free);
	(void)setlocale(LC_CTYPE, "");
	(void)signal(SIGPIPE, SIG_IGN);
	tzset();
	if (arguments_parse(argc, argv, clock_real_us(), &args, &d) < 0)
		return cli_usage(&d);
	screen_init(&c.screen, args.color);
	c.socket_path = socket_path(&args, room, sizeof(room));
	if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK ||
		client_new(c.socket_path, &c.client, &d) < 0) {
		cli_talk("out of memory");
		return CLI_FAILED;
	}
	if (args.command->noun && args.values[OPTION_COLUMNS] &&
		strcmp(args.values[OPTION_COLUMNS], "help") == 0)
		ret = help_columns(&c);
	else
		ret = args.command->run(&c);
	c.resolver = resolver_free(c.resolver);
	c.client = client_free(c.client);
	if (c.wake_fd >= 0)
		(void)close(c.wake_fd);
	curl_global_cleanup();
	return ret;
}
