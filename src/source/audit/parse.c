/* SPDX-License-Identifier: Apache-2.0 */
#include "source/audit/parse.h"

#include <linux/audit.h>
#include <string.h>
#include <sys/socket.h>

/*
 * Fields are NAME=VALUE with single spaces between. An LSM's subj= is the one value that may hold
 * spaces, and so, if somebody names a profile that way, forged fields. The kernel's own fields have
 * a fixed side of it: those before are taken at their first, those behind at their last occurrence.
 */
enum which { FIRST, LAST };

static bool field(struct span text, const char *name, enum which which, struct span *ret)
{
	size_t n_name = strlen(name);
	bool found = false;

	while (text.n > 0) {
		const uint8_t *end = memchr(text.p, ' ', text.n);
		size_t n = end ? (size_t)(end - text.p) : text.n;

		if (n > n_name && !memcmp(text.p, name, n_name) && text.p[n_name] == '=') {
			*ret = span_of(text.p + n_name + 1, n - n_name - 1);
			found = true;
			if (which == FIRST)
				return true;
		}
		n += end != NULL;
		text = span_of(text.p + n, text.n - n);
	}
	return found;
}

static bool number_field(struct span text, const char *name, enum which which, uint32_t *ret)
{
	struct span v;
	uint64_t number;

	if (!field(text, name, which, &v) || !span_number(&v, 10, UINT32_MAX, &number) || v.n != 0)
		return false;
	*ret = (uint32_t)number;
	return true;
}

/* spi=4097(0x1001) */
static bool spi_field(struct span text, uint32_t *ret)
{
	uint64_t spi, hex;
	struct span v;

	if (!field(text, "spi", LAST, &v) || !span_number(&v, 10, UINT32_MAX, &spi) ||
		!span_take(&v, "(0x") || !span_number(&v, 16, UINT32_MAX, &hex) ||
		!span_take(&v, ")") || v.n != 0 || spi != hex)
		return false;
	*ret = (uint32_t)spi;
	return true;
}

static bool flowlabel_field(struct span text, uint32_t *ret)
{
	uint64_t label;
	struct span v;

	if (!field(text, "flowlbl", LAST, &v) || !span_take(&v, "0x") ||
		!span_number(&v, 16, 0xfffff, &label) || v.n != 0)
		return false;
	*ret = (uint32_t)label;
	return true;
}

static bool addr_field(struct span text, const char *name, struct addr *ret)
{
	char octets[ADDR_TEXT_SIZE];
	struct span v;

	if (!field(text, name, LAST, &v) || v.n >= sizeof(octets))
		return false;
	memcpy(octets, v.p, v.n);
	octets[v.n] = '\0';
	return addr_parse(octets, ret) == 0;
}

/* src=A src_prefixlen=N; without the length it is a host. */
static bool prefix_fields(
	struct span text, const char *name, const char *length_name, struct prefix *ret)
{
	uint32_t length;

	if (!addr_field(text, name, &ret->addr))
		return false;
	if (!number_field(text, length_name, LAST, &length))
		length = addr_bits(&ret->addr);
	if (length > addr_bits(&ret->addr))
		return false;
	ret->length = (uint8_t)length;
	return true;
}

enum parse_result audit_parse_stamp(struct span *text, struct audit_stamp *ret)
{
	uint64_t seconds, milliseconds, serial;
	struct span t = *text;

	if (!span_take(&t, "audit(") || !span_number(&t, 10, UINT64_MAX / 2000000, &seconds) ||
		!span_take(&t, ".") || !span_number(&t, 10, 999, &milliseconds) ||
		!span_take(&t, ":") || !span_number(&t, 10, UINT64_MAX, &serial) ||
		!span_take(&t, "):"))
		return PARSE_MALFORMED;
	span_take(&t, " ");
	*text = t;
	*ret = (struct audit_stamp){
		.us = seconds * 1000000 + milliseconds * 1000,
		.serial = serial,
	};
	return PARSE_OK;
}

static enum parse_result parse_drop(struct span text, uint8_t op, struct fact *ret)
{
	struct fact f = { .type = FACT_AUDIT_DROP, .source = SOURCE_AUDIT };

	f.audit_drop.op = op;
	if (!addr_field(text, "src", &f.audit_drop.src) ||
		!addr_field(text, "dst", &f.audit_drop.dst) ||
		f.audit_drop.src.family != f.audit_drop.dst.family)
		return PARSE_TRUNCATED;
	f.audit_drop.has_flowlabel = flowlabel_field(text, &f.audit_drop.flowlabel);
	f.audit_drop.has_spi = spi_field(text, &f.audit_drop.spi);
	f.audit_drop.has_seqno = number_field(text, "seqno", LAST, &f.audit_drop.seqno);
	*ret = f;
	return PARSE_OK;
}

static enum parse_result parse_change(struct span text, uint8_t op, struct fact *ret)
{
	struct fact f = { .type = FACT_AUDIT_CHANGE, .source = SOURCE_AUDIT };
	bool sad = op == AUDIT_SAD_ADD || op == AUDIT_SAD_DELETE;
	uint32_t ok;

	f.audit_change.op = op;
	f.audit_change.pid = f.audit_change.uid = UINT32_MAX;
	f.audit_change.auid = f.audit_change.ses = UINT32_MAX;
	if (!number_field(text, "res", LAST, &ok) ||
		!prefix_fields(text, "src", "src_prefixlen", &f.audit_change.src) ||
		!prefix_fields(text, "dst", "dst_prefixlen", &f.audit_change.dst))
		return PARSE_TRUNCATED;
	if (sad && !spi_field(text, &f.audit_change.spi))
		return PARSE_TRUNCATED;
	f.audit_change.ok = ok != 0;
	number_field(text, "auid", FIRST, &f.audit_change.auid);
	number_field(text, "ses", FIRST, &f.audit_change.ses);
	*ret = f;
	return PARSE_OK;
}

static enum parse_result parse_op(struct span text, struct fact *ret)
{
	static const struct {
		const char *name;
		bool drop;
		uint8_t op;
	} ops[] = {
		{ "SA-icv-failure", true, AUDIT_DROP_ICV },
		{ "SA-replayed-pkt", true, AUDIT_DROP_REPLAY },
		{ "SA-notfound", true, AUDIT_DROP_NOTFOUND },
		{ "SA-replay-overflow", true, AUDIT_DROP_OVERFLOW },
		{ "SAD-add", false, AUDIT_SAD_ADD },
		{ "SAD-delete", false, AUDIT_SAD_DELETE },
		{ "SPD-add", false, AUDIT_SPD_ADD },
		{ "SPD-delete", false, AUDIT_SPD_DELETE },
	};
	struct span op;

	if (!field(text, "op", FIRST, &op))
		return PARSE_TRUNCATED;
	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		if (span_equal(op, span_text(ops[i].name)))
			return ops[i].drop ? parse_drop(text, ops[i].op, ret)
					   : parse_change(text, ops[i].op, ret);
	}
	return PARSE_UNKNOWN;
}

enum parse_result audit_parse_ipsec(struct span text, struct fact *ret)
{
	struct audit_stamp stamp;
	enum parse_result r = audit_parse_stamp(&text, &stamp);

	if (r != PARSE_OK)
		return r;
	r = parse_op(text, ret);
	if (r != PARSE_OK)
		return r;
	if (ret->type == FACT_AUDIT_DROP) {
		ret->audit_drop.serial = stamp.serial;
		ret->audit_drop.record_us = stamp.us;
	} else {
		ret->audit_change.serial = stamp.serial;
		ret->audit_change.record_us = stamp.us;
	}
	return PARSE_OK;
}

/* "plain", or hex when somebody chose a name with blanks, quotes or control octets. */
static void untrusted_field(struct span text, const char *name, char *ret, size_t size)
{
	struct span v;
	size_t n = 0;

	memset(ret, 0, size);
	if (!field(text, name, FIRST, &v) || v.n == 0)
		return;
	if (v.p[0] == '"') {
		for (size_t i = 1; i < v.n && v.p[i] != '"' && n < size - 1; i++)
			ret[n++] = (char)v.p[i];
		return;
	}
	for (size_t i = 0; i + 1 < v.n && n < size - 1; i += 2) {
		unsigned high = span_digit(v.p[i]), low = span_digit(v.p[i + 1]);

		if (high > 15 || low > 15) {
			memset(ret, 0, size); /* (null) */
			return;
		}
		/* A NUL inside must not hide what is behind it. */
		ret[n++] = high || low ? (char)(high << 4 | low) : '?';
	}
}

/*
 * sendto, sendmsg, sendmmsg, or socketcall, by architecture. Not write(): it would do, but nobody
 * asks the kernel that way, and whoever is interrupted by an expiry is often writing.
 */
static bool can_send(uint32_t arch, uint32_t call)
{
	static const struct {
		uint32_t arch;
		uint16_t calls[4];
	} table[] = {
		{ AUDIT_ARCH_X86_64, { 44, 46, 307 } },
		{ AUDIT_ARCH_I386, { 102, 369, 370, 345 } },
		{ AUDIT_ARCH_AARCH64, { 206, 211, 269 } },
		{ AUDIT_ARCH_RISCV64, { 206, 211, 269 } },
		{ AUDIT_ARCH_ARM, { 290, 296, 374 } },
		{ AUDIT_ARCH_PPC64LE, { 335, 341, 349, 102 } },
		{ AUDIT_ARCH_S390X, { 369, 370, 358, 102 } },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		for (size_t j = 0; table[i].arch == arch && j < ARRAY_LEN(table[i].calls); j++) {
			if (table[i].calls[j] != 0 && table[i].calls[j] == call)
				return true;
		}
	}
	return false;
}

enum parse_result audit_parse_syscall(struct span text, struct audit_actor *ret)
{
	struct audit_actor a = { 0 };
	struct span v;
	uint64_t arch;
	uint32_t call;

	if (!field(text, "arch", FIRST, &v) || !span_number(&v, 16, UINT32_MAX, &arch) ||
		v.n != 0 || !number_field(text, "syscall", FIRST, &call) ||
		!number_field(text, "pid", FIRST, &a.pid) ||
		!number_field(text, "uid", FIRST, &a.uid))
		return PARSE_TRUNCATED;
	a.sends = can_send((uint32_t)arch, call);
	untrusted_field(text, "comm", a.comm, sizeof(a.comm));
	untrusted_field(text, "exe", a.exe, sizeof(a.exe));
	*ret = a;
	return PARSE_OK;
}

enum parse_result audit_parse_crash(struct span text, struct audit_crash *ret)
{
	struct audit_stamp stamp;
	struct audit_crash c;
	enum parse_result r = audit_parse_stamp(&text, &stamp);

	if (r != PARSE_OK)
		return r;
	if (!number_field(text, "pid", LAST, &c.pid) || !number_field(text, "sig", LAST, &c.signal))
		return PARSE_TRUNCATED;
	if (c.pid == 0 || c.signal == 0 || c.signal > 64)
		return PARSE_MALFORMED;
	*ret = c;
	return PARSE_OK;
}
