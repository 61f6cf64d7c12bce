/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "core/core.h"

/* core_each() by subject; -ENOENT: not a noun of it. */
int ike_each(const struct core *c, const struct noun *n, core_each_fn *each, void *userdata);
int configured_each(const struct core *c, const struct noun *n, core_each_fn *each, void *userdata);
int active_policy_each(const struct core *c, core_each_fn *each, void *userdata);
int link_each(const struct core *c, core_each_fn *each, void *userdata);
