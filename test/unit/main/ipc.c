/* SPDX-License-Identifier: Apache-2.0 */
#include "main/ipc.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static int pair[2];

static int open_pair(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
}

static int close_pair(void **state)
{
	(void)state;
	close(pair[0]);
	close(pair[1]);
	return 0;
}

static void a_message_arrives_with_its_descriptors(void **state)
{
	struct ipc_message m = { .type = IPC_NETNS,
		.inode = 42,
		.name = "red",
		.flags = IPC_HAS(IPC_SLOT_SA_EVENTS) | IPC_HAS(IPC_SLOT_XFRM_STAT) };
	struct ipc_message got;
	int ends[2], fds[IPC_FDS_MAX];
	unsigned n = 99;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(ipc_send(pair[0], &m, ends, 2), 0);
	assert_int_equal(ipc_receive(pair[1], &got, fds, &n), 1);
	assert_int_equal(n, 2);
	assert_int_equal(got.inode, 42);
	assert_string_equal(got.name, "red");
	assert_int_equal(ipc_slot(&got, fds, n, IPC_SLOT_SA_EVENTS), fds[0]);
	assert_int_equal(ipc_slot(&got, fds, n, IPC_SLOT_XFRM_STAT), fds[1]);
	assert_int_equal(ipc_slot(&got, fds, n, IPC_SLOT_POLICY_EVENTS), -1);
	assert_int_equal(write(fds[1], "x", 1), 1); /* it is the pipe's other end */
	assert_int_equal(ipc_receive(pair[1], &got, fds, &n), -EAGAIN);
	for (unsigned i = 0; i < 2; i++) {
		close(fds[i]);
		close(ends[i]);
	}
}

static void slots_beyond_the_descriptors_are_empty(void **state)
{
	struct ipc_message m = { .flags = IPC_HAS(0) | IPC_HAS(1) };
	int fds[] = { 7 };

	(void)state;
	assert_int_equal(ipc_slot(&m, fds, 1, 0), 7);
	assert_int_equal(ipc_slot(&m, fds, 1, 1), -1);
}

static void another_size_is_refused_and_its_descriptors_closed(void **state)
{
	struct ipc_message got = { .type = 77 };
	int fds[IPC_FDS_MAX];
	unsigned n = 99;

	(void)state;
	assert_int_equal(send(pair[0], "short", 5, 0), 5);
	assert_int_equal(ipc_receive(pair[1], &got, fds, &n), -EPROTO);
	assert_int_equal(got.type, 77);
	assert_int_equal(n, 99);
}

static void texts_come_terminated(void **state)
{
	struct ipc_message m = { .type = IPC_FAILED };
	struct ipc_message got;
	int fds[IPC_FDS_MAX];
	unsigned n;

	(void)state;
	memset(m.text, 'x', sizeof(m.text));
	memset(m.name, 'y', sizeof(m.name));
	memset(m.config.host, 'z', sizeof(m.config.host));
	assert_int_equal(ipc_send(pair[0], &m, NULL, 0), 0);
	assert_int_equal(ipc_receive(pair[1], &got, fds, &n), 1);
	assert_int_equal(strlen(got.text), sizeof(got.text) - 1);
	assert_int_equal(strlen(got.name), sizeof(got.name) - 1);
	assert_int_equal(strlen(got.config.host), sizeof(got.config.host) - 1);
}

static void the_end_and_a_full_channel_are_told(void **state)
{
	struct ipc_message m = { .type = IPC_ALIVE };
	int fds[IPC_FDS_MAX];
	unsigned n;
	int r = 0;

	(void)state;
	for (unsigned i = 0; r == 0 && i < 100000; i++)
		r = ipc_send(pair[0], &m, NULL, 0);
	assert_int_equal(r, -EAGAIN);
	close(pair[0]);
	do {
		r = ipc_receive(pair[1], &m, fds, &n);
	} while (r == 1);
	assert_int_equal(r, 0);
}

static void last_words_arrive_although_not_all_was_read(void **state)
{
	struct ipc_message m;
	int fds[IPC_FDS_MAX];
	unsigned n;

	(void)state;
	assert_int_equal(ipc_say(pair[1], IPC_STOP, 0, NULL), 0);
	assert_int_equal(ipc_say(pair[0], IPC_FAILED, EBUSY, "no"), 0);
	close(pair[0]);
	assert_int_equal(ipc_receive(pair[1], &m, fds, &n), 1);
	assert_int_equal(m.type, IPC_FAILED);
	assert_int_equal(m.error, EBUSY);
	assert_string_equal(m.text, "no");
	assert_int_equal(ipc_receive(pair[1], &m, fds, &n), 0);
}

static void too_many_descriptors_are_refused(void **state)
{
	struct ipc_message m = { .type = IPC_NETNS };
	int fds[IPC_FDS_MAX + 1] = { 0 };

	(void)state;
	assert_int_equal(ipc_send(pair[0], &m, fds, IPC_FDS_MAX + 1), -EINVAL);
}

#define WITH_PAIR(test) cmocka_unit_test_setup_teardown(test, open_pair, close_pair)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PAIR(a_message_arrives_with_its_descriptors),
		cmocka_unit_test(slots_beyond_the_descriptors_are_empty),
		WITH_PAIR(another_size_is_refused_and_its_descriptors_closed),
		WITH_PAIR(texts_come_terminated),
		WITH_PAIR(the_end_and_a_full_channel_are_told),
		WITH_PAIR(last_words_arrive_although_not_all_was_read),
		WITH_PAIR(too_many_descriptors_are_refused),
	};

	return cmocka_run_group_tests_name("main/ipc", tests, NULL, NULL);
}
