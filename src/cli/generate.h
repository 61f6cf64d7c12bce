/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"

/* Pages and scripts from the grammar, the nouns and the catalogue. Used at build time only. */
void generate_completion(struct buf *out);
void generate_events(struct buf *out);
/* -EINVAL: the template names a part that there is not. */
int generate_manual(const char *template, struct buf *out);

/* Text for mdoc: one input line, nothing in it is taken for a request or an escape. */
void mdoc_text(struct buf *out, const char *text);
