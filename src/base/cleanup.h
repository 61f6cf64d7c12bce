/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* CLEANUP(x) declares a variable that x_free() takes when its scope ends; after DEFINE_FREEP(x). */
#define DEFINE_FREEP(x) \
	static inline void x##_freep(struct x **p) \
	{ \
		x##_free(*p); \
	}
#define CLEANUP(x) __attribute__((cleanup(x##_freep)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
