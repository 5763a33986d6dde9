/* config: image configurations. See config.h. */
#include "image/config.h"

#include "base/num.h"
#include "image/field.h"
#include "image/image.h"

static int read_diff_ids(struct fields *f, struct config *c, struct err *e)
{
	c->diff_ids.n = 0;
	while (json_next(f->json)) {
		struct str text = STR_NONE;
		struct digest d;

		if (c->diff_ids.n == IMAGE_LAYERS_MAX)
			return err_set(e, -E2BIG, "more than %d diff ids", IMAGE_LAYERS_MAX);
		if (!json_str(f->json, &text) || !digest_parse(text, &d))
			return err_set(e, -EBADMSG, "diff id %zu is no sha256 digest", c->diff_ids.n + 1);
		vec_push(&c->diff_ids, d);
	}
	return 0;
}

static int read_rootfs(struct fields *f, struct config *c, struct err *e)
{
	int r = 0;

	while (r >= 0 && field_next(f))
		if (field_array(f, "diff_ids"))
			r = read_diff_ids(f, c, e);
	return r;
}

static int read_history(struct fields *f, struct config *c, struct err *e)
{
	c->history.n = 0;
	while (json_next(f->json)) {
		struct config_step *step;

		if (c->history.n == CONFIG_HISTORY_MAX)
			return err_set(e, -E2BIG, "more than %d steps of history", CONFIG_HISTORY_MAX);
		step = vec_add(&c->history);
		if (!json_object(f->json)) {
			field_bad(f, "history");
			continue;
		}
		while (field_next(f))
			if (!field_str(f, "created_by", &step->created_by))
				(void)field_bool(f, "empty_layer", &step->empty_layer);
	}
	return 0;
}

static int read_texts(struct fields *f, struct texts *texts, struct err *e)
{
	texts->n = 0;
	while (json_next(f->json)) {
		struct str text;

		if (texts->n == CONFIG_START_MAX)
			return err_set(e, -E2BIG, "more than %d words of a command or variables", CONFIG_START_MAX);
		if (json_str(f->json, &text))
			vec_push(texts, text);
		else
			field_bad(f, "Cmd, Entrypoint or Env");
	}
	return 0;
}

static void read_labels(struct fields *f, struct config *c)
{
	while (field_next(f))
		if (str_is(f->key, "org.opencontainers.image.base.name"))
			(void)json_str(f->json, &c->base_name);
}

/* What a container is started with; of the labels only the base image's name is of interest. */
static int read_defaults(struct fields *f, struct config *c, struct err *e)
{
	const struct {
		const char *key;
		struct texts *list;
	} lists[] = { { "Entrypoint", &c->start.entrypoint }, { "Cmd", &c->start.command }, { "Env", &c->start.env } };
	int r = 0;

	while (r == 0 && field_next(f)) {
		if (field_str(f, "User", &c->start.user) || field_str(f, "WorkingDir", &c->start.directory) ||
		    field_str(f, "StopSignal", &c->start.stop_signal))
			continue;
		if (field_object(f, "Labels"))
			read_labels(f, c);
		for (size_t i = 0; i < ARRAY_LEN(lists) && r == 0; i++)
			if (field_array(f, lists[i].key))
				r = read_texts(f, lists[i].list, e);
	}
	return r;
}

static int read_member(struct fields *f, struct config *c, struct err *e)
{
	if (field_str(f, "os", &c->os) || field_str(f, "architecture", &c->arch) ||
	    field_str(f, "variant", &c->variant) || field_str(f, "created", &c->created))
		return 0;
	if (field_object(f, "rootfs"))
		return read_rootfs(f, c, e);
	if (field_array(f, "history"))
		return read_history(f, c, e);
	return field_object(f, "config") ? read_defaults(f, c, e) : 0;
}

int config_parse(struct str text, struct arena *a, struct config *ret, struct err *e)
{
	struct config c = { 0 };
	struct json j;
	struct fields f = { .json = &j };
	int r = 0;

	json_init(&j, text, a);
	if (json_peek(&j) != JSON_OBJECT)
		return err_set(e, -EBADMSG, "an image config is a JSON object, and this is none");
	json_object(&j);
	while (r >= 0 && field_next(&f))
		r = read_member(&f, &c, e);
	if (r >= 0)
		r = fields_finish(&f, e);
	if (r < 0) {
		config_done(&c);
		return r;
	}
	*ret = c;
	return 0;
}

void config_done(struct config *c)
{
	vec_done(&c->diff_ids);
	vec_done(&c->history);
	vec_done(&c->start.entrypoint);
	vec_done(&c->start.command);
	vec_done(&c->start.env);
}

/* Builders write such a step as "/bin/sh -c #(nop)  CMD [...]" (docker) or "CMD [...]" (buildkit). */
static bool sets_command(struct str created_by)
{
	static const char *const words[] = { "CMD ", "ENTRYPOINT " };
	struct str nop = STR("#(nop)");
	ptrdiff_t at = str_find_str(str_head(created_by, 64), nop);
	struct str step = str_trim(at >= 0 ? str_from(created_by, (size_t)at + nop.n) : created_by);

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_starts(step, str_c(words[i])))
			return true;
	return false;
}

/* How many layers lie below the last CMD or ENTRYPOINT that a later layer was put upon; 0 none. */
static size_t base_layers(const struct config *c)
{
	size_t at = c->history.n, layers = 0;

	while (at && c->history.v[at - 1].empty_layer)
		at--;
	while (at && !(c->history.v[at - 1].empty_layer && sets_command(c->history.v[at - 1].created_by)))
		at--;
	for (size_t i = 0; i < at; i++)
		layers += !c->history.v[i].empty_layer;
	return layers;
}

static void apply_history(const struct config *c, struct image_info *info)
{
	size_t layers = 0, base;

	for (size_t i = 0; i < c->history.n; i++)
		layers += !c->history.v[i].empty_layer;
	if (layers != info->layers.n)
		return;
	base = base_layers(c);
	layers = 0;
	for (size_t i = 0; i < c->history.n; i++) {
		struct layer_info *layer;

		if (c->history.v[i].empty_layer)
			continue;
		layer = &info->layers.v[layers];
		layer->created_by = arena_str(&info->arena, c->history.v[i].created_by);
		layer->base = layer->base_inferred = layers < base;
		layers++;
	}
}

static void copy_texts(struct image_info *info, struct texts *to, const struct texts *from)
{
	for (size_t i = 0; i < from->n; i++)
		vec_push(to, arena_str(&info->arena, from->v[i]));
}

static void apply_start(const struct image_start *from, struct image_info *info)
{
	struct image_start *to = &info->start;

	copy_texts(info, &to->entrypoint, &from->entrypoint);
	copy_texts(info, &to->command, &from->command);
	copy_texts(info, &to->env, &from->env);
	to->user = arena_str(&info->arena, from->user);
	to->directory = arena_str(&info->arena, from->directory);
	to->stop_signal = arena_str(&info->arena, from->stop_signal);
}

int config_apply(const struct config *c, struct image_info *info, struct err *e)
{
	if (c->diff_ids.n != info->layers.n)
		return err_set(e, -EBADMSG, "it lists %zu diff %s for %zu %s", c->diff_ids.n,
			       num_plural(c->diff_ids.n, "id", "ids"), info->layers.n,
			       num_plural(info->layers.n, "layer", "layers"));
	for (size_t i = 0; i < c->diff_ids.n; i++)
		info->layers.v[i].diff_id = c->diff_ids.v[i];
	info->os = arena_str(&info->arena, c->os);
	info->arch = arena_str(&info->arena, c->arch);
	info->variant = arena_str(&info->arena, c->variant);
	info->created = arena_str(&info->arena, c->created);
	if (!info->base_name.n)
		info->base_name = arena_str(&info->arena, c->base_name);
	apply_history(c, info);
	apply_start(&c->start, info);
	return 0;
}

int config_take(struct str text, const struct platform *want, struct image_info *info, struct err *e)
{
	auto_config struct config c = { 0 };
	int r = config_parse(text, &info->arena, &c, e);

	if (r >= 0)
		r = config_apply(&c, info, e);
	if (r < 0)
		return err_wrap(e, r, "config");
	if (want->given && !platform_fits(want, c.os, c.arch, c.variant))
		return err_set(e, -ENOENT, "the image is for " STR_FMT "/" STR_FMT ", not for " STR_FMT "/" STR_FMT,
			       STR_ARG(c.os), STR_ARG(c.arch), STR_ARG(want->os), STR_ARG(want->arch));
	return 0;
}
