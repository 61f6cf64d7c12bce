/* SPDX-License-Identifier: Apache-2.0 */
#include "base/timetext.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"

static char *put_digits(char *at, unsigned v, unsigned n)
{
	for (unsigned i = n; i > 0; i--, v /= 10)
		at[i - 1] = (char)('0' + v % 10);
	return at + n;
}

/*
 * The date of a day since 1970 in the Gregorian calendar, years beginning in March, so that the
 * leap day is a year's last (Richards, Explanatory Supplement to the Astronomical Almanac, 15.11).
 */
static void date_of(unsigned day, unsigned *ret_year, unsigned *ret_month, unsigned *ret_day)
{
	unsigned f = day + 2440588 + 1401 + (4 * (day + 2440588) + 274277) / 146097 * 3 / 4 - 38;
	unsigned e = 4 * f + 3, g = e % 1461 / 4, h = 5 * g + 2;

	*ret_day = h % 153 / 5 + 1;
	*ret_month = (h / 153 + 2) % 12 + 1;
	*ret_year = e / 1461 - 4716 + (14 - *ret_month) / 12;
}

/* Several in each line of the log: without the C library's time zones. */
char *time_format(uint64_t us, char ret[TIME_TEXT_SIZE])
{
	const uint64_t end_us = UINT64_C(253402300799999999); /* of the year 9999 */
	unsigned second, year, month, day;
	char *at = ret;

	if (us > end_us)
		us = end_us;
	second = (unsigned)(us / 1000000 % 86400);
	date_of((unsigned)(us / 1000000 / 86400), &year, &month, &day);
	at = put_digits(at, year, 4);
	*at++ = '-';
	at = put_digits(at, month, 2);
	*at++ = '-';
	at = put_digits(at, day, 2);
	*at++ = 'T';
	at = put_digits(at, second / 3600, 2);
	*at++ = ':';
	at = put_digits(at, second / 60 % 60, 2);
	*at++ = ':';
	at = put_digits(at, second % 60, 2);
	*at++ = '.';
	at = put_digits(at, (unsigned)(us % 1000000), 6);
	*at++ = 'Z';
	*at = '\0';
	return ret;
}

/* "30s" and its kin: the age in seconds, or -EINVAL. */
static int parse_age(const char *text, uint64_t *ret)
{
	static const struct {
		char letter;
		uint64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno != 0 || end == text || end[0] == '\0' || end[1] != '\0')
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (*end == units[i].letter && v <= UINT64_MAX / 1000000u / units[i].seconds) {
			*ret = v * units[i].seconds;
			return 0;
		}
	}
	return -EINVAL;
}

/* What follows the seconds of an RFC 3339 time: fraction and zone. */
static int parse_tail(const char *p, uint64_t *us, long *offset_s)
{
	unsigned hours, minutes;
	int used = 0;

	*us = 0;
	*offset_s = 0;
	if (*p == '.') {
		uint64_t scale = 100000;

		for (p++; *p >= '0' && *p <= '9'; p++, scale /= 10)
			*us += (uint64_t)(*p - '0') * scale;
	}
	if (strcmp(p, "Z") == 0 || strcmp(p, "z") == 0)
		return 0;
	if (*p != '+' && *p != '-')
		return -EINVAL;
	if (sscanf(p + 1, "%2u:%2u%n", &hours, &minutes, &used) != 2 || p[1 + used] != '\0' ||
		hours > 23 || minutes > 59)
		return -EINVAL;
	*offset_s = (long)(hours * 3600 + minutes * 60) * (*p == '-' ? -1 : 1);
	return 0;
}

static int parse_rfc3339(const char *text, uint64_t *ret)
{
	struct tm tm = { 0 };
	uint64_t us = 0;
	long offset_s = 0;
	time_t s;
	int used = 0;
	char sep;

	if (sscanf(text, "%4d-%2d-%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &used) != 3 ||
		used != 10)
		return -EINVAL;
	if (text[10] != '\0') {
		used = 0;
		if (sscanf(text + 10, "%c%2d:%2d:%2d%n", &sep, &tm.tm_hour, &tm.tm_min, &tm.tm_sec,
			    &used) != 4 ||
			!strchr("Tt ", sep) || parse_tail(text + 10 + used, &us, &offset_s) < 0)
			return -EINVAL;
	}
	if (tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 ||
		tm.tm_mday > 31 || tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 ||
		tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60)
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	s = timegm(&tm) - offset_s;
	if (s < 0)
		return -EINVAL;
	*ret = (uint64_t)s * 1000000u + us;
	return 0;
}

int time_parse(const char *text, uint64_t now_us, uint64_t *ret, struct diag *reterr)
{
	unsigned long long seconds;
	uint64_t age_s;
	char *end;

	if (parse_age(text, &age_s) == 0) {
		*ret = now_us > age_s * 1000000u ? now_us - age_s * 1000000u : 0;
		return 0;
	}
	errno = 0;
	seconds = strtoull(text, &end, 10);
	if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 &&
		seconds <= UINT64_MAX / 1000000u) {
		*ret = (uint64_t)seconds * 1000000u;
		return 0;
	}
	if (parse_rfc3339(text, ret) == 0)
		return 0;
	return diag_set(reterr, -EINVAL,
		"'%.40s' is no time: give 2026-01-31T12:00:00Z, 2026-01-31, seconds since 1970, "
		"or an age such as 15m",
		text);
}

char *duration_format(uint64_t s, char ret[DURATION_TEXT_SIZE])
{
	static const struct {
		uint64_t s;
		const char *name;
	} units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
	size_t i = 0;
	int n;

	while (i + 1 < ARRAY_LEN(units) && s < units[i].s)
		i++;
	n = snprintf(ret, DURATION_TEXT_SIZE, "%" PRIu64 " %s", s / units[i].s, units[i].name);
	if (i + 1 < ARRAY_LEN(units) && s % units[i].s / units[i + 1].s > 0)
		(void)snprintf(ret + n, DURATION_TEXT_SIZE - (size_t)n, " %" PRIu64 " %s",
			s % units[i].s / units[i + 1].s, units[i + 1].name);
	return ret;
}
