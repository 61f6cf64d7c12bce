/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* Only programs and sources ask the time; everything inside is told it by facts. */
uint64_t clock_boot_ns(void); /* CLOCK_BOOTTIME */
uint64_t clock_real_us(void); /* CLOCK_REALTIME */
uint64_t clock_cpu_ns(void); /* CLOCK_PROCESS_CPUTIME_ID: what this process has spent */
