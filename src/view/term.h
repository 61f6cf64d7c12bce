/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "model/value.h"
#include "view/cell.h"

/* One term of a where: a column, a comparison and what to compare with. Inside view/ only. */
enum term_op { TERM_EQ, TERM_NE, TERM_LT, TERM_GT, TERM_LE, TERM_GE };

struct term {
	const struct field *field;
	enum term_op op;
	bool null; /* key=null, key!=null */
	bool rest; /* text: any rest behind `value` */
	struct cell value; /* known, unless null; its text lies in the caller's copy */
};

/* Value as the user wrote it, quotes and escapes already taken off. -EINVAL with the reason. */
struct term_word {
	char *text;
	bool quoted; /* null and * are then nothing special */
};
int term_value_parse(struct term *t, struct term_word word, uint64_t now_us, struct diag *reterr);

bool term_holds(const struct term *t, const struct cell *c);
