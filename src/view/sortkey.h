/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/buf.h"
#include "view/cell.h"

/* Appends a cell as octets whose order is that of cell_cmp(), the unknown last. Inside view/ only.
 */
void sortkey_append(const struct field *f, const struct cell *c, bool descending, struct buf *out);
