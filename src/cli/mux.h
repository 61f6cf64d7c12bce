/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "base/diag.h"

/*
 * One end of a serial line that carries several sessions in frames (cli/frame.h). The listening
 * end accepts clients and opens a session for each; the serial end connects to the monitor's
 * socket for each. A lost frame ends the sessions then open, on both sides; new ones work at once.
 * A client that stops reading holds up its own session only (FRAME_WINDOW).
 */
struct mux_options {
	int line_in,
		line_out; /* borrowed; reads and writes may block for as long as the line does */
	int listen_fd; /* listening end: clients come here; -1: the serial end */
	const char *connect_path; /* serial end: where sessions go to */
	int wake_fd; /* readable: end; -1: none */
};

#define MUX_SESSIONS_MAX 32
#define MUX_WINDOW 32768u /* octets under way in one direction of one session */

struct mux_counters {
	uint64_t sessions; /* opened */
	uint64_t frames_in, frames_out;
	uint64_t noise; /* octets that belonged to no frame */
	uint64_t lost; /* times that frames were missing */
	uint64_t refused; /* sessions over the limit, or not to be connected */
};

/* Until the line ends or the wake descriptor is readable: 0. -errno when the line fails. */
int mux_run(const struct mux_options *o, struct mux_counters *ret, struct diag *reterr);
