/* static: the tree of a `static` image. See static.h. */
#include "node/image/static.h"

#include "base/fd.h"
#include "node/image/deb.h"
#include "node/image/documents.h"
#include "node/image/store.h"

#define CERTIFICATE_MAX (1u << 20)
#define BUNDLE_MAX (16u << 20)

/* Debian has had these since 12 in whatever is installed; packages of 12 still bring files below the old names. */
static const struct {
	struct str path, target;
} links[] = {
	{ STR("bin"), STR("usr/bin") },
	{ STR("sbin"), STR("usr/sbin") },
	{ STR("lib"), STR("usr/lib") },
};

static const struct {
	struct str path;
	uint32_t mode;
	uint32_t user;
} dirs[] = {
	{ STR("dev"), 0755, 0 },      { STR("etc"), 0755, 0 },
	{ STR("home"), 0755, 0 },     { STR("home/nonroot"), 0700, STATIC_USER },
	{ STR("proc"), 0555, 0 },     { STR("root"), 0700, 0 },
	{ STR("run"), 0755, 0 },      { STR("sys"), 0555, 0 },
	{ STR("tmp"), 01777, 0 },     { STR("usr/bin"), 0755, 0 },
	{ STR("usr/lib"), 0755, 0 },  { STR("usr/sbin"), 0755, 0 },
	{ STR("var/tmp"), 01777, 0 },
};

static const struct {
	struct str path, text;
} files[] = {
	{ STR("etc/passwd"), STR("root:x:0:0:root:/root:/sbin/nologin\n"
				 "nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n"
				 "nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n") },
	{ STR("etc/group"), STR("root:x:0:\ntty:x:5:\nstaff:x:50:\nnogroup:x:65534:\nnonroot:x:65532:\n") },
	{ STR("etc/nsswitch.conf"), STR("passwd: files\ngroup: files\nhosts: files dns\nnetworks: files\n"
					"protocols: files\nservices: files\n") },
};

/* What only a shell would run or read. */
static const struct str for_a_shell[] = {
	STR("etc/cron.daily"),
	STR("etc/init.d"),
	STR("etc/update-motd.d"),
	STR("etc/skel"),
	STR("usr/share/base-files"),
	STR("usr/sbin/update-ca-certificates"),
	STR("usr/share/bash-completion"),
	STR("usr/share/debconf"),
};

/* -------- a package -------- */

static int status_put(struct tree *t, const struct lock_package *p, const struct deb_control *c, struct err *e)
{
	struct str base = arena_fmt(&t->arena, "var/lib/dpkg/status.d/" STR_FMT, STR_ARG(p->name));
	struct str sums = arena_fmt(&t->arena, STR_FMT ".md5sums", STR_ARG(base));
	int r = tree_put_file(t, base, 0644, buf_all(&c->control), e);

	return r < 0 ? r : tree_put_file(t, sums, 0644, buf_all(&c->md5sums), e);
}

static int deb_unpack(struct tree *t, const struct lock_package *p, int fd, struct err *e)
{
	struct layer_events events = tree_events(t);
	auto_deb_control struct deb_control control = { 0 };
	struct deb deb;
	int r = deb_open(fd, &(struct deb_name){ p->name, p->version, p->arch }, &deb, &control, e);

	if (r < 0)
		return r;
	t->owner = p->name;
	r = deb_walk(fd, &deb.data, &events, e);
	t->owner = STR_NONE;
	return r < 0 ? err_wrap(e, r, "data.tar") : status_put(t, p, &control, e);
}

static int package_unpack(struct tree *t, const struct lock_package *p, int store, struct err *e)
{
	auto_close int fd = store_take(store, &p->digest, p->size);
	int r = fd < 0 ? err_set(e, -ENOENT, "it is not in the store") : deb_unpack(t, p, fd, e);

	return r < 0 ? err_wrap(e, r, STR_FMT " " STR_FMT, STR_ARG(p->name), STR_ARG(p->version)) : 0;
}

/* -------- what scripts would have made -------- */

static int frame_put(struct tree *t, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(links) && r == 0; i++) {
		r = tree_put_dir(t, links[i].target, 0755, e);
		if (r == 0)
			r = tree_put_link(t, links[i].path, links[i].target, e);
	}
	for (size_t i = 0; i < ARRAY_LEN(dirs) && r == 0; i++) {
		r = tree_put_dir(t, dirs[i].path, dirs[i].mode, e);
		tree_chown(t, dirs[i].path, dirs[i].user, dirs[i].user);
	}
	return r;
}

/* update-ca-certificates(8): each certificate of ca-certificates, one behind the other. */
static int bundle_put(struct tree *t, struct err *e)
{
	static const struct str from = STR("usr/share/ca-certificates/**.crt");
	auto_buf struct buf bundle;
	int r = 0;

	buf_init(&bundle, BUNDLE_MAX);
	tree_sort(t);
	for (size_t i = 0; i < t->nodes.n && r == 0; i++) {
		auto_buf struct buf one = { 0 };

		if (!str_glob(from, t->nodes.v[i].path) || t->nodes.v[i].type != TAR_FILE)
			continue;
		r = tree_read(t, &t->nodes.v[i], CERTIFICATE_MAX, &one, e);
		if (r == 0)
			buf_str(&bundle, buf_all(&one));
		if (r == 0 && one.n && one.p[one.n - 1] != '\n')
			buf_char(&bundle, '\n');
	}
	if (r == 0 && buf_finish(&bundle) < 0)
		r = err_set(e, -E2BIG, "certificates of more than %u bytes", BUNDLE_MAX);
	if (r < 0 || !bundle.n)
		return r;
	return tree_put_file(t, STR("etc/ssl/certs/ca-certificates.crt"), 0644, buf_all(&bundle), e);
}

/* No package that belongs here has any; what did would be of use only to break out. */
static int devices_refuse(const struct tree *t, struct err *e)
{
	for (size_t i = 0; i < t->nodes.n; i++) {
		const struct tree_node *n = &t->nodes.v[i];

		if (n->type == TAR_CHAR || n->type == TAR_BLOCK_DEVICE)
			return err_set(e, -EBADMSG, STR_FMT " brings the device " STR_FMT, STR_ARG(n->owner),
				       STR_ARG(n->path));
	}
	return 0;
}

int static_fill(struct tree *t, const struct lock *l, int store, struct err *e)
{
	int r = frame_put(t, e);

	for (size_t i = 0; i < l->packages.n && r == 0; i++)
		r = package_unpack(t, &l->packages.v[i], store, e);
	if (r == 0)
		r = devices_refuse(t, e);
	if (r == 0) {
		documents_drop(t);
		for (size_t i = 0; i < ARRAY_LEN(for_a_shell); i++)
			tree_drop(t, for_a_shell[i]);
		r = bundle_put(t, e);
	}
	for (size_t i = 0; i < ARRAY_LEN(files) && r == 0; i++)
		r = tree_put_file(t, files[i].path, 0644, files[i].text, e);
	return r;
}
