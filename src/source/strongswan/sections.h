/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/span.h"
#include "model/ike.h"

/*
 * What charon's sections hold, key by key. Adds to *ret: zero it first. now_us: CLOCK_REALTIME.
 */
void ike_sa_read(struct span section, uint64_t now_us, struct ike_sa *ret);
void child_sa_read(struct span section, uint64_t now_us, struct child_sa *ret);
void connection_read(struct span section, struct connection *ret);
void connection_child_read(struct span section, struct connection_child *ret);
void shunt_read(struct span section, struct shunt *ret);
