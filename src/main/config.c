/* SPDX-License-Identifier: Apache-2.0 */
#include "main/config.h"

#include <arpa/inet.h>
#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/addr.h"
#include "model/event.h"
#include "model/ike.h"
#include "sign/digest.h"

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = { { "", 1 }, { "K", 1u << 10 }, { "KiB", 1u << 10 },
	{ "M", 1u << 20 }, { "MiB", 1u << 20 }, { "G", 1u << 30 }, { "GiB", 1u << 30 },
	{ NULL, 0 } };
static const struct unit age_units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 },
	{ "d", 86400 }, { NULL, 0 } };

/* Keys whose values are numbers, all in one table: limits for the check and for its message. */
static const struct number {
	const char *key;
	const struct unit *units; /* NULL: a plain integer */
	uint64_t least, most;
	bool zero; /* 0 is allowed too, and means off or without limit */
	const char *words; /* what would be right */
} numbers[] = {
	{ "poll_interval", NULL, 100, 600000, false, "100 to 600000 (milliseconds)" },
	{ "settle", NULL, 100, 60000, false, "100 to 60000 (milliseconds)" },
	{ "first_packets", NULL, 1, 10000, true, "0 to 10000 (packets)" },
	{ "rate_threshold", NULL, 1, 1000000000, false, "1 to 1000000000 (drops)" },
	{ "rate_window", NULL, 1, 3600, true, "1 to 3600 (seconds), or 0 for off" },
	{ "netlink_buffer", size_units, 64u << 10, 1u << 30, false, "64K to 1G" },
	{ "segment_size", size_units, 64u << 10, (uint64_t)16 << 30, false, "64K to 16G" },
	{ "keep_size", size_units, 1u << 20, (uint64_t)1 << 44, true,
		"1M to 16384G, or 0 for no limit" },
	{ "keep_age", age_units, 60, (uint64_t)36500 * 86400, true,
		"60s to 36500d (s, m, h, d), or 0 for no limit" },
};

static bool parse_number(const char *text, const struct unit *units, uint64_t *ret)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno != 0 || text[0] < '0' || text[0] > '9')
		return false;
	while (*end == ' ')
		end++;
	for (const struct unit *u = units; u->name; u++) {
		if (strcmp(u->name, end) == 0 && v <= UINT64_MAX / u->factor) {
			*ret = v * u->factor;
			return true;
		}
	}
	return false;
}

static bool number_value(cfg_t *cfg, const struct number *n, uint64_t *ret)
{
	long v;

	if (n->units) {
		const char *text = cfg_getstr(cfg, n->key);

		if (!text || !parse_number(text, n->units, ret))
			return false;
	} else {
		v = cfg_getint(cfg, n->key);
		if (v < 0)
			return false;
		*ret = (uint64_t)v;
	}
	return (*ret >= n->least && *ret <= n->most) || (n->zero && *ret == 0);
}

static int check_number(cfg_t *cfg, cfg_opt_t *opt)
{
	uint64_t v;

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		if (strcmp(numbers[i].key, cfg_opt_name(opt)) == 0 &&
			!number_value(cfg, &numbers[i], &v)) {
			cfg_error(cfg, "%s must be %s", numbers[i].key, numbers[i].words);
			return -1;
		}
	}
	return 0;
}

static unsigned evidence_of(const char *word)
{
	for (unsigned e = EVIDENCE_BPF; e <= EVIDENCE_SA; e++) {
		if (strcmp(word, evidence_name(e)) == 0)
			return e;
	}
	return EVIDENCE_NONE;
}

static const char *const bpf_hooks[] = { "best", "kprobe", "tracepoint" }; /* enum bpf_hooks */

static unsigned hooks_of(const char *word)
{
	unsigned i = 0;

	while (i < ARRAY_LEN(bpf_hooks) && strcmp(word, bpf_hooks[i]) != 0)
		i++;
	return i;
}

static int check_hooks(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *v = cfg_opt_getstr(opt);

	if (hooks_of(v) < ARRAY_LEN(bpf_hooks))
		return 0;
	cfg_error(cfg, "bpf_hooks: no '%.40s'; there are best, kprobe and tracepoint", v);
	return -1;
}

static int check_evidence(cfg_t *cfg, cfg_opt_t *opt)
{
	for (unsigned i = 0; i < cfg_opt_size(opt); i++) {
		const char *v = cfg_opt_getnstr(opt, i);

		if (evidence_of(v) == EVIDENCE_NONE) {
			cfg_error(cfg,
				"evidence: no '%.40s'; there are bpf, audit and sa (the counters "
				"are always read)",
				v);
			return -1;
		}
	}
	return 0;
}

static int check_netns(cfg_t *cfg, cfg_opt_t *opt)
{
	if (cfg_opt_size(opt) > CONFIG_PATTERNS_MAX) {
		cfg_error(cfg, "netns: at most %d patterns", CONFIG_PATTERNS_MAX);
		return -1;
	}
	for (unsigned i = 0; i < cfg_opt_size(opt); i++) {
		const char *v = cfg_opt_getnstr(opt, i);

		if (v[0] == '\0' || strlen(v) >= NAME_SIZE) {
			cfg_error(cfg, "netns: a pattern has 1 to %d characters", NAME_SIZE - 1);
			return -1;
		}
	}
	return 0;
}

/* udp:ADDRESS:PORT; an IPv6 address in brackets. Names would need a resolver: not as root. */
static bool is_udp_target(const char *text)
{
	const char *colon = strrchr(text, ':');
	char host[ADDR_TEXT_SIZE + 2];
	struct addr addr;
	size_t n;
	char *end;
	long port;

	if (strncmp(text, "udp:", 4) != 0 || colon < text + 4)
		return false;
	text += 4;
	n = (size_t)(colon - text);
	port = strtol(colon + 1, &end, 10);
	if (n >= sizeof(host) || colon[1] < '0' || colon[1] > '9' || *end != '\0' || port < 1 ||
		port > 65535)
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	if (host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		return addr_parse(host + 1, &addr) == 0 && addr.family == AF_INET6;
	}
	return addr_parse(host, &addr) == 0 && addr.family == AF_INET;
}

static int check_syslog(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *v = cfg_opt_getstr(opt);
	struct ipc_config *c = NULL;

	if (v[0] == '\0' || (strlen(v) < sizeof(c->syslog) && (v[0] == '/' || is_udp_target(v))))
		return 0;
	cfg_error(cfg, "syslog must be \"\" (off), \"/dev/log\" or another path, "
		       "\"udp:192.0.2.1:514\" or \"udp:[2001:db8::1]:514\"");
	return -1;
}

static const char *const ike_daemons[] = {
	[DAEMON_STRONGSWAN] = "strongswan", [DAEMON_LIBRESWAN] = "libreswan"
};

static unsigned daemon_of(const char *word)
{
	unsigned i = DAEMON_STRONGSWAN;

	while (i < ARRAY_LEN(ike_daemons) && strcmp(word, ike_daemons[i]) != 0)
		i++;
	return i;
}

static int check_ike(cfg_t *cfg, cfg_opt_t *opt)
{
	for (unsigned i = 0; i < cfg_opt_size(opt); i++) {
		const char *v = cfg_opt_getnstr(opt, i);

		if (daemon_of(v) == ARRAY_LEN(ike_daemons)) {
			cfg_error(cfg, "ike: no '%.40s'; there are strongswan and libreswan", v);
			return -1;
		}
	}
	return 0;
}

static bool is_path(const char *text)
{
	return text[0] == '/' && text[1] != '\0' && strlen(text) < CONFIG_PATH_SIZE;
}

static int check_path(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *v = cfg_opt_getstr(opt);

	if (v[0] == '\0' || is_path(v))
		return 0;
	cfg_error(cfg, "%s must be \"\" or a path from / on, of at most %d octets",
		cfg_opt_name(opt), CONFIG_PATH_SIZE - 1);
	return -1;
}

static int check_sockets(cfg_t *cfg, cfg_opt_t *opt)
{
	if (cfg_opt_size(opt) > CONFIG_SOCKETS_MAX) {
		cfg_error(cfg, "%s: at most %d", cfg_opt_name(opt), CONFIG_SOCKETS_MAX);
		return -1;
	}
	for (unsigned i = 0; i < cfg_opt_size(opt); i++) {
		if (!is_path(cfg_opt_getnstr(opt, i))) {
			cfg_error(cfg,
				"%s: a socket is a path from / on, of at most %d octets, without "
				"unix://",
				cfg_opt_name(opt), CONFIG_PATH_SIZE - 1);
			return -1;
		}
	}
	return 0;
}

/* libConfuse's errors come through a function without a cookie of ours: the last one wins. */
struct complaint {
	const char *name;
	char text[400];
};
static struct complaint *complaint;

PRINTF_LIKE(2, 0)
static void complain(cfg_t *cfg, const char *format, va_list args)
{
	char text[300];

	if (!complaint || complaint->text[0] != '\0')
		return; /* the first is the cause */
	(void)vsnprintf(text, sizeof(text), format, args);
	if (cfg)
		(void)snprintf(complaint->text, sizeof(complaint->text), "%.60s:%d: %s",
			complaint->name, cfg->line, text);
	else
		(void)snprintf(complaint->text, sizeof(complaint->text), "%s", text);
}

static void set_validators(cfg_t *cfg)
{
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		cfg_set_validate_func(cfg, numbers[i].key, check_number);
	cfg_set_validate_func(cfg, "evidence", check_evidence);
	cfg_set_validate_func(cfg, "bpf_hooks", check_hooks);
	cfg_set_validate_func(cfg, "netns", check_netns);
	cfg_set_validate_func(cfg, "syslog", check_syslog);
	cfg_set_validate_func(cfg, "ike", check_ike);
	cfg_set_validate_func(cfg, "vici_sockets", check_sockets);
	cfg_set_validate_func(cfg, "error_notify_sockets", check_sockets);
	cfg_set_validate_func(cfg, "libreswan_log", check_path);
	cfg_set_validate_func(cfg, "whack", check_path);
}

static uint64_t number_of(cfg_t *cfg, const char *key)
{
	uint64_t v = 0;

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		if (strcmp(numbers[i].key, key) == 0)
			(void)number_value(cfg, &numbers[i], &v);
	}
	return v;
}

static void take_sockets(cfg_t *cfg, const char *key, struct config_sockets *ret)
{
	ret->n = cfg_size(cfg, key);
	for (unsigned i = 0; i < ret->n; i++)
		(void)snprintf(ret->path[i], CONFIG_PATH_SIZE, "%s", cfg_getnstr(cfg, key, i));
}

static void take_ike(cfg_t *cfg, struct config *ret)
{
	for (unsigned i = 0; i < cfg_size(cfg, "ike"); i++)
		ret->ipc.ike |= (uint8_t)(1u << daemon_of(cfg_getnstr(cfg, "ike", i)));
	take_sockets(cfg, "vici_sockets", &ret->vici);
	if (cfg_getbool(cfg, "error_notify"))
		take_sockets(cfg, "error_notify_sockets", &ret->error_notify);
	(void)snprintf(
		ret->libreswan_log, CONFIG_PATH_SIZE, "%s", cfg_getstr(cfg, "libreswan_log"));
	(void)snprintf(ret->whack, CONFIG_PATH_SIZE, "%s", cfg_getstr(cfg, "whack"));
}

static void take(cfg_t *cfg, struct config *ret)
{
	struct ipc_config *c = &ret->ipc;

	c->evidence = EVIDENCE_BIT(EVIDENCE_COUNTER);
	for (unsigned i = 0; i < cfg_size(cfg, "evidence"); i++)
		c->evidence |= EVIDENCE_BIT(evidence_of(cfg_getnstr(cfg, "evidence", i)));
	c->bpf_hooks = (uint8_t)hooks_of(cfg_getstr(cfg, "bpf_hooks"));
	c->poll_ms = (uint32_t)number_of(cfg, "poll_interval");
	c->settle_ms = (uint32_t)number_of(cfg, "settle");
	c->first_packets = (uint32_t)number_of(cfg, "first_packets");
	c->rate_threshold = (uint32_t)number_of(cfg, "rate_threshold");
	c->rate_window_s = (uint32_t)number_of(cfg, "rate_window");
	c->netlink_buffer = (uint32_t)number_of(cfg, "netlink_buffer");
	c->segment_size = number_of(cfg, "segment_size");
	c->keep_size = number_of(cfg, "keep_size");
	c->keep_age_s = number_of(cfg, "keep_age");
	c->journald = cfg_getbool(cfg, "journal");
	(void)snprintf(c->syslog, sizeof(c->syslog), "%s", cfg_getstr(cfg, "syslog"));
	ret->n_netns = cfg_size(cfg, "netns");
	for (unsigned i = 0; i < ret->n_netns; i++)
		(void)snprintf(ret->netns[i], NAME_SIZE, "%s", cfg_getnstr(cfg, "netns", i));
	take_ike(cfg, ret);
}

/*
 * libConfuse takes a quotation or comment that is never closed for the end of the file, and so
 * would silently leave out all keys in it. This key behind the text must be seen.
 */
#define LAST_KEY "end-of-configuration"

static int parse_text(cfg_t *cfg, struct span text)
{
	CLEANUP_BUF struct buf all = { 0 };
	FILE *f;
	int r;

	buf_append(&all, text.p, text.n);
	buf_text(&all, "\n" LAST_KEY " = true\n");
	f = all.failed ? NULL : fmemopen(all.p, all.n, "r");
	if (!f)
		return CFG_FILE_ERROR;
	r = cfg_parse_fp(cfg, f);
	(void)fclose(f);
	if (r == CFG_SUCCESS && !cfg_getbool(cfg, LAST_KEY)) {
		cfg_error(cfg, "a quotation or a comment is not closed");
		return CFG_PARSE_ERROR;
	}
	return r;
}

int config_parse(const char *name, struct span text, struct config *ret, struct diag *reterr)
{
	char evidence[] = "{bpf, audit, sa}", netns[] = "{\"*\"}",
	     ike[] = "{strongswan, libreswan}",
	     vici[] = "{\"/run/charon.vici\", \"/var/run/charon.vici\"}",
	     notify[] = "{\"/run/charon.enfy\"}"; /* libConfuse's lists want no const */
	cfg_opt_t options[] = { CFG_STR_LIST("evidence", evidence, CFGF_NONE),
		CFG_STR("bpf_hooks", "best", CFGF_NONE), CFG_INT("poll_interval", 5000, CFGF_NONE),
		CFG_INT("settle", 1200, CFGF_NONE), CFG_STR_LIST("netns", netns, CFGF_NONE),
		CFG_INT("first_packets", 10, CFGF_NONE), CFG_INT("rate_threshold", 100, CFGF_NONE),
		CFG_INT("rate_window", 10, CFGF_NONE), CFG_STR("netlink_buffer", "16M", CFGF_NONE),
		CFG_STR("segment_size", "64M", CFGF_NONE), CFG_STR("keep_size", "1G", CFGF_NONE),
		CFG_STR("keep_age", "90d", CFGF_NONE), CFG_BOOL("journal", cfg_false, CFGF_NONE),
		CFG_STR("syslog", "", CFGF_NONE), CFG_STR_LIST("ike", ike, CFGF_NONE),
		CFG_STR_LIST("vici_sockets", vici, CFGF_NONE),
		CFG_BOOL("error_notify", cfg_false, CFGF_NONE),
		CFG_STR_LIST("error_notify_sockets", notify, CFGF_NONE),
		CFG_STR("libreswan_log", "", CFGF_NONE), CFG_STR("whack", "", CFGF_NONE),
		CFG_BOOL(LAST_KEY, cfg_false, CFGF_NONE), CFG_END() };
	struct complaint first = { .name = name };
	struct config c = { 0 };
	cfg_t *cfg;
	int r;

	if (text.n > 0 && memchr(text.p, '\0', text.n))
		return diag_set(reterr, -EINVAL, "%s: is not a text file", name);
	cfg = cfg_init(options, CFGF_NONE);
	if (!cfg)
		return -ENOMEM;
	complaint = &first;
	cfg_set_error_function(cfg, complain);
	set_validators(cfg);
	r = parse_text(cfg, text);
	complaint = NULL;
	if (r == CFG_SUCCESS && sha256_digits(text, c.ipc.digest) == 0) {
		take(cfg, &c);
		*ret = c;
	} else if (r == CFG_SUCCESS) {
		r = CFG_FILE_ERROR;
	}
	cfg_free(cfg);
	if (r != CFG_SUCCESS)
		return diag_set(reterr, -EINVAL, "%s",
			first.text[0] ? first.text : "the configuration cannot be read");
	return 0;
}

int config_load(const char *path, bool may_miss, struct config *ret, struct diag *reterr)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	CLEANUP_BUF struct buf text = { 0 };
	char chunk[4096];
	struct stat st;
	ssize_t n;

	if (fd < 0 && errno == ENOENT && may_miss)
		return config_parse(path, span_of(NULL, 0), ret, reterr);
	if (fd < 0)
		return diag_set(reterr, -errno, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return diag_set(reterr, -EINVAL, "%s: is not a regular file", path);
	}
	if (geteuid() == 0 && (st.st_mode & S_IWOTH)) {
		close(fd);
		return diag_set(
			reterr, -EPERM, "%s: anybody may write it; chmod o-w %s", path, path);
	}
	while ((n = read(fd, chunk, sizeof(chunk))) > 0 && text.n <= CONFIG_SIZE_MAX)
		buf_append(&text, chunk, (size_t)n);
	close(fd);
	if (n != 0 || text.failed || text.n > CONFIG_SIZE_MAX)
		return diag_set(reterr, -EINVAL, "%s: cannot be read, or is over 1 MiB", path);
	return config_parse(path, buf_span(&text), ret, reterr);
}

bool config_wants_netns(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n_netns; i++) {
		if (fnmatch(c->netns[i], name, 0) == 0)
			return true;
	}
	return false;
}
