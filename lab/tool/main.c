/* SPDX-License-Identifier: Apache-2.0 */
#include "labtool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct command {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *arguments;
	const char *help;
} commands[] = {
	{ "talk", talk_main, "[-l] [-c COUNT] [-p PORT] [-w FILE] FROM TO SOURCE DESTINATION",
		"send UDP datagrams from one netns, wait until the other has them (-l: they get\n"
		"lost, do not wait); -w: save the secured packets on the way as a capture file" },
	{ "inject", inject_main,
		"[-s [+]SEQ] [-S SPI] [-f] [-k BYTES] [-e PORT | -d] [-a SOURCE]\n"
		"           [-c COUNT] [-r spi|source] FROM FILE",
		"put saved packets on the wire again, all of them COUNT times, changed: sequence\n"
		"number, SPI, last byte flipped, only BYTES after the IP header kept, wrapped "
		"into\n"
		"UDP or unwrapped, other source, SPI or source at random" },
	{ "hold", hold_main, "NETNS ADDRESS PORT",
		"hold a UDP socket that takes ESP out of UDP; prints the id of the process that\n"
		"holds it" },
	{ "in", in_main, "NETNS COMMAND...",
		"run a command there (and nothing else: ip netns exec copies all mounts first)" },
	{ "at", at_main, "PID SECONDS COMMAND...",
		"run a command where that process lives: its netns, its mounts; end it after so\n"
		"many seconds" },
	{ "logged", logged_main, "[-t MILLISECONDS] PATTERN {FILE OFFSET}...",
		"exit 0 if a line of these files, from these offsets on, has the extended regular\n"
		"expression, or gets it in time, else 1" },
	{ "stat", stat_main, "NETNS...",
		"the kernel's drop counters that are not 0, one JSON object a line" },
	{ "wait", wait_main, "[-t MILLISECONDS] NETNS COUNTER VALUE",
		"wait until a drop counter has reached VALUE" },
	{ "sysctl", sysctl_main, "NETNS KEY VALUE", "write /proc/sys/net/KEY of a netns" },
	{ "backlog", backlog_main, "RECORDS", "set the backlog limit of the kernel's audit" },
	{ "audited", audited_main, "", "exit 0 if the kernel's audit is switched on, else 1" },
	{ "hunt", hunt_main, "KEY... -- PATH...",
		"look in files and folders for keys given in hex: their bytes, their hex, the hex\n"
		"of their hex; exit 1 if any is there" },
};

static int usage(void)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(stderr, "labtool %s %s\n%s\n\n", commands[i].name, commands[i].arguments,
			commands[i].help);
	return 2;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].main(argc - 1, argv + 1);
	}
	return usage();
}

void lab_die(const char *format, ...)
{
	va_list args;

	fputs("labtool: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

void lab_fail(const char *format, ...)
{
	const char *why = strerror(errno);
	va_list args;

	fputs("labtool: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ": %s\n", why);
	exit(1);
}

void lab_enter(const char *netns)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		lab_fail("%s", path);
	if (setns(fd, CLONE_NEWNET) < 0)
		lab_fail("enter %s", netns);
	close(fd);
}

void lab_address_parse(const char *text, const char *port, struct lab_address *ret)
{
	const in_port_t number = htons((in_port_t)lab_number(port, UINT16_MAX));

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &ret->v4.sin_addr) == 1) {
		ret->v4.sin_family = AF_INET;
		ret->v4.sin_port = number;
		ret->size = sizeof(ret->v4);
	} else if (inet_pton(AF_INET6, text, &ret->v6.sin6_addr) == 1) {
		ret->v6.sin6_family = AF_INET6;
		ret->v6.sin6_port = number;
		ret->size = sizeof(ret->v6);
	} else {
		lab_die("%s: not an address", text);
	}
}

unsigned long lab_number(const char *text, unsigned long max)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 0);
	if (errno || end == text || *end != '\0' || n > max)
		lab_die("%s: not a number from 0 to %lu", text, max);
	return n;
}

long long lab_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}
