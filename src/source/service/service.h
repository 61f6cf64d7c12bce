/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "source/source.h"

/*
 * One IKE daemon as a process: that it runs, whether its control socket answers, how it ended, and
 * its UDP sockets. Of a process that is not our child nobody must tell us how it ended; what does
 * is combined: the kernel, where it keeps exit statuses (6.15); else what it told as the process
 * ended (exits.h); else an audit record of a crash; else the daemon's last words; else whether it
 * took its PID file with it. Where all are silent, it "ended".
 */
struct service_source;

/* What a daemon leaves when it is killed, and removes when it stops in order. */
struct service_mark {
	int dir; /* O_PATH directory; -1: this daemon has none */
	const char *name; /* file in it, at most NAME_SIZE - 1 octets */
};

struct service_files {
	int pidfd;
	int udp4, udp6; /* /proc/PID/net/udp and udp6 for reading; -1: not to be had */
	int own; /* as service_source_own() has it; -1: not known */
};

/*
 * Takes files and mark->dir over, in any case. s->end, signal, control, why and ended_us are the
 * source's. Emits FACT_SERVICE, the source's state, and the sockets. -ENOMEM.
 */
int service_source_new(const struct service *s, uint64_t netns, const struct service_files *files,
	const struct service_mark *mark, const struct source_sink *sink,
	struct service_source **ret);
struct service_source *service_source_free(struct service_source *s);
DEFINE_FREEP(service_source)

int service_source_fd(const struct service_source *s, size_t i); /* 0: the pidfd */
/* The process has ended: lets go of its netns at once; the fact follows when its cause is found. */
void service_source_ready(struct service_source *s, size_t i);
/* Once a second; now_ns: a clock that only rises. Reads the sockets, and looks for the cause. */
void service_source_tick(struct service_source *s, uint64_t now_ns);
bool service_source_ended(const struct service_source *s); /* the process */
/* The fact of its end has been emitted: free it. */
bool service_source_over(const struct service_source *s);

/* enum service_control, as whoever speaks to it found it. Emits a change only. */
void service_source_control(struct service_source *s, uint8_t control, const char *why);
void service_source_version(struct service_source *s, const char *version);
/*
 * Which sockets of the netns are its own: a file of their inode numbers, a uint64_t each. With
 * UDP_OWN_MAX or more, or when it cannot be read, all count as its own. Taken over.
 */
void service_source_own(struct service_source *s, int fd);
/* What the daemon said of its own end (enum service_end), also shortly after the end. */
void service_source_words(struct service_source *s, uint8_t end, const char *why);
/* The kernel told its status, as wait(2) gives it, also shortly after the end. */
void service_source_exit(struct service_source *s, int status);
/* Audit says that this signal crashed it, also shortly after the end. */
void service_source_signal(struct service_source *s, uint32_t signal);
/* Says all again; what ran before is then found, not new. */
void service_source_restate(struct service_source *s);
