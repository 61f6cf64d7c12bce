/* SPDX-License-Identifier: Apache-2.0 */
/* Daemons as processes: how they ended, by which evidence; what listens for IKE. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "source/service/service.h"
#include "source/service/status.h"
#include "source/service/udp.h"

/* clang-format off */
static const char udp[] =
	"   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops             \n"
	"  395: 00000000:1194 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 94160 2 0000000000000000 0         \n"
	" 2491: 0100007F:01F4 00000000:0000 07 00000001:00000A00 00:00000000 00000000     0        0 94159 2 0000000000000000 17        \n"
	" 2491: 0100007F:01F4 00000000:0000 07 00000000:00000001 00:00000000 00000000     0        0 94161 2 0000000000000000 3         \n"
	" 2591: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 94162 2 0000000000000000 0         \n";
static const char udp6[] =
	"  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n"
	" 2491: 000080FE00000000FF005450B6AD1DFE:01F4 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 94157 2 0000000000000000 0\n";
/* clang-format on */

static void sockets_are_read(void **state)
{
	static struct udp_reading r;
	char text[ADDR_TEXT_SIZE];
	uint32_t one = 0x0100007f;

	(void)state;
	memset(&r, 0, sizeof(r));
	assert_int_equal(udp_parse(span_text(udp), AF_INET, &r), strlen(udp));
	assert_int_equal(udp_parse(span_text(udp6), AF_INET6, &r), strlen(udp6));
	assert_int_equal(r.refused, 0);
	assert_int_equal(r.n, 3);
	assert_int_equal(r.v[0].port, 4500);
	assert_int_equal(r.v[0].local.family, AF_INET);
	assert_true(addr_is_any(&r.v[0].local));
	assert_int_equal(r.v[1].port, 500);
	assert_memory_equal(r.v[1].local.octets, &one, 4);
	assert_int_equal(r.v[1].queue, 0xa01);
	assert_int_equal(r.v[1].drops, 20);
	if (*(const uint8_t *)&one == 0x7f)
		assert_string_equal(addr_format(&r.v[2].local, text), "fe80::5054:ff:fe1d:adb6");
}

static void whose_a_socket_is_says_its_inode(void **state)
{
	static struct udp_own own;
	static struct udp_reading r;

	(void)state;
	own.inodes[own.n++] = 1;
	own.inodes[own.n++] = 94161;
	memset(&r, 0, sizeof(r));
	r.own = &own;
	(void)udp_parse(span_text(udp), AF_INET, &r);
	assert_int_equal(r.n, 2);
	assert_true(r.v[0].foreign);
	assert_false(r.v[1].foreign);
	assert_int_equal(r.v[1].queue, 1); /* not the other's of this address, too */
	assert_int_equal(r.v[1].drops, 3);
	own.inodes[1] = 94159; /* and with the other behind it */
	r.n = 0;
	(void)udp_parse(span_text(udp), AF_INET, &r);
	assert_false(r.v[1].foreign);
	assert_int_equal(r.v[1].drops, 17);
	own.n = 0;
	r.n = 0;
	(void)udp_parse(span_text(udp), AF_INET, &r);
	assert_int_equal(r.n, 2);
	assert_true(r.v[0].foreign && r.v[1].foreign);
	assert_int_equal(r.v[1].drops, 20);
	own.n = UDP_OWN_MAX; /* may lack some */
	r.n = 0;
	(void)udp_parse(span_text(udp), AF_INET, &r);
	assert_int_equal(r.n, 2);
	assert_false(r.v[0].foreign || r.v[1].foreign);
}

static void a_cut_line_waits(void **state)
{
	static struct udp_reading r;
	size_t used = udp_parse(span_of(udp, sizeof(udp) - 3), AF_INET, &r);

	(void)state;
	assert_int_equal(udp[used - 1], '\n');
	assert_true(used < sizeof(udp) - 3);
	assert_int_equal(r.n, 2);
}

static void strange_lines_are_counted(void **state)
{
	static struct udp_reading r;
	char line[160];

	(void)state;
	memset(&r, 0, sizeof(r));
	(void)udp_parse(span_text("x\n\n1: 0:01F4 0 0 0:0 0 0 0 0 0 0 0 0\n"), AF_INET, &r);
	(void)udp_parse(span_text("1: 00000000:01F4 0 0 0:0 0 0 0 0 0x1 0 0 0\n"), AF_INET, &r);
	assert_int_equal(r.refused, 4); /* that one's inode */
	assert_int_equal(r.n, 0);
	for (unsigned i = 0; i < UDP_SOCKETS_MAX + 2; i++) {
		(void)snprintf(line, sizeof(line),
			"1: %08X:01F4 00000000:0000 07 00000000:00000000 00:00000000 0 0 0 1 2 0 "
			"0\n",
			i);
		(void)udp_parse(span_text(line), AF_INET, &r);
	}
	assert_int_equal(r.n, UDP_SOCKETS_MAX);
	assert_int_equal(r.refused, 6);
}

static void the_best_evidence_decides(void **state)
{
	static const struct {
		struct status_evidence e;
		uint8_t end;
		uint32_t signal;
		const char *why; /* a part */
	} cases[] = {
		{ { .kept = true }, SERVICE_STOPPED, 0, "exit status 0" },
		{ { .kept = true, .status = 9 }, SERVICE_FAILED, 9, "SIGKILL" },
		{ { .kept = true,
			  .status = 7 << 8,
			  .words_end = SERVICE_FAILED,
			  .words = "no key" },
			SERVICE_FAILED, 0, "exit status 7; it said: no key" },
		{ { .kept = true, .heard = true, .heard_status = 9 }, SERVICE_STOPPED, 0,
			"exit status 0" },
		{ { .heard = true, .mark = STATUS_MARK_LEFT, .mark_name = "charon.pid" },
			SERVICE_STOPPED, 0, "exit status 0" },
		{ { .heard = true, .heard_status = SIGSEGV | 0x80, .crash = SIGABRT },
			SERVICE_FAILED, SIGSEGV, "SIGSEGV" },
		{ { .heard = true,
			  .heard_status = 7 << 8,
			  .words_end = SERVICE_STOPPED,
			  .words = "no key" },
			SERVICE_FAILED, 0, "exit status 7; it said: no key" },
		{ { .crash = SIGSEGV, .words_end = SERVICE_STOPPED, .words = "bye" },
			SERVICE_FAILED, SIGSEGV, "audit" },
		{ { .words_end = SERVICE_STOPPED, .words = "bye", .mark = STATUS_MARK_LEFT },
			SERVICE_STOPPED, 0, "bye" },
		{ { .mark = STATUS_MARK_REMOVED, .mark_name = "charon.pid" }, SERVICE_STOPPED, 0,
			"charon.pid" },
		{ { .mark = STATUS_MARK_LEFT, .mark_name = "charon.pid" }, SERVICE_FAILED, 0,
			"left charon.pid" },
		{ { .crash = 0 }, SERVICE_ENDED, 0, "unknown" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct service s = { .end = SERVICE_RUNS };

		status_judge(&cases[i].e, &s);
		assert_int_equal(s.end, cases[i].end);
		assert_int_equal(s.signal, cases[i].signal);
		assert_non_null(strstr(s.why, cases[i].why));
	}
}

/* A process of ours with a PID file, and what is told of it. */
struct daemon {
	pid_t pid;
	char dir[32], mark[48];
	struct service last;
	unsigned facts, services, sockets, foreign;
	struct service_source *source;
};

static void take(void *userdata, struct fact *f)
{
	struct daemon *d = userdata;

	d->facts++;
	if (f->type == FACT_SERVICE) {
		d->services++;
		d->last = f->service;
	}
	d->sockets += f->type == FACT_IKE_SOCKET;
	d->foreign += f->type == FACT_IKE_SOCKET && f->ike_socket.foreign;
	assert_int_equal(f->netns, 77);
	assert_int_equal(f->source, SOURCE_SERVICE);
}

static int pidfd_of(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static void start(struct daemon *d)
{
	const struct source_sink sink = { .userdata = d, .emit = take };
	struct service s = { .id = 5, .daemon = DAEMON_STRONGSWAN, .name = "charon" };
	struct service_mark mark = { .name = "charon.pid" };
	struct service_files files;
	FILE *text = tmpfile();
	int fd;

	memset(d, 0, sizeof(*d));
	(void)snprintf(d->dir, sizeof(d->dir), "/tmp/serviceXXXXXX");
	assert_non_null(mkdtemp(d->dir));
	(void)snprintf(d->mark, sizeof(d->mark), "%s/charon.pid", d->dir);
	close(open(d->mark, O_WRONLY | O_CREAT, 0600));
	mark.dir = open(d->dir, O_PATH | O_DIRECTORY);
	assert_non_null(text);
	(void)fputs(udp, text);
	(void)fflush(text);
	fd = dup(fileno(text));
	(void)fclose(text);
	d->pid = fork();
	if (d->pid == 0) {
		(void)alarm(60);
		for (;;)
			(void)pause();
	}
	files = (struct service_files){
		.pidfd = pidfd_of(d->pid), .udp4 = fd, .udp6 = -1, .own = -1
	};
	assert_int_equal(service_source_new(&s, 77, &files, &mark, &sink, &d->source), 0);
}

static int file_of(const uint64_t *inodes, size_t n)
{
	int fd = memfd_create("sockets", MFD_CLOEXEC);

	assert_int_equal(write(fd, inodes, n * sizeof(*inodes)), n * sizeof(*inodes));
	return fd;
}

static void done(struct daemon *d)
{
	service_source_free(d->source);
	(void)unlink(d->mark);
	(void)rmdir(d->dir);
}

static void end(struct daemon *d)
{
	struct pollfd p = { .fd = service_source_fd(d->source, 0), .events = POLLIN };

	(void)kill(d->pid, SIGKILL);
	assert_int_equal(poll(&p, 1, 30000), 1);
}

static void its_life_is_told(void **state)
{
	struct daemon d;

	(void)state;
	start(&d);
	assert_int_equal(d.services, 1);
	assert_int_equal(d.last.end, SERVICE_RUNS);
	assert_false(d.last.found);
	assert_int_equal(d.sockets, 2);
	service_source_tick(d.source, 1000000000);
	assert_int_equal(d.sockets, 2); /* nothing is new */
	service_source_control(d.source, CONTROL_OPEN, "");
	service_source_control(d.source, CONTROL_OPEN, "");
	assert_int_equal(d.services, 2);
	assert_int_equal(d.last.control, CONTROL_OPEN);
	service_source_ready(d.source, 0); /* no end yet */
	service_source_restate(d.source);
	assert_true(d.last.found);
	assert_int_equal(d.last.end, SERVICE_RUNS);
	assert_int_equal(d.sockets, 4);
	end(&d);
	(void)waitpid(d.pid, NULL, 0);
	service_source_ready(d.source, 0);
	service_source_tick(d.source, 2000000000);
	service_source_tick(d.source, 9000000000);
	assert_true(service_source_over(d.source));
	assert_int_equal(d.last.end, SERVICE_FAILED); /* by its status or by its PID file */
	assert_true(d.last.ended_us > 0);
	assert_int_equal(d.services, 4);
	done(&d);
}

static void sockets_are_its_own_by_what_it_has(void **state)
{
	static const uint64_t inodes[UDP_OWN_MAX] = { 94159, 94161 };
	struct daemon d;
	unsigned before;

	(void)state;
	start(&d);
	assert_int_equal(d.sockets, 2);
	assert_int_equal(d.foreign, 0); /* nobody has said */
	service_source_own(d.source, file_of(inodes, 2));
	assert_int_equal(d.sockets, 4);
	assert_int_equal(d.foreign, 1); /* told at once */
	service_source_own(d.source, file_of(inodes, 2));
	assert_int_equal(d.sockets, 4);
	service_source_own(d.source, file_of(inodes, 0));
	assert_int_equal(d.foreign, 3);
	service_source_own(d.source, file_of(inodes, UDP_OWN_MAX)); /* there may be more */
	assert_int_equal(d.sockets, 8);
	assert_int_equal(d.foreign, 3);
	service_source_own(d.source, file_of(inodes, 0));
	assert_int_equal(d.foreign, 5);
	service_source_own(d.source, open("/", O_PATH)); /* not to be read */
	assert_int_equal(d.foreign, 5);
	assert_int_equal(d.sockets, 12);
	end(&d);
	(void)waitpid(d.pid, NULL, 0);
	service_source_ready(d.source, 0);
	before = d.facts;
	service_source_own(d.source, file_of(inodes, 0)); /* too late */
	assert_int_equal(d.facts, before);
	done(&d);
}

/* Its parent has not asked how it ended: no kernel tells us. */
static void a_cause_is_waited_for(void **state)
{
	struct daemon d;
	unsigned before;

	(void)state;
	start(&d);
	before = d.facts;
	(void)unlink(d.mark);
	end(&d);
	service_source_ready(d.source, 0);
	service_source_tick(d.source, 1000000000);
	assert_int_equal(d.facts, before);
	service_source_tick(d.source, 4000000000);
	assert_true(service_source_over(d.source));
	assert_int_equal(d.last.end, SERVICE_STOPPED); /* by its PID file, which is gone */
	(void)waitpid(d.pid, NULL, 0);
	done(&d);

	start(&d);
	end(&d);
	service_source_ready(d.source, 0);
	service_source_tick(d.source, 1000000000);
	service_source_signal(d.source, SIGABRT);
	service_source_tick(d.source, 4000000000);
	assert_int_equal(d.last.end, SERVICE_FAILED);
	assert_int_equal(d.last.signal, SIGABRT);
	(void)waitpid(d.pid, NULL, 0);
	done(&d);

	start(&d);
	end(&d);
	service_source_ready(d.source, 0);
	service_source_tick(d.source, 1000000000);
	service_source_exit(d.source, 0); /* a thread's; more may come */
	service_source_tick(d.source, 1400000000);
	assert_false(service_source_over(d.source));
	service_source_exit(d.source, SIGTERM);
	service_source_tick(d.source, 2000000000); /* sooner than what nobody heard */
	assert_true(service_source_over(d.source));
	assert_int_equal(d.last.end, SERVICE_FAILED);
	assert_int_equal(d.last.signal, SIGTERM);
	(void)waitpid(d.pid, NULL, 0);
	done(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets_are_read),
		cmocka_unit_test(whose_a_socket_is_says_its_inode),
		cmocka_unit_test(a_cut_line_waits),
		cmocka_unit_test(strange_lines_are_counted),
		cmocka_unit_test(the_best_evidence_decides),
		cmocka_unit_test(its_life_is_told),
		cmocka_unit_test(sockets_are_its_own_by_what_it_has),
		cmocka_unit_test(a_cause_is_waited_for),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
