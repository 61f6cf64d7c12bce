/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/eventlog.h"
#include "store/headsfile.h"

/*
 * A keyring and a file of heads as anybody may have left them; the first octet says where in the
 * octets one ends and the other begins, in 256ths. Bit 0 of it: introductions and heads are signed
 * anew, so that what lies behind the signature is reached.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64];
static int folder_fd = -1;
static const uint8_t secret[SECRET_KEY_SIZE] = { 1 };
static struct public_key ours;
static struct keyring *keys;

static void remove_folder(void)
{
	(void)unlinkat(folder_fd, HEADS_FILE, 0);
	(void)unlinkat(folder_fd, KEYS_FILE, 0);
	(void)unlinkat(folder_fd, "log/00000000000000000001.jsonl", 0);
	(void)unlinkat(folder_fd, "log", AT_REMOVEDIR);
	(void)rmdir(folder);
	free(keys);
}

static void write_file(const char *name, const void *p, size_t n)
{
	int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		abort();
	(void)close(fd);
}

/* A log of two lines. */
#define HEAD \
	"{\"type\":\"head\",\"schema\":2,\"segment\":1,\"host\":\"h\",\"boot\":\"b\"," \
	"\"time\":\"2026-01-01T00:00:00.000000Z\",\"seq\":1,\"key\":null,\"previous\":" \
	"\"0000000000000000000000000000000000000000000000000000000000000000\",\"totals\":[]," \
	"\"dropped\":0"
#define COMMIT \
	"{\"type\":\"commit\",\"time\":\"2026-01-01T00:00:00.000000Z\",\"boot\":\"b\",\"seq\":0," \
	"\"events\":0,\"lost\":0,\"epoch\":1,\"applied\":0,\"pending\":[]"

static void write_log(void)
{
	CLEANUP_BUF struct buf out = { 0 };
	uint8_t digest[DIGEST_SIZE] = { 0 };
	char hex[DIGEST_HEX + 1];
	struct sha256 s;

	if (sha256_init(&s) < 0)
		abort();
	for (size_t i = 0; i < 2; i++) {
		const char *text = i == 0 ? HEAD : COMMIT;

		(void)sha256_of(&s, span_of(digest, DIGEST_SIZE), span_text(text), digest);
		hex_format(digest, DIGEST_SIZE, hex);
		buf_printf(&out, "%s,\"h\":\"%s\"}\n", text, hex);
	}
	sha256_done(&s);
	write_file("log/00000000000000000001.jsonl", out.p, out.n);
}

static void make_folder(void)
{
	if (folder_fd >= 0)
		return;
	(void)snprintf(folder, sizeof(folder), "%s/ipsecmon-fuzz-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	keys = calloc(1, sizeof(*keys));
	if (!keys || !mkdtemp(folder) || secret_public(secret, &ours) < 0)
		abort();
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder_fd < 0 || mkdirat(folder_fd, "log", 0700) < 0)
		abort();
	(void)atexit(remove_folder);
	write_log();
}

/* What stands before `,"sig":"` of each line, signed. */
static void sign_lines(struct span text, struct buf *out)
{
	const uint8_t *p = text.p, *end = text.p + text.n;

	while (p < end) {
		const uint8_t *newline = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((newline ? newline : end) - p);
		const uint8_t *sig = memmem(p, n, ",\"sig\":", 7);
		char signature[SIGNATURE_HEX + 1];

		if (sig && secret_sign(secret, span_of(p, (size_t)(sig - p)), signature) == 0) {
			buf_append(out, p, (size_t)(sig - p));
			buf_printf(out, ",\"sig\":\"%s\"}", signature);
		} else {
			buf_append(out, p, n);
		}
		if (newline)
			buf_char(out, '\n');
		p += n + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_BUF struct buf signed_keys = { 0 }, signed_heads = { 0 }, pem = { 0 };
	struct eventlog_verify_options o = { 0 };
	struct eventlog_verdict v = { 0 };
	struct introduction newest;
	struct span first, rest;
	size_t at;

	if (size < 1)
		return 0;
	make_folder();
	at = 1 + (size - 1) * data[0] / 256;
	first = span_of(data + 1, at - 1);
	rest = span_of(data + at, size - at);
	if (data[0] & 1) {
		sign_lines(first, &signed_keys);
		sign_lines(rest, &signed_heads);
		first = buf_span(&signed_keys);
		rest = buf_span(&signed_heads);
	}
	write_file(KEYS_FILE, first.p, first.n);
	write_file(HEADS_FILE, rest.p, rest.n);
	(void)introduction_last(first, &newest);
	(void)eventlog_verify(folder_fd, NULL, &v, NULL);
	keys->n = 0;
	public_write(&ours, &pem);
	(void)keyring_give(keys, buf_span(&pem), "ours", NULL);
	(void)keyring_give(keys, first, "first", NULL);
	keyring_learn(keys, first);
	o = (struct eventlog_verify_options){ .keys = keys, .heads = rest };
	(void)eventlog_verify(folder_fd, &o, &v, NULL);
	return 0;
}
