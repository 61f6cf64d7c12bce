/* SPDX-License-Identifier: Apache-2.0 */
#include "main/supervisor/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#define WRONG_USAGE 2

enum option_code {
	OPTION_CONFIG = 256,
	OPTION_STATE_DIR,
	OPTION_KEY_DIR,
	OPTION_ROTATE_KEY,
	OPTION_SOCKET,
	OPTION_FOREGROUND,
	OPTION_RECORD,
	OPTION_REPLAY,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, OPTION_CONFIG },
	{ "state-dir", required_argument, NULL, OPTION_STATE_DIR },
	{ "key-dir", required_argument, NULL, OPTION_KEY_DIR },
	{ "rotate-key", no_argument, NULL, OPTION_ROTATE_KEY },
	{ "socket", required_argument, NULL, OPTION_SOCKET },
	{ "foreground", no_argument, NULL, OPTION_FOREGROUND },
	{ "record", required_argument, NULL, OPTION_RECORD },
	{ "replay", required_argument, NULL, OPTION_REPLAY },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
	"usage: ipsecmond [--config FILE] [--state-dir DIR] [--key-dir DIR] [--socket PATH]\n"
	"                 [--foreground] [--record FILE | --replay FILE]\n"
	"       ipsecmond --rotate-key [--state-dir DIR] [--key-dir DIR]\n"
	"       ipsecmond --help | --version\n";

static const char help[] =
	"\n"
	"Watches the kernel's IPsec driver, logs what it drops and why, and serves ipsecmon(1).\n"
	"\n"
	"  --config FILE     configuration, see ipsecmond.conf(5); default " IPSECMON_CONFIG "\n"
	"  --state-dir DIR   where the event log is kept\n"
	"  --key-dir DIR     where the key is kept that signs the log; default: the state\n"
	"                    directory's name with -key behind it\n"
	"  --socket PATH     where ipsecmon(1) finds us\n"
	"  --foreground      stay in the foreground, messages on standard error\n"
	"  --record FILE     also write every fact to a new file\n"
	"  --replay FILE     read the facts from a file, print events and state, and end;\n"
	"                    with --socket serve them until told to stop\n"
	"  --rotate-key      sign with a new key from now on, also in a monitor that runs\n";

/* The long option that a mistyped one begins like, or NULL. */
static const char *meant(const char *wrong)
{
	const char *best = NULL;
	size_t best_n = 0;

	if (strncmp(wrong, "--", 2) != 0)
		return NULL;
	for (const struct option *o = long_options; o->name; o++) {
		size_t n = 0;

		while (o->name[n] && o->name[n] == wrong[2 + n])
			n++;
		if (n > best_n) {
			best_n = n;
			best = o->name;
		}
	}
	return best;
}

static int wrong_option(int code, const char *given)
{
	const char *guess = meant(given);

	if (code == ':')
		(void)fprintf(stderr, "ipsecmond: %s needs a value\n", given);
	else if (guess)
		(void)fprintf(
			stderr, "ipsecmond: no option %s; did you mean --%s?\n", given, guess);
	else
		(void)fprintf(stderr, "ipsecmond: no option %s\n", given);
	(void)fputs(usage, stderr);
	return WRONG_USAGE;
}

static int set_path(const char *option, const char *value, char ret[PATH_MAX])
{
	if (value[0] == '\0' || strlen(value) >= PATH_MAX) {
		(void)fprintf(stderr, "ipsecmond: %s needs a path\n", option);
		return WRONG_USAGE;
	}
	(void)snprintf(ret, PATH_MAX, "%s", value);
	return -1;
}

static int take(int code, struct options *o)
{
	switch (code) {
	case OPTION_CONFIG:
		o->config = optarg;
		o->config_given = true;
		return -1;
	case OPTION_STATE_DIR:
		return set_path("--state-dir", optarg, o->state_dir);
	case OPTION_KEY_DIR:
		return set_path("--key-dir", optarg, o->key_dir);
	case OPTION_ROTATE_KEY:
		o->rotate_key = true;
		return -1;
	case OPTION_SOCKET:
		o->socket_given = true;
		return set_path("--socket", optarg, o->socket);
	case OPTION_FOREGROUND:
		o->foreground = true;
		return -1;
	case OPTION_RECORD:
		o->record = optarg;
		return -1;
	case OPTION_REPLAY:
		o->replay = optarg;
		return -1;
	case OPTION_HELP:
		(void)fputs(usage, stdout);
		(void)fputs(help, stdout);
		return 0;
	default:
		(void)puts("ipsecmond " IPSECMON_VERSION);
		return 0;
	}
}

/* Root's places are the system's; another user's follow the XDG base directories. */
static void set_defaults(struct options *o)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	const char *home = getenv("HOME");

	if (o->state_dir[0] == '\0') {
		if (geteuid() == 0)
			(void)snprintf(o->state_dir, PATH_MAX, "%s", IPSECMON_STATEDIR);
		else if (state && state[0] == '/')
			(void)snprintf(o->state_dir, PATH_MAX, "%s/ipsecmon", state);
		else
			(void)snprintf(o->state_dir, PATH_MAX, "%s/.local/state/ipsecmon",
				home ? home : ".");
	}
	if (o->key_dir[0] == '\0') {
		size_t n = strlen(o->state_dir);

		while (n > 1 && o->state_dir[n - 1] == '/')
			n--;
		(void)snprintf(o->key_dir, PATH_MAX, "%.*s-key", (int)n, o->state_dir);
	}
	if (o->socket[0] == '\0') {
		if (geteuid() == 0)
			(void)snprintf(o->socket, PATH_MAX, "%s", IPSECMON_SOCKET);
		else if (runtime && runtime[0] == '/')
			(void)snprintf(o->socket, PATH_MAX, "%s/ipsecmon.sock", runtime);
		else
			(void)snprintf(
				o->socket, PATH_MAX, "/tmp/ipsecmon-%u.sock", (unsigned)geteuid());
	}
}

int options_parse(int argc, char **argv, struct options *ret)
{
	struct options o = { .config = IPSECMON_CONFIG };
	int code, r, at = 1;

	opterr = 0;
	while ((code = getopt_long(argc, argv, "+:", long_options, NULL)) != -1) {
		if (code == ':' || code == '?')
			return wrong_option(code, argv[at]);
		r = take(code, &o);
		if (r >= 0)
			return r;
		at = optind;
	}
	if (optind < argc) {
		(void)fprintf(stderr,
			"ipsecmond: '%s' is one word too many; options begin with --\n",
			argv[optind]);
		(void)fputs(usage, stderr);
		return WRONG_USAGE;
	}
	if (o.record && o.replay) {
		(void)fputs("ipsecmond: --record and --replay exclude each other\n", stderr);
		(void)fputs(usage, stderr);
		return WRONG_USAGE;
	}
	set_defaults(&o);
	*ret = o;
	return -1;
}
