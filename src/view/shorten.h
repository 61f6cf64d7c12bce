/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "model/value.h"
#include "view/table.h"

/* One JSON value as a cell. v is NULL or null when it is unknown. Inside view/ only. */
void shorten_text(
	const struct field *f, const json_t *v, const struct table_options *o, struct buf *out);
void shorten_tab(const struct field *f, const json_t *v, struct buf *out);
void shorten_json(const json_t *v, struct buf *out); /* compact JSON text */
