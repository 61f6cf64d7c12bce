/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit_words.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "catalog/catalog.h"
#include "cli/nearest.h"

#define NAMES_MAX (2 * SUBCATEGORY_N)

const char *const audit_settings[] = { "none", "success", "failure", "both", "not configured",
	NULL };

/* Other words for the same. */
static const char *const aliases[][2] = { { "success and failure", "both" }, { "all", "both" },
	{ "off", "none" }, { "default", "not configured" } };

/* The words in one text: lower case, one blank between two. */
static void join(const char *const *words, size_t n, struct buf *out)
{
	bool blank = false;

	for (size_t i = 0; i < n; i++) {
		for (const char *p = words[i]; *p; p++) {
			if (*p == ' ' || *p == '-' || *p == '_') {
				blank = true;
				continue;
			}
			if (blank && out->n > 0)
				buf_char(out, ' ');
			blank = false;
			buf_char(out, (char)tolower((unsigned char)*p));
		}
		blank = true;
	}
	if (!out->p)
		buf_text(out, "");
}

static const char *setting_of(const char *text)
{
	for (size_t i = 0; audit_settings[i]; i++) {
		if (strcasecmp(audit_settings[i], text) == 0)
			return audit_settings[i];
	}
	for (size_t i = 0; i < ARRAY_LEN(aliases); i++) {
		if (strcasecmp(aliases[i][0], text) == 0)
			return aliases[i][1];
	}
	return NULL;
}

/* Subcategories, then categories, each once. */
static size_t all_names(const char *ret[NAMES_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < SUBCATEGORY_N; i++)
		ret[n++] = catalog_subcategories[i].name;
	for (size_t i = 0; i < SUBCATEGORY_N; i++) {
		const char *category = catalog_subcategories[i].category;
		bool there = false;

		for (size_t k = SUBCATEGORY_N; k < n; k++)
			there |= strcmp(ret[k], category) == 0;
		if (!there)
			ret[n++] = category;
	}
	return n;
}

/* Does each word of text begin a word of name, in its order? */
static bool fits(const char *text, const char *name)
{
	while (*text) {
		size_t n = strcspn(text, " ");

		while (*name && strncasecmp(name, text, n) != 0) {
			name += strcspn(name, " ");
			name += *name == ' ';
		}
		if (!*name)
			return false;
		name += strcspn(name, " ");
		name += *name == ' ';
		text += n + (text[n] == ' ');
	}
	return true;
}

static int name_of(const char *text, struct audit_words *ret, struct diag *reterr)
{
	const char *names[NAMES_MAX], *meant;
	size_t n = all_names(names), found = 0;
	CLEANUP_BUF struct buf list = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(names[i], text) == 0) {
			ret->name = names[i];
			ret->category = i >= SUBCATEGORY_N;
			return 0;
		}
	}
	for (size_t i = 0; i < n; i++) {
		if (!fits(text, names[i]))
			continue;
		buf_printf(&list, "%s%s", found++ ? ", " : "", names[i]);
		ret->name = names[i];
		ret->category = i >= SUBCATEGORY_N;
	}
	if (found == 1)
		return 0;
	if (found > 1)
		return diag_set(reterr, -EINVAL, "'%s' may mean: %s", text, list.p);
	meant = nearest(text, names, n);
	if (meant)
		return diag_set(reterr, -EINVAL,
			"no category or subcategory '%s'; did you mean '%s'?", text, meant);
	for (size_t i = 0; i < n; i++)
		buf_printf(&list, "%s%s", i ? ", " : "", names[i]);
	return diag_set(
		reterr, -EINVAL, "no category or subcategory '%s'; there are: %s", text, list.p);
}

int audit_words_parse(
	const char *const *words, size_t n, struct audit_words *ret, struct diag *reterr)
{
	struct audit_words w = { 0 };
	size_t n_name = 0;
	int r;

	/* The longest tail that is a setting: "not configured" before "configured". */
	for (size_t at = n > 3 ? n - 3 : 1; at < n && !w.setting; at++) {
		CLEANUP_BUF struct buf tail = { 0 };

		join(words + at, n - at, &tail);
		w.setting = tail.p ? setting_of(tail.p) : NULL;
		n_name = at;
	}
	if (!w.setting) {
		const char *last = n ? words[n - 1] : "";
		const char *meant = nearest(last, audit_settings, ARRAY_LEN(audit_settings) - 1);

		return diag_set(reterr, -EINVAL,
			"'%s' is no setting%s%s%s; there are: none, success, failure, both, not "
			"configured",
			last, meant ? ", did you mean '" : "", meant ? meant : "",
			meant ? "'?" : "");
	}
	CLEANUP_BUF struct buf name = { 0 };
	join(words, n_name, &name);
	if (!name.p)
		return diag_set(reterr, -ENOMEM, "out of memory");
	r = name_of(name.p, &w, reterr);
	if (r < 0)
		return r;
	*ret = w;
	return 0;
}
