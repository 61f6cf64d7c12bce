/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/span.h"
#include "main/ipc.h"

#define CONFIG_PATTERNS_MAX 64
#define CONFIG_SOCKETS_MAX 16
#define CONFIG_PATH_SIZE 108 /* as long as a unix socket's may be */
#define CONFIG_SIZE_MAX (1024 * 1024) /* octets of the file */

/* The administrator's configuration; doc/ipsecmond.conf(5) describes the keys. */
struct config {
	struct ipc_config ipc; /* what the children get; host and start values are not set here */
	char netns[CONFIG_PATTERNS_MAX][NAME_SIZE]; /* fnmatch patterns */
	size_t n_netns;
	/* Paths as the daemon sees them. */
	struct config_sockets {
		char path[CONFIG_SOCKETS_MAX]
			 [CONFIG_PATH_SIZE]; /* the first that answers is taken */
		size_t n;
	} vici, error_notify; /* error_notify.n is 0 unless it is wanted */
	char libreswan_log[CONFIG_PATH_SIZE]; /* "": none */
	char whack[CONFIG_PATH_SIZE]; /* as we see it; "": where packages put it */
};

/*
 * Parses the text; name is for messages: "name:line: what is wrong and what would be right".
 * -EINVAL, -ENOMEM. An empty text gives the defaults.
 */
int config_parse(const char *name, struct span text, struct config *ret, struct diag *reterr);
/* Reads and parses the file. may_miss: a file that is not there counts as an empty one. */
int config_load(const char *path, bool may_miss, struct config *ret, struct diag *reterr);
/* Is the netns of that name to be watched? */
bool config_wants_netns(const struct config *c, const char *name);
