/* SPDX-License-Identifier: Apache-2.0 */
#include "main/supervisor/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* What supervisor.sh cannot reach: a key directory as an interrupted step or a hand left it. */

static char folder[64], path[80];

static int setup(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/ipsecmon-signer-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/key", folder);
	return 0;
}

static void in_key_dir(const char *name, char ret[PATH_MAX])
{
	(void)snprintf(ret, PATH_MAX, "%s/%s", path, name);
}

static int teardown(void **state)
{
	static const char *const names[] = { "key", "key.new", "key.before", "keys.pem", "last",
		"lock" };
	char file[PATH_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		in_key_dir(names[i], file);
		(void)unlink(file);
	}
	(void)rmdir(path);
	return rmdir(folder);
}

static int begin(struct signer *s, struct diag *d)
{
	d->text[0] = '\0';
	return signer_open(s, path, "gw1", "boot-1", false, NULL, d);
}

static struct ipc_place place(uint64_t line)
{
	return (struct ipc_place){ .segment = 1, .line = line, .seq = line };
}

static void sign(struct signer *s, uint64_t line, uint64_t expected_number)
{
	struct ipc_place p = place(line);
	char text[SIGNED_HEAD_MAX];
	struct span signed_text, digits;
	struct signed_head h;
	struct diag d;

	assert_int_equal(signer_sign(s, &p, text, &d), 0);
	assert_true(signed_head_parse(span_text(text), &h, &signed_text, &digits));
	assert_true(public_verify(&s->key, signed_text, digits));
	assert_int_equal(h.number, expected_number);
	assert_string_equal(h.key, s->key.fingerprint);
}

static void copy(const char *from, const char *to)
{
	char a[PATH_MAX], b[PATH_MAX], octets[4096];
	ssize_t n;
	int in, out;

	in_key_dir(from, a);
	in_key_dir(to, b);
	in = open(a, O_RDONLY | O_CLOEXEC);
	out = open(b, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	n = read(in, octets, sizeof(octets));
	assert_true(n > 0);
	assert_int_equal(write(out, octets, (size_t)n), n);
	(void)close(in);
	(void)close(out);
}

static void numbers_rise_over_restarts(void **state)
{
	struct signer s;
	struct diag d;

	(void)state;
	for (uint64_t i = 1; i < 5; i++) {
		assert_int_equal(begin(&s, &d), 0);
		sign(&s, i, i);
		signer_close(&s);
	}
}

/* The new key was written, but not introduced: it never was. */
static void a_key_that_was_not_introduced_is_forgotten(void **state)
{
	char before[DIGEST_HEX + 1], file[PATH_MAX];
	struct signer s;
	struct diag d;
	int fd;

	(void)state;
	assert_int_equal(begin(&s, &d), 0);
	memcpy(before, s.key.fingerprint, sizeof(before));
	signer_close(&s);
	in_key_dir("key.new", file);
	fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "another secret key of 32 octets.", 32), 32);
	(void)close(fd);
	assert_int_equal(begin(&s, &d), 0);
	assert_string_equal(s.key.fingerprint, before);
	assert_int_equal(access(file, F_OK), -1);
	sign(&s, 1, 1);
	signer_close(&s);
}

/* It was introduced, but did not take its place yet: it does so now. */
static void a_key_that_was_introduced_takes_its_place(void **state)
{
	char after[DIGEST_HEX + 1];
	struct signer s;
	struct diag d;

	(void)state;
	assert_int_equal(begin(&s, &d), 0);
	sign(&s, 1, 1);
	copy("key", "key.before");
	assert_int_equal(signer_rotate(&s, &d), 0);
	memcpy(after, s.key.fingerprint, sizeof(after));
	signer_close(&s);
	copy("key", "key.new");
	copy("key.before", "key");
	assert_int_equal(begin(&s, &d), 0);
	assert_string_equal(s.key.fingerprint, after);
	sign(&s, 1, 2);
	signer_close(&s);
}

static void without_the_last_number_nothing_is_signed(void **state)
{
	char file[PATH_MAX];
	struct signer s;
	struct diag d;
	int fd;

	(void)state;
	assert_int_equal(begin(&s, &d), 0);
	sign(&s, 1, 1);
	signer_close(&s);
	in_key_dir("last", file);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(begin(&s, &d), -ENOENT);
	assert_non_null(strstr(d.text, "numbers of heads would come twice"));
	fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "1 2 x", 5), 5);
	(void)close(fd);
	assert_int_equal(begin(&s, &d), -EBADMSG);
}

/* The secret key is gone, as after a restore without it: a new one goes on with the numbers. */
static void a_lost_key_is_replaced(void **state)
{
	char before[DIGEST_HEX + 1], file[PATH_MAX];
	CLEANUP_BUF struct buf text = { 0 };
	struct introduction newest;
	char octets[8192];
	struct signer s;
	struct diag d;
	ssize_t n;
	int fd;

	(void)state;
	assert_int_equal(begin(&s, &d), 0);
	sign(&s, 1, 1);
	memcpy(before, s.key.fingerprint, sizeof(before));
	signer_close(&s);
	in_key_dir("key", file);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(begin(&s, &d), 0);
	assert_string_not_equal(s.key.fingerprint, before);
	sign(&s, 2, 2);
	fd = signer_keys(&s);
	n = read(fd, octets, sizeof(octets));
	(void)close(fd);
	signer_close(&s);
	buf_append(&text, octets, (size_t)n);
	assert_non_null(strstr(text.p, before));
	assert_true(introduction_last(buf_span(&text), &newest));
	/* Nobody vouches for it but itself. */
	assert_string_equal(newest.by, newest.key.fingerprint);
	assert_int_equal(newest.number, 2);
}

static void a_directory_that_others_reach_is_closed_or_refused(void **state)
{
	struct signer s;
	struct stat st;
	struct diag d;

	(void)state;
	assert_int_equal(mkdir(path, 0777), 0);
	assert_int_equal(begin(&s, &d), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	signer_close(&s);
	if (geteuid() != 0)
		return;
	assert_int_equal(chown(path, 12345, 12345), 0);
	assert_int_equal(begin(&s, &d), -EPERM);
	assert_non_null(strstr(d.text, "belongs to user 12345"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(numbers_rise_over_restarts, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_key_that_was_not_introduced_is_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_key_that_was_introduced_takes_its_place, setup, teardown),
		cmocka_unit_test_setup_teardown(
			without_the_last_number_nothing_is_signed, setup, teardown),
		cmocka_unit_test_setup_teardown(a_lost_key_is_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_directory_that_others_reach_is_closed_or_refused, setup, teardown),
	};

	return cmocka_run_group_tests_name("main/signer", tests, NULL, NULL);
}
