/* api: the table of requests. See api.h. */
#include "node/agent/api.h"

/* A path that ends with '/' takes a name behind it. */
static const struct {
	const char *method, *path;
	enum api_op op;
	uint64_t body_max; /* 0: it has none */
	bool large;
} rows[] = {
	{ "GET", "/v1/status", API_STATUS, 0, false },
	{ "GET", "/v1/logs", API_LOG_LIST, 0, false },
	{ "GET", "/v1/logs/", API_LOG_GET, 0, true },
	{ "GET", "/v1/pods", API_POD_LIST, 0, false },
	{ "GET", "/v1/pods/", API_POD_GET, 0, false },
	{ "PUT", "/v1/pods/", API_POD_PUT, API_JSON_MAX, false },
	{ "DELETE", "/v1/pods/", API_POD_DELETE, 0, false },
	{ "GET", "/v1/images", API_IMAGE_LIST, 0, false },
	{ "GET", "/v1/images/", API_IMAGE_GET, 0, false },
	{ "PUT", "/v1/images/", API_IMAGE_PUT, API_JSON_MAX, false },
	{ "DELETE", "/v1/images/", API_IMAGE_DELETE, 0, false },
	{ "GET", "/v1/layers/", API_LAYER_GET, 0, false },
	{ "PUT", "/v1/layers/", API_LAYER_PUT, API_LAYER_MAX, true },
	{ "GET", "/v1/settings", API_SETTINGS_GET, 0, false },
	{ "PUT", "/v1/settings", API_SETTINGS_PUT, API_JSON_MAX, false },
	{ "POST", "/v1/reboot", API_REBOOT, 0, false },
	{ "POST", "/v1/power-off", API_POWER_OFF, 0, false },
};

static int refuse(unsigned int status, unsigned int *ret_status, struct err *e, const char *why)
{
	*ret_status = status;
	return err_set(e, -EBADMSG, "%s", why);
}

static bool fits(const char *row, struct str path, struct str *ret_name)
{
	struct str head = str_c(row);

	if (!str_ends(head, STR("/"))) {
		*ret_name = STR("");
		return str_eq(head, path);
	}
	*ret_name = str_from(path, head.n);
	return str_starts(path, head) && ret_name->n > 0 && ret_name->n <= WIRE_NAME_MAX;
}

static int check_body(const struct http_head *h, uint64_t body_max, unsigned int *ret_status, struct err *e)
{
	if (body_max && !h->has_length)
		return refuse(411, ret_status, e, "a body with a Content-Length is needed");
	if (!body_max && h->length)
		return refuse(400, ret_status, e, "no body is wanted here");
	if (h->length > body_max)
		return refuse(413, ret_status, e, "the body is too long");
	return 0;
}

int api_find(const struct http_head *h, struct api_request *ret, unsigned int *ret_status, struct err *e)
{
	bool known = false;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str name;
		int r;

		if (!fits(rows[i].path, h->path, &name))
			continue;
		known = true;
		if (!str_is(h->method, rows[i].method))
			continue;
		r = check_body(h, rows[i].body_max, ret_status, e);
		if (r == 0)
			*ret = (struct api_request){ rows[i].op, name, rows[i].large };
		return r;
	}
	return known ? refuse(405, ret_status, e, "not with this method")
		     : refuse(404, ret_status, e, "there is no such path");
}
