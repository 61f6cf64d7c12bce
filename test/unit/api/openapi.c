/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "api/internal.h"
#include "harness.h"

/* doc/openapi.json says what the code does: the same paths, parameters, fields. */

static int load(void **state)
{
	json_error_t error;
	json_t *doc = json_load_file(OPENAPI_FILE, JSON_REJECT_DUPLICATES, &error);

	if (!doc) {
		(void)fprintf(stderr, "%s:%d: %s\n", OPENAPI_FILE, error.line, error.text);
		return -1;
	}
	*state = doc;
	return 0;
}

static int unload(void **state)
{
	json_decref(*state);
	return 0;
}

static const json_t *operation(const json_t *doc, const struct route *r)
{
	char path[128], method[8] = "";

	(void)snprintf(path, sizeof(path), "%s%s", r->path,
		r->path[strlen(r->path) - 1] == '/' ? "{name}" : "");
	for (size_t i = 0; r->method[i] && i + 1 < sizeof(method); i++)
		method[i] = (char)(r->method[i] | 0x20);
	return json_object_get(json_object_get(json_object_get(doc, "paths"), path), method);
}

static bool has_query_param(const json_t *params, const char *name)
{
	const json_t *p;
	size_t i;

	json_array_foreach(params, i, p)
	{
		if (strcmp(json_string_value(json_object_get(p, "name")), name) == 0 &&
			strcmp(json_string_value(json_object_get(p, "in")), "query") == 0)
			return true;
	}
	return false;
}

static void every_route_is_described(void **state)
{
	size_t n_routes = 0, n_described = 0;
	const char *key;
	json_t *path;

	for (const struct route *r = api_routes; r->method; r++) {
		const json_t *op = operation(*state, r),
			     *params = json_object_get(op, "parameters");
		size_t n = r->path[strlen(r->path) - 1] == '/';

		if (!op)
			fail_msg("%s %s is not described", r->method, r->path);
		assert_string_equal(json_string_value(json_object_get(op, "summary")), r->summary);
		for (size_t i = 0; r->params[i]; i++) {
			if (!has_query_param(params, r->params[i]))
				fail_msg("%s: %s is not described", r->path, r->params[i]);
			n++;
		}
		if (json_array_size(params) != n)
			fail_msg("%s: more parameters are described than there are", r->path);
		n_routes++;
	}
	json_object_foreach(json_object_get(*state, "paths"), key, path) n_described +=
		json_object_size(path);
	assert_int_equal(n_routes, n_described);
}

static void every_field_is_described(void **state)
{
	const json_t *schemas = json_object_get(json_object_get(*state, "components"), "schemas");

	for (size_t i = 0; nouns[i]; i++) {
		const json_t *props =
			json_object_get(json_object_get(schemas, nouns[i]->name), "properties");

		for (size_t k = 0; k < nouns[i]->n_fields; k++) {
			if (!json_object_get(props, nouns[i]->fields[k].key))
				fail_msg("%s.%s is not described", nouns[i]->name,
					nouns[i]->fields[k].key);
		}
		if (json_object_size(props) != nouns[i]->n_fields)
			fail_msg("%s: more fields are described than there are", nouns[i]->name);
	}
}

/* The same keys on every level; arrays by their first item. */
static void expect_keys(const json_t *schema, const json_t *value, const char *where)
{
	const json_t *props = json_object_get(schema, "properties");
	const char *key;
	json_t *v;

	if (json_is_array(value)) {
		if (json_array_size(value) > 0)
			expect_keys(
				json_object_get(schema, "items"), json_array_get(value, 0), where);
		return;
	}
	if (!json_is_object(value))
		return;
	json_object_foreach((json_t *)(uintptr_t)value, key, v)
	{
		if (!json_object_get(props, key))
			fail_msg("%s: %s is not described", where, key);
		expect_keys(json_object_get(props, key), v, key);
	}
	assert_int_equal(json_object_size(props), json_object_size(value));
}

static void answers_are_as_described(void **state)
{
	static const char *const names[] = { "status", "schema" };
	const json_t *schemas = json_object_get(json_object_get(*state, "components"), "schemas");
	struct harness h;

	harness_init(&h, true);
	log_events(&h, 1);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		CLEANUP_ANSWER struct answer a;
		char url[64];
		json_t *value;

		(void)snprintf(url, sizeof(url), "/api/v1/%s", names[i]);
		ask(&h, "GET", url, NULL, NULL, &a);
		value = json_loads(a.body.p, 0, NULL);
		assert_non_null(value);
		expect_keys(json_object_get(schemas, names[i]), value, names[i]);
		json_decref(value);
	}
	harness_done(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_route_is_described),
		cmocka_unit_test(every_field_is_described),
		cmocka_unit_test(answers_are_as_described),
	};

	return cmocka_run_group_tests_name("api/openapi", tests, load, unload);
}
