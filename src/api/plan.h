/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "store/sqlite/index.h"
#include "view/filter.h"

/*
 * What of a filter the index can answer. The filter stays the judge of every line; the question
 * only says which lines need not be looked at. 0 or -ENOMEM.
 */
int plan_question(const struct filter *f, struct index_question **ret);
