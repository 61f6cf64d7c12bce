/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "model/value.h"

/* One value of a row in comparable form, whatever the row came as. Inside view/ only. */
struct cell {
	bool known;
	bool negative; /* of a number */
	uint64_t number; /* NUMBER: the magnitude; BOOL, SPI, TIME */
	struct prefix prefix; /* ADDR: of full length; PREFIX */
	struct span text; /* TEXT, JSON: borrowed from the row, or `owned` */
	char *owned; /* cell_done() frees it */
};

/* A value of another kind than the field's is unknown. End with cell_done(). */
void cell_of_row(const struct field *f, const void *row, struct cell *ret);
void cell_of_json(const struct field *f, const json_t *row, struct cell *ret);
void cell_done(struct cell *c);
/*
 * The same of a member's JSON text alone, without memory; texts are borrowed. False: this does not
 * tell (escapes, fractions, JSON columns).
 */
bool cell_of_text(const struct field *f, struct span value, struct cell *ret);

/* Both known, both of the field's type: <0, 0, >0. */
int cell_cmp(const struct field *f, const struct cell *a, const struct cell *b);
