/* SPDX-License-Identifier: Apache-2.0 */
#include "source/strongswan/der.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "source/strongswan/fields.h"

enum tag {
	TAG_INTEGER = 0x02,
	TAG_BIT_STRING = 0x03,
	TAG_OID = 0x06,
	TAG_UTC_TIME = 0x17,
	TAG_GENERALIZED_TIME = 0x18,
	TAG_SEQUENCE = 0x30,
	TAG_SET = 0x31,
	TAG_VERSION = 0xa0, /* [0] EXPLICIT */
};

struct tlv {
	uint8_t tag;
	struct span body;
};

/* Lengths as DER wants them: definite, and in as few octets as they need. */
static bool take_any(struct span *s, struct tlv *ret)
{
	size_t n, head = 2;

	if (s->n < 2 || (s->p[0] & 0x1f) == 0x1f)
		return false;
	n = s->p[1];
	if (n >= 0x80) {
		size_t octets = n & 0x7f;

		if (octets == 0 || octets > 3 || s->n < 2 + octets || s->p[2] == 0)
			return false;
		n = 0;
		for (size_t i = 0; i < octets; i++)
			n = n << 8 | s->p[2 + i];
		if (n < 0x80)
			return false;
		head += octets;
	}
	if (n > s->n - head)
		return false;
	*ret = (struct tlv){ .tag = s->p[0], .body = span_of(s->p + head, n) };
	*s = span_of(s->p + head + n, s->n - head - n);
	return true;
}

static bool take(struct span *s, uint8_t tag, struct span *ret)
{
	struct span rest = *s;
	struct tlv t;

	if (!take_any(&rest, &t) || t.tag != tag)
		return false;
	*ret = t.body;
	*s = rest;
	return true;
}

/* Object identifiers of RFC 4519 and what strongSwan calls them. */
static const struct attribute {
	const char *oid;
	const char *name;
} attributes[] = {
	{ "\x55\x04\x03", "CN" },
	{ "\x55\x04\x04", "SN" },
	{ "\x55\x04\x05", "serialNumber" },
	{ "\x55\x04\x06", "C" },
	{ "\x55\x04\x07", "L" },
	{ "\x55\x04\x08", "ST" },
	{ "\x55\x04\x09", "STREET" },
	{ "\x55\x04\x0a", "O" },
	{ "\x55\x04\x0b", "OU" },
	{ "\x55\x04\x0c", "T" },
	{ "\x55\x04\x0d", "D" },
	{ "\x55\x04\x10", "postalAddress" },
	{ "\x55\x04\x11", "postalCode" },
	{ "\x55\x04\x29", "N" },
	{ "\x55\x04\x2a", "G" },
	{ "\x55\x04\x2b", "I" },
	{ "\x55\x04\x2d", "ID" },
	{ "\x55\x04\x2e", "dnQualifier" },
	{ "\x55\x04\x36", "dmdName" },
	{ "\x55\x04\x41", "pseudonym" },
	{ "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", "UID" },
	{ "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", "DC" },
	{ "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", "E" },
	{ "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x02", "unstructuredName" },
	{ "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x08", "unstructuredAddress" },
};

static void append_hex(char *ret, size_t size, struct span s, const char *between)
{
	size_t at = strlen(ret);

	for (size_t i = 0; i < s.n && at + 3 < size; i++)
		at += (size_t)snprintf(ret + at, size - at, "%s%02x", i > 0 ? between : "", s.p[i]);
}

static void append(char *ret, size_t size, const char *text)
{
	size_t at = strlen(ret);

	(void)snprintf(ret + at, size - at, "%s", text);
}

static void append_attribute(struct span oid, struct span value, char *ret, size_t size)
{
	const char *name = NULL;
	char text[IDENTITY_SIZE];

	for (size_t i = 0; i < ARRAY_LEN(attributes); i++) {
		if (span_equal(oid, span_text(attributes[i].oid)))
			name = attributes[i].name;
	}
	if (ret[0] != '\0')
		append(ret, size, ", ");
	if (name)
		append(ret, size, name);
	else
		append_hex(ret, size, oid, ":");
	append(ret, size, "=");
	field_text(value, text, sizeof(text));
	append(ret, size, text);
}

/* Name ::= SEQUENCE OF SET OF SEQUENCE { type, value } */
static bool take_name(struct span *s, char ret[IDENTITY_SIZE])
{
	struct span name, set, pair, oid;
	struct tlv value;
	char whole[4 * IDENTITY_SIZE] = "";

	if (!take(s, TAG_SEQUENCE, &name))
		return false;
	while (name.n > 0) {
		if (!take(&name, TAG_SET, &set) || set.n == 0)
			return false;
		while (set.n > 0) {
			if (!take(&set, TAG_SEQUENCE, &pair) || !take(&pair, TAG_OID, &oid) ||
				!take_any(&pair, &value) || pair.n > 0)
				return false;
			append_attribute(oid, value.body, whole, sizeof(whole));
		}
	}
	field_text(span_text(whole), ret, IDENTITY_SIZE);
	return true;
}

static int digits(const uint8_t *p, size_t n)
{
	int v = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		v = 10 * v + (p[i] - '0');
	}
	return v;
}

/* YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ (RFC 5280, 4.1.2.5); before 1970: 0. */
static bool take_time(struct span *s, uint64_t *ret_us)
{
	struct span rest = *s;
	struct tlv t;
	size_t year;
	struct tm tm = { 0 };
	int v[6];
	time_t at;

	if (!take_any(&rest, &t) || (t.tag != TAG_UTC_TIME && t.tag != TAG_GENERALIZED_TIME))
		return false;
	year = t.tag == TAG_UTC_TIME ? 2 : 4;
	if (t.body.n != year + 11 || t.body.p[year + 10] != 'Z')
		return false;
	v[0] = digits(t.body.p, year);
	for (size_t i = 1; i < 6; i++)
		v[i] = digits(t.body.p + year + 2 * (i - 1), 2);
	for (size_t i = 0; i < 6; i++) {
		if (v[i] < 0)
			return false;
	}
	if (v[1] < 1 || v[1] > 12 || v[2] < 1 || v[2] > 31 || v[3] > 23 || v[4] > 59 || v[5] > 60)
		return false;
	tm.tm_year = year == 4 ? v[0] - 1900 : v[0] < 50 ? v[0] + 100 : v[0];
	tm.tm_mon = v[1] - 1;
	tm.tm_mday = v[2];
	tm.tm_hour = v[3];
	tm.tm_min = v[4];
	tm.tm_sec = v[5];
	at = timegm(&tm);
	*ret_us = at > 0 ? (uint64_t)at * 1000000 : 0;
	*s = rest;
	return true;
}

/* What is signed: the first of three, with the algorithm and the signature behind it. */
static bool open_signed(struct span der, struct span *ret)
{
	struct span whole, other;

	return take(&der, TAG_SEQUENCE, &whole) && der.n == 0 && take(&whole, TAG_SEQUENCE, ret) &&
	       take(&whole, TAG_SEQUENCE, &other) && take(&whole, TAG_BIT_STRING, &other) &&
	       whole.n == 0;
}

enum parse_result der_certificate(struct span der, struct certificate *ret)
{
	struct certificate c = *ret;
	struct span signed_part, serial, other, validity;

	if (!open_signed(der, &signed_part))
		return PARSE_MALFORMED;
	(void)take(&signed_part, TAG_VERSION, &other);
	if (!take(&signed_part, TAG_INTEGER, &serial) || serial.n == 0 ||
		!take(&signed_part, TAG_SEQUENCE, &other) || !take_name(&signed_part, c.issuer) ||
		!take(&signed_part, TAG_SEQUENCE, &validity) ||
		!take_time(&validity, &c.not_before_us) || !take_time(&validity, &c.not_after_us) ||
		validity.n > 0 || !take_name(&signed_part, c.subject))
		return PARSE_MALFORMED;
	c.serial[0] = '\0';
	append_hex(c.serial, sizeof(c.serial), serial, ":");
	*ret = c;
	return PARSE_OK;
}

enum parse_result der_crl(struct span der, struct certificate *ret)
{
	struct certificate c = *ret;
	struct span signed_part, other;

	if (!open_signed(der, &signed_part))
		return PARSE_MALFORMED;
	(void)take(&signed_part, TAG_INTEGER, &other);
	if (!take(&signed_part, TAG_SEQUENCE, &other) || !take_name(&signed_part, c.issuer) ||
		!take_time(&signed_part, &c.not_before_us))
		return PARSE_MALFORMED;
	(void)take_time(&signed_part, &c.not_after_us); /* nextUpdate is optional */
	*ret = c;
	return PARSE_OK;
}
