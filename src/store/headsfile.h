/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "base/span.h"
#include "sign/signed_head.h"

/*
 * The signed heads of a log, one a line, oldest first, in a file beside `log`. It outlives the
 * segments: of each the last head stays for good.
 */
struct headsfile;

#define HEADS_FILE "heads.jsonl"
#define KEYS_FILE \
	"keys.pem" /* a copy of the keyring (sign/keyring.h), for who has the log only \
		    */
#define HEADS_WHOLE_DAYS \
	3u /* all heads of so many days stay, older ones only if last of their \
	      segment */

/* Opens or creates; cuts a line that was not finished. dir_fd: the state directory, borrowed. */
int headsfile_open(int dir_fd, struct headsfile **ret, struct diag *reterr);
struct headsfile *headsfile_free(struct headsfile *f); /* takes NULL */
DEFINE_FREEP(headsfile)

/* The newest head. False: there is none. */
bool headsfile_last(const struct headsfile *f, struct signed_head *ret);
/* On the disk when it returns 0. -EINVAL: no head; or what writing says: nothing is appended. */
int headsfile_append(struct headsfile *f, struct span line);
/* Rewrites the file without the heads that need not stay, when there are many. */
int headsfile_thin(struct headsfile *f, uint64_t now_us);

/*
 * Reading, also of a copy and while another process appends: each whole line whose head's number
 * is over `since`, or that is no head. each returns false to stop. -ENOENT: there is no such file.
 */
typedef bool headsfile_each_fn(void *userdata, struct span line);
int headsfile_scan(int dir_fd, uint64_t since, headsfile_each_fn *each, void *userdata);
