/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

/*
 * The lab's tool: traffic and faults that iproute2 cannot make, and readings that a shell is too
 * slow for. Every failure ends the program with a message: a lab that did not do what it was told
 * must never look like a result.
 */

#define LAB_DEVICE "v0" /* a lab netns reaches its peer through a device of this name */

struct lab_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t size;
};

void lab_die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* The same, followed by the text of errno. */
void lab_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Sockets opened and /proc/net files read from now on are those of netns. */
void lab_enter(const char *netns);
void lab_address_parse(const char *text, const char *port, struct lab_address *ret);
unsigned long lab_number(const char *text, unsigned long max);
long long lab_now_ms(void);

int talk_main(int argc, char **argv);
int inject_main(int argc, char **argv);
int hold_main(int argc, char **argv);
int in_main(int argc, char **argv);
int at_main(int argc, char **argv);
int logged_main(int argc, char **argv);
int stat_main(int argc, char **argv);
int wait_main(int argc, char **argv);
int sysctl_main(int argc, char **argv);
int backlog_main(int argc, char **argv);
int audited_main(int argc, char **argv);
int hunt_main(int argc, char **argv);
