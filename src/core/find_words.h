/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/find.h"

/* Fate and verdict of a check whose policies and SAs are known. Inside core/ only. */
void find_verdict(struct find_check *k);
