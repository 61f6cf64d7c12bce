/* SPDX-License-Identifier: Apache-2.0 */
#include "source/config/confsource.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "unit/oom.h"
#include "unit/source/confparse.h"

/* Real files beneath a root of our own; found.lines has what was told since it was last cleared. */
struct bed {
	char root[64];
	struct found told;
	struct confsource *source;
	uint64_t now_ns;
};

static void take(void *userdata, struct fact *f)
{
	struct bed *b = userdata;

	assert_int_equal(f->source, SOURCE_CONFIG);
	assert_true(f->type == FACT_SOURCE || f->netns == 99);
	put_fact(&b->told.lines, f);
}

static const char *path_of(const struct bed *b, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", b->root, name);
	return path;
}

static void make_directory(const struct bed *b, const char *name)
{
	assert_int_equal(mkdir(path_of(b, name), 0755), 0);
}

static void write_file(const struct bed *b, const char *name, const char *text)
{
	FILE *f = fopen(path_of(b, name), "we");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void announce(struct bed *b, enum ike_daemon daemon, uint64_t service)
{
	int root = open(b->root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_true(root >= 0);
	confsource_daemon(b->source, daemon, service, 99, root);
}

static int set_up(void **state)
{
	struct bed *b = calloc(1, sizeof(*b));
	const struct source_sink sink = { .userdata = b, .emit = take };

	assert_non_null(b);
	snprintf(b->root, sizeof(b->root), "/tmp/confsource-XXXXXX");
	assert_non_null(mkdtemp(b->root));
	make_directory(b, "etc");
	make_directory(b, "etc/swanctl");
	make_directory(b, "etc/swanctl/conf.d");
	write_file(b, "etc/swanctl/swanctl.conf",
		"# ipsecmon-name: Head office\n#\n# ipsecmon-unit:Network team\n\n"
		"include conf.d/*.conf\n# ipsecmon-gpo: too late\nsecrets { ike { secret = hidden "
		"} }\n");
	write_file(b, "etc/swanctl/conf.d/a.conf", "connections { a { children { n { } } } }\n");
	assert_int_equal(confsource_new(&sink, &b->source), 0);
	*state = b;
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static int tear_down(void **state)
{
	struct bed *b = *state;

	confsource_free(b->source);
	nftw(b->root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	buf_done(&b->told.lines);
	free(b);
	return 0;
}

/* Seconds pass; what inotify has to say is heard. */
static void pass(struct bed *b, unsigned seconds)
{
	struct pollfd p = { .fd = confsource_fd(b->source, 0), .events = POLLIN };

	for (unsigned i = 0; i < seconds; i++) {
		if (poll(&p, 1, 0) > 0)
			confsource_ready(b->source, 0);
		b->now_ns += 1000000000;
		confsource_tick(b->source, b->now_ns);
	}
}

static void forget(struct bed *b)
{
	buf_clear(&b->told.lines);
}

static void a_list_is_told_at_once(void **state)
{
	struct bed *b = *state;
	const char *p;

	announce(b, DAEMON_STRONGSWAN, 7);
	p = b->told.lines.p;
	p = strstr(p, "{\"type\":\"source\"}\n{\"dump\":5,\"phase\":0,\"service\":7,\"daemon\":"
		      "\"strongSwan\"}\n");
	assert_non_null(p);
	p = strstr(p, "{\"config_file\":\"/etc/swanctl/swanctl.conf\",\"main\":true,\"digest\":\"");
	assert_non_null(p);
	p = strstr(p, "\"name\":\"Head office\",\"unit\":\"Network team\"}\n");
	assert_non_null(p);
	p = strstr(p, "{\"config_file\":\"/etc/swanctl/conf.d/a.conf\",\"main\":false");
	assert_non_null(p);
	p = strstr(p, "{\"connection\":\"a\",\"file\":\"/etc/swanctl/conf.d/a.conf\",\"line\":1,");
	assert_non_null(p);
	p = strstr(p, "{\"child\":\"n\",\"of\":\"a\"");
	assert_non_null(p);
	p = strstr(p, "{\"dump\":5,\"phase\":1,\"service\":7,");
	assert_non_null(p);
	assert_true(lacks(&b->told, "hidden"));
	assert_true(lacks(&b->told, "too late"));
}

static void changes_are_told_once_and_whole(void **state)
{
	struct bed *b = *state;

	announce(b, DAEMON_STRONGSWAN, 7);
	pass(b, 3);
	forget(b);
	write_file(b, "etc/swanctl/conf.d/b.conf", "connections { b { } }\n");
	pass(b, 1);
	/* Not while it may still be written. */
	assert_int_equal(b->told.lines.n, 0);
	pass(b, 1);
	assert_true(has(&b->told, "\"connection\":\"a\""));
	assert_true(has(&b->told, "\"connection\":\"b\""));
	forget(b);
	/* What is neither another file nor another time of it is no news. */
	write_file(b, "etc/swanctl/unrelated", "");
	pass(b, 3);
	assert_int_equal(b->told.lines.n, 0);
	assert_int_equal(unlink(path_of(b, "etc/swanctl/conf.d/a.conf")), 0);
	pass(b, 2);
	assert_true(has(&b->told, "\"connection\":\"b\""));
	assert_true(lacks(&b->told, "\"connection\":\"a\""));
	assert_true(lacks(&b->told, "a.conf"));
	forget(b);
	/* A secret only: the digest tells that something changed. */
	write_file(b, "etc/swanctl/conf.d/b.conf",
		"connections { b { } }\nsecrets { ike { secret = hidden } }\n");
	pass(b, 2);
	assert_true(has(&b->told, "b.conf"));
	assert_true(lacks(&b->told, "hidden"));
}

/* Also what inotify can't see: here a file behind a link to another directory. */
static void each_minute_all_is_compared(void **state)
{
	struct bed *b = *state;

	make_directory(b, "elsewhere");
	write_file(b, "elsewhere/c", "connections { c { version = 1\n } }\n");
	assert_int_equal(symlink("/elsewhere/c", path_of(b, "etc/swanctl/conf.d/c.conf")), 0);
	announce(b, DAEMON_STRONGSWAN, 7);
	assert_true(has(&b->told, "\"connection\":\"c\""));
	pass(b, 70);
	forget(b);
	write_file(b, "elsewhere/c", "connections { c { version = 2\n } }\n");
	pass(b, 5);
	assert_int_equal(b->told.lines.n, 0);
	pass(b, 60);
	assert_true(has(&b->told, "\"version\":2"));
}

static void files_and_directories_may_come_later(void **state)
{
	struct bed *b = *state;

	announce(b, DAEMON_LIBRESWAN, 8);
	assert_true(lacks(&b->told, "config_file"));
	pass(b, 2);
	forget(b);
	write_file(b, "etc/ipsec.conf",
		"conn a\n\tleft=192.0.2.1\n\tright=192.0.2.2\ninclude ipsec.d/*.conf\n");
	pass(b, 2);
	assert_true(has(&b->told, "\"connection\":\"a\""));
	make_directory(b, "etc/ipsec.d");
	pass(b, 2);
	forget(b);
	write_file(b, "etc/ipsec.d/x.conf", "conn x\n\tleft=192.0.2.1\n\tright=192.0.2.3\n");
	pass(b, 2);
	assert_true(has(&b->told, "\"connection\":\"x\""));
}

static void bad_files_are_told_and_the_rest_read(void **state)
{
	struct bed *b = *state;
	struct buf text = { 0 };

	write_file(b, "etc/swanctl/conf.d/b.conf", "connections { b { version = 2\n\n\"x\n } }\n");
	make_directory(b, "etc/swanctl/conf.d/c.conf");
	assert_int_equal(mkfifo(path_of(b, "etc/swanctl/conf.d/d.conf"), 0644), 0);
	announce(b, DAEMON_STRONGSWAN, 7);
	assert_true(has(&b->told, "\"error\":\"b.conf, line 3: a name is expected here\""));
	assert_true(has(&b->told, "\"connection\":\"a\""));
	assert_true(has(&b->told, "\"connection\":\"b\""));
	forget(b);
	write_file(b, "etc/swanctl/conf.d/b.conf", "include b.conf\nconnections { b { } }\n");
	assert_int_equal(rmdir(path_of(b, "etc/swanctl/conf.d/c.conf")), 0);
	for (size_t i = 0; i < (1 << 20) / 8 + 1; i++)
		buf_text(&text, "# aaaaa\n");
	write_file(b, "etc/swanctl/conf.d/c.conf", text.p);
	buf_done(&text);
	pass(b, 2);
	assert_true(has(&b->told, "\"error\":\"b.conf, line 1: includes itself\""));
	assert_true(has(&b->told, "\"error\":\"c.conf: is larger than 1 MiB and is not read\""));
	assert_true(has(&b->told, "\"error\":\"d.conf: is no regular file\""));
	assert_true(has(&b->told, "\"connection\":\"b\""));
}

static void what_may_not_be_read_is_told(void **state)
{
	struct bed *b = *state;
	bool root = geteuid() == 0;

	assert_int_equal(chmod(b->root, 0755), 0);
	make_directory(b, "etc/swanctl/private");
	write_file(b, "etc/swanctl/conf.d/b.conf", "include ../private/*\nconnections { b { } }\n");
	assert_int_equal(chmod(path_of(b, "etc/swanctl/private"), 0), 0);
	assert_int_equal(chmod(path_of(b, "etc/swanctl/conf.d/a.conf"), 0), 0);
	if (root)
		assert_int_equal(seteuid(65534), 0);
	announce(b, DAEMON_STRONGSWAN, 7);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(path_of(b, "etc/swanctl/private"), 0755), 0);
	assert_true(has(&b->told, "\"error\":\"a.conf: Permission denied\""));
	assert_true(has(&b->told, "b.conf, line 1: a directory of the include can't be read\""));
	assert_true(has(&b->told, "\"connection\":\"b\""));
}

static void includes_end_sixteen_deep(void **state)
{
	struct bed *b = *state;
	char name[64], text[64];

	for (unsigned i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "etc/swanctl/conf.d/deep%u", i);
		snprintf(text, sizeof(text), "include deep%u\nconnections { c%u { } }\n", i + 1, i);
		write_file(b, name, text);
	}
	write_file(b, "etc/swanctl/conf.d/a.conf", "include deep0\n");
	announce(b, DAEMON_STRONGSWAN, 7);
	assert_true(
		has(&b->told, "\"error\":\"deep13, line 1: files include each other more than 16"));
	assert_true(has(&b->told, "\"connection\":\"c13\""));
	assert_true(lacks(&b->told, "\"connection\":\"c14\""));
}

/* Links and .. end at the daemon's root, as they do for the daemon. */
static void nothing_outside_the_root_is_read(void **state)
{
	struct bed *b = *state;
	char outside[] = "/tmp/confsource-outside-XXXXXX", text[256];
	int fd = mkstemp(outside);

	assert_true(fd >= 0);
	dprintf(fd, "connections { outside { } }\n");
	close(fd);
	assert_int_equal(symlink(outside, path_of(b, "etc/swanctl/conf.d/l.conf")), 0);
	assert_int_equal(symlink("../../..", path_of(b, "etc/swanctl/conf.d/up")), 0);
	snprintf(text, sizeof(text), "include %s\ninclude ../../../../..%s\ninclude up/..%s\n",
		outside, outside, outside);
	write_file(b, "etc/swanctl/conf.d/m.conf", text);
	announce(b, DAEMON_STRONGSWAN, 7);
	unlink(outside);
	assert_true(has(&b->told, "m.conf"));
	assert_true(lacks(&b->told, "\"connection\":\"outside\""));
}

static void the_hosts_own_files_are_the_daemons_while_it_runs(void **state)
{
	struct bed *b = *state;
	const char *empty = "{\"dump\":5,\"phase\":0,\"service\":0,\"daemon\":\"strongSwan\"}\n"
			    "{\"dump\":5,\"phase\":1,\"service\":0,\"daemon\":\"strongSwan\"}\n";

	announce(b, DAEMON_STRONGSWAN, 0);
	assert_true(has(&b->told, "\"connection\":\"a\""));
	forget(b);
	announce(b, DAEMON_STRONGSWAN, 7);
	assert_true(has(&b->told, "\"connection\":\"a\""));
	assert_true(has(&b->told, empty));
	forget(b);
	confsource_restate(b->source);
	assert_true(has(&b->told, "{\"type\":\"source\"}\n"));
	assert_true(has(&b->told, "\"service\":7"));
	assert_true(has(&b->told, empty));
	forget(b);
	confsource_gone(b->source, 7);
	assert_true(
		has(&b->told, "{\"dump\":5,\"phase\":0,\"service\":7,\"daemon\":\"strongSwan\"}\n"
			      "{\"dump\":5,\"phase\":1,\"service\":7,"));
	assert_true(has(&b->told, "\"connection\":\"a\""));
}

/* What its root shows then is no news of its configuration. */
static void files_of_one_that_ended_are_not_read(void **state)
{
	struct bed *b = *state;

	announce(b, DAEMON_STRONGSWAN, 7);
	forget(b);
	confsource_ended(b->source, 7);
	write_file(b, "etc/swanctl/swanctl.conf", "connections {\n\tz { }\n}\n");
	pass(b, 61);
	assert_true(lacks(&b->told, "\"connection\":"));
	confsource_restate(b->source);
	assert_true(has(&b->told, "\"connection\":\"a\""));
	assert_true(lacks(&b->told, "\"connection\":\"z\""));
}

/* ipsec.conf: strongSwan's only with its starter, or by its keys. */
static void ipsec_conf_goes_to_whose_it_is(void **state)
{
	struct bed *b = *state;

	write_file(b, "etc/ipsec.conf",
		"config setup\n\tcharondebug=ike\nconn old\n\tright=192.0.2.2\n\tauto=add\n");
	announce(b, DAEMON_STRONGSWAN, 0);
	assert_true(has(&b->told, "\"connection\":\"old\""));
	forget(b);
	announce(b, DAEMON_LIBRESWAN, 0);
	assert_true(lacks(&b->told, "ipsec.conf"));
	announce(b, DAEMON_STRONGSWAN, 7);
	assert_true(lacks(&b->told, "ipsec.conf"));
	make_directory(b, "run");
	write_file(b, "run/starter.charon.pid", "1\n");
	pass(b, 61);
	assert_true(has(&b->told, "\"connection\":\"old\""));
	assert_true(has(&b->told, "\"config_file\":\"/etc/ipsec.conf\",\"main\":true"));
	forget(b);
	/* One that may be either's is strongSwan's where that is installed. */
	confsource_gone(b->source, 7);
	forget(b);
	write_file(
		b, "etc/ipsec.conf", "conn any\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tauto=add\n");
	pass(b, 2);
	assert_true(has(&b->told, "\"service\":0,\"daemon\":\"Libreswan\"}\n{\"config_file\""));
	forget(b);
	write_file(b, "etc/strongswan.conf", "");
	pass(b, 2);
	assert_true(
		has(&b->told, "\"phase\":0,\"service\":0,\"daemon\":\"Libreswan\"}\n{\"dump\""));
	assert_true(has(&b->told, "\"reauth_s\":10260"));
}

/* The planted secret, which stands nowhere as it is but in the file. */
static void secret_of(char ret[33])
{
	for (unsigned i = 0; i < 32; i++)
		ret[i] = (char)('A' + (i * 7 + 3) % 26);
	ret[32] = '\0';
}

/* How often it is in our writable memory. */
static unsigned count_in_memory(void)
{
	unsigned long from, to;
	unsigned n = 0;
	char line[512], mode[8];
	FILE *maps = fopen("/proc/self/maps", "re");
	int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	static char page[4096 + 32];

	assert_true(maps && memory >= 0);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 || mode[1] != 'w' ||
			to - from > 64ul << 20)
			continue;
		for (; from < to; from += 4096) {
			ssize_t size = pread(memory, page, sizeof(page), (off_t)from);

			for (ssize_t at = 0; at + 32 <= size; at++) {
				unsigned i = 0;

				while (i < 32 && page[at + i] == (char)('A' + (i * 7 + 3) % 26))
					i++;
				n += i == 32 && at < 4096;
			}
			memset(page, 0, sizeof(page));
		}
	}
	fclose(maps);
	close(memory);
	return n;
}

static void secrets_do_not_stay_in_memory(void **state)
{
	struct bed *b = *state;
	char secret[33], text[256];
	int fd, n;

	secret_of(secret);
	/* Were it kept, it would be found. */
	assert_true(count_in_memory() > 0);
	n = snprintf(
		text, sizeof(text), "secrets { ike-a { secret = %s } }\n%s { }\n", secret, "x");
	fd = open(path_of(b, "etc/swanctl/conf.d/s.conf"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, text, (size_t)n), n);
	close(fd);
	explicit_bzero(text, sizeof(text));
	explicit_bzero(secret, sizeof(secret));
	assert_int_equal(count_in_memory(), 0);
	announce(b, DAEMON_STRONGSWAN, 7);
	assert_true(has(&b->told, "s.conf"));
	assert_int_equal(count_in_memory(), 0);
}

/* What is told of the daemons 7 and 8, connections of the last list of each. */
struct lists {
	bool within, lost;
	unsigned of;
	unsigned connections[9];
};

static void count_lists(void *userdata, struct fact *f)
{
	struct lists *l = userdata;

	if (f->type == FACT_SOURCE) {
		l->lost |= f->source_change.state == SOURCE_LOST;
	} else if (f->type == FACT_IKE_DUMP) {
		assert_int_equal(l->within, f->ike_dump.phase == DUMP_END);
		l->within = f->ike_dump.phase == DUMP_BEGIN;
		l->of = (unsigned)f->ike_dump.service;
		if (l->within)
			l->connections[l->of] = 0;
	} else {
		assert_true(l->within);
		l->connections[l->of] += f->type == FACT_CONNECTION;
	}
}

/* A list is told as a whole or not at all, and then a minute later. */
static void without_memory_lists_are_whole_or_late(void **state)
{
	struct bed *b = *state;
	bool failed = true;

	write_file(
		b, "etc/ipsec.conf", "conn a\n\tleft=192.0.2.1\n\tright=192.0.2.2\n\tphase2=esp\n");
	for (unsigned long nth = 1; failed; nth++) {
		struct lists l = { 0 };
		const struct source_sink sink = { .userdata = &l, .emit = count_lists };
		int roots[] = { open(b->root, O_PATH | O_DIRECTORY | O_CLOEXEC),
			open(b->root, O_PATH | O_DIRECTORY | O_CLOEXEC) };
		struct confsource *c;

		oom_arm(nth);
		if (confsource_new(&sink, &c)) {
			assert_true(oom_disarm());
			close(roots[0]);
			close(roots[1]);
			continue;
		}
		confsource_daemon(c, DAEMON_STRONGSWAN, 7, 99, roots[0]);
		confsource_daemon(c, DAEMON_LIBRESWAN, 8, 99, roots[1]);
		failed = oom_disarm();
		assert_false(l.within);
		assert_true(failed || (l.connections[7] == 1 && l.connections[8] == 1));
		confsource_tick(c, 61ull * 1000000000);
		assert_false(l.within);
		assert_true(l.lost || (l.connections[7] == 1 && l.connections[8] == 1));
		confsource_free(c);
	}
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_list_is_told_at_once),
		TEST(changes_are_told_once_and_whole),
		TEST(each_minute_all_is_compared),
		TEST(files_and_directories_may_come_later),
		TEST(bad_files_are_told_and_the_rest_read),
		TEST(what_may_not_be_read_is_told),
		TEST(includes_end_sixteen_deep),
		TEST(nothing_outside_the_root_is_read),
		TEST(the_hosts_own_files_are_the_daemons_while_it_runs),
		TEST(files_of_one_that_ended_are_not_read),
		TEST(ipsec_conf_goes_to_whose_it_is),
		TEST(secrets_do_not_stay_in_memory),
		TEST(without_memory_lists_are_whole_or_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
