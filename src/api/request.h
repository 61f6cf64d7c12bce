/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "api/internal.h"

/* MHD's callbacks for requests; userdata is the api. */
enum MHD_Result request_handle(void *userdata, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_size,
	void **cls);
void request_completed(void *userdata, struct MHD_Connection *connection, void **cls,
	enum MHD_RequestTerminationCode how);
