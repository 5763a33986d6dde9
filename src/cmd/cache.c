/* cache: `yagura cache`, what is remembered of layers. */
#include "scan/cache.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "cmd/cmd.h"
#include "engine/tree.h"
#include "scan/data.h"
#include "scan/store.h"

#define DAY_SECONDS 86400ull
#define DEFAULT_DAYS 90
#define DEFAULT_BYTES (4ull << 30)

static uint64_t arg_days = DEFAULT_DAYS, arg_bytes = DEFAULT_BYTES;
static bool arg_all, arg_images;

static const struct option prune_options[] = {
	{ "days", 0, OPTION_NUMBER, &arg_days, "N", "Remove what was not used for N days. Default: 90.", NULL },
	{ "size", 0, OPTION_SIZE, &arg_bytes, "SIZE",
	  "Then the least recently used, until SIZE is left, of the cache and of images each. Default: 4GiB.", NULL },
	{ "all", 0, OPTION_FLAG, &arg_all, NULL, "Remove everything but what containers use.", NULL },
	{ "images", 0, OPTION_FLAG, &arg_images, NULL,
	  "Only layers that `yagura run` keeps as file systems and, with --all, images it has unpacked for a user "
	  "without rights.",
	  NULL },
	{ NULL },
};

static void print_figures(const char *head, const struct cache_figures *f)
{
	const struct {
		uint64_t n;
		const char *one, *many;
	} rest[] = {
		{ f->blobs, "blob", "blobs" },	     { f->files, "file", "files" },
		{ f->chains, "image", "images" },    { f->inventories, "inventory", "inventories" },
		{ f->results, "result", "results" },
	};
	char text[NUM_BYTES_TEXT_MAX];

	printf("%s%llu %s (%s)", head, (unsigned long long)f->layers, num_plural(f->layers, "layer", "layers"),
	       num_bytes_text(f->layer_bytes, text));
	for (size_t i = 0; i < ARRAY_LEN(rest); i++)
		printf(", %llu %s", (unsigned long long)rest[i].n, num_plural(rest[i].n, rest[i].one, rest[i].many));
	if (f->packages) /* those of `yagura image build`, not what was found in images */
		printf(", %llu %s (%s)", (unsigned long long)f->packages,
		       num_plural(f->packages, "package to build with", "packages to build with"),
		       num_bytes_text(f->package_bytes, text));
	putchar('\n');
}

static int status_run(const struct invocation *in unused_arg)
{
	struct cache_figures f;
	struct err e = { 0 };
	struct cache c;
	int r = cache_open(&c, arg_z(arg_cache), &e);

	r = r < 0 ? r : cache_figures(&c, &f, &e);
	if (r == 0)
		print_figures("", &f);
	cache_close(&c);
	return r < 0 ? cmd_fail(&e) : EXIT_CLEAN;
}

/* Users without rights have their images unpacked. */
static int prune_trees(uint64_t *ret_bytes, struct err *e)
{
	auto_close int data = data_open(arg_z(arg_data), false, e);
	auto_close int store = data < 0 ? data : fd_open(data, STORE_DIR_NAME, O_RDONLY | O_DIRECTORY);
	struct tree_ids ids;

	*ret_bytes = 0;
	if (store < 0)
		return store == -ENOENT ? 0 : store;
	tree_ids_of_user(&ids);
	return trees_prune(store, &ids, ret_bytes, e);
}

static int prune_images(const struct aged_rule *rule, struct err *e)
{
	char text[NUM_BYTES_TEXT_MAX];
	uint64_t bytes;
	int n = store_prune(arg_z(arg_data), rule, &bytes, e);

	if (n < 0)
		return n;
	printf("removed %d %s of images (%s)", n, num_plural((uint64_t)n, "layer", "layers"),
	       num_bytes_text(bytes, text));
	n = geteuid() && arg_all ? prune_trees(&bytes, e) : 0;
	if (n > 0)
		printf(", %d unpacked %s (%s)", n, num_plural((uint64_t)n, "image", "images"),
		       num_bytes_text(bytes, text));
	putchar('\n');
	return n < 0 ? n : 0;
}

static int prune_cache(const struct aged_rule *rule, struct err *e)
{
	struct cache_figures f;
	struct cache c;
	int r = cache_open(&c, arg_z(arg_cache), e);

	r = r < 0 ? r : cache_prune(&c, rule, &f, e);
	if (r == 0)
		print_figures("removed ", &f);
	cache_close(&c);
	return r;
}

static int prune_run(const struct invocation *in unused_arg)
{
	struct aged_rule rule = { .now_s = (uint64_t)time(NULL), .max_bytes = arg_bytes };
	struct err e = { 0 };
	int r;

	if (!mul_ok(arg_days, DAY_SECONDS, &rule.max_age_s))
		return cmd_usage("--days is too large");
	if (arg_all) /* everything is older than a second from now */
		rule = (struct aged_rule){ .now_s = rule.now_s + 2 };
	r = arg_images ? 0 : prune_cache(&rule, &e);
	r = r < 0 ? r : prune_images(&rule, &e);
	return r < 0 ? cmd_fail(&e) : EXIT_CLEAN;
}

static const struct exit_row cache_exits[] = {
	{ EXIT_CLEAN, "done" },
	{ EXIT_WRONG_USAGE, "wrong usage" },
	{ EXIT_COULD_NOT, "it could not be done" },
	{ -1, NULL },
};

static const struct command cache_commands[] = {
	{ .name = "status", .summary = "what the cache holds", .exits = cache_exits, .run = status_run },
	{ .name = "prune",
	  .summary = "remove what was not used for long",
	  .options = prune_options,
	  .exits = cache_exits,
	  .run = prune_run },
	{ .name = NULL },
};

const struct command cache_command = {
	.name = "cache",
	.summary = "look at and prune what is remembered of layers",
	.commands = cache_commands,
};
