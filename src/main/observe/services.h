/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "main/observe/observe.h"
#include "source/service/service.h"

/* One IKE daemon and what watches it. */
struct daemon {
	struct observe *observe;
	struct service service; /* as the supervisor introduced it */
	uint64_t netns; /* cookie */
	struct service_source *source;
	uv_poll_t *source_poll;
};

/* fds that are taken over become -1. */
void services_add(struct observe *o, const struct ipc_message *m, int *fds, unsigned n_fds);
void services_ready(struct observe *o, const struct ipc_message *m); /* the list is complete */
void services_config(struct observe *o); /* the configuration may exclude some now */
void services_second(struct observe *o); /* once a second */
void services_crashed(void *observe, uint32_t pid, uint32_t signal);
void services_restate(struct observe *o);
void services_free_all(struct observe *o);
