/* mount: the options of an OCI mount, understood. See mount.h. */
#include "runtime/mount.h"

#include <linux/mount.h>

enum option_kind {
	SET, /* an attribute */
	CLEAR,
	SET_BELOW, /* of all below too */
	CLEAR_BELOW,
	SPREAD,	 /* propagation */
	FS_FLAG, /* of a new file system: handed to it under this name */
	NOTHING, /* the default, or of no effect on Linux today */
	BIND,
	RBIND,
	REMOUNT,
	COPY_UP,
	COPY_LINK,
	SOURCE_NO_FOLLOW,
	ID_MAP,
};

struct option {
	const char *name;
	enum option_kind kind;
	uint64_t value;
};

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

static const struct option options[] = {
	{ "acl", NOTHING, 0 },
	{ "async", NOTHING, 0 },
	{ "atime", CLEAR, MOUNT_ATTR_NOATIME },
	{ "bind", BIND, 0 },
	{ "copy-symlink", COPY_LINK, 0 },
	{ "defaults", NOTHING, 0 },
	{ "dev", CLEAR, MOUNT_ATTR_NODEV },
	{ "diratime", CLEAR, MOUNT_ATTR_NODIRATIME },
	{ "dirsync", FS_FLAG, 0 },
	{ "exec", CLEAR, MOUNT_ATTR_NOEXEC },
	{ "idmap", ID_MAP, 0 },
	{ "iversion", FS_FLAG, 0 },
	{ "lazytime", FS_FLAG, 0 },
	{ "loud", NOTHING, 0 },
	{ "mand", FS_FLAG, 0 },
	{ "noacl", NOTHING, 0 },
	{ "noatime", SET, MOUNT_ATTR_NOATIME },
	{ "nodev", SET, MOUNT_ATTR_NODEV },
	{ "nodiratime", SET, MOUNT_ATTR_NODIRATIME },
	{ "noexec", SET, MOUNT_ATTR_NOEXEC },
	{ "noiversion", NOTHING, 0 },
	{ "nolazytime", NOTHING, 0 },
	{ "nomand", NOTHING, 0 },
	{ "norelatime", NOTHING, 0 },
	{ "nostrictatime", CLEAR, MOUNT_ATTR_STRICTATIME },
	{ "nosuid", SET, MOUNT_ATTR_NOSUID },
	{ "nosymfollow", SET, MOUNT_ATTR_NOSYMFOLLOW },
	{ "private", SPREAD, MS_PRIVATE },
	{ "ratime", CLEAR_BELOW, MOUNT_ATTR_NOATIME },
	{ "rbind", RBIND, 0 },
	{ "rdev", CLEAR_BELOW, MOUNT_ATTR_NODEV },
	{ "rdiratime", CLEAR_BELOW, MOUNT_ATTR_NODIRATIME },
	{ "relatime", CLEAR, MOUNT_ATTR_NOATIME | MOUNT_ATTR_STRICTATIME },
	{ "remount", REMOUNT, 0 },
	{ "rexec", CLEAR_BELOW, MOUNT_ATTR_NOEXEC },
	{ "ridmap", ID_MAP, 0 },
	{ "rnoatime", SET_BELOW, MOUNT_ATTR_NOATIME },
	{ "rnodev", SET_BELOW, MOUNT_ATTR_NODEV },
	{ "rnodiratime", SET_BELOW, MOUNT_ATTR_NODIRATIME },
	{ "rnoexec", SET_BELOW, MOUNT_ATTR_NOEXEC },
	{ "rnorelatime", NOTHING, 0 },
	{ "rnostrictatime", CLEAR_BELOW, MOUNT_ATTR_STRICTATIME },
	{ "rnosuid", SET_BELOW, MOUNT_ATTR_NOSUID },
	{ "rnosymfollow", SET_BELOW, MOUNT_ATTR_NOSYMFOLLOW },
	{ "ro", SET, MOUNT_ATTR_RDONLY },
	{ "rprivate", SPREAD, MS_PRIVATE | MS_REC },
	{ "rrelatime", CLEAR_BELOW, MOUNT_ATTR_NOATIME | MOUNT_ATTR_STRICTATIME },
	{ "rro", SET_BELOW, MOUNT_ATTR_RDONLY },
	{ "rrw", CLEAR_BELOW, MOUNT_ATTR_RDONLY },
	{ "rshared", SPREAD, MS_SHARED | MS_REC },
	{ "rslave", SPREAD, MS_SLAVE | MS_REC },
	{ "rstrictatime", SET_BELOW, MOUNT_ATTR_STRICTATIME },
	{ "rsuid", CLEAR_BELOW, MOUNT_ATTR_NOSUID },
	{ "rsymfollow", CLEAR_BELOW, MOUNT_ATTR_NOSYMFOLLOW },
	{ "runbindable", SPREAD, MS_UNBINDABLE | MS_REC },
	{ "rw", CLEAR, MOUNT_ATTR_RDONLY },
	{ "shared", SPREAD, MS_SHARED },
	{ "silent", NOTHING, 0 },
	{ "slave", SPREAD, MS_SLAVE },
	{ "src-nofollow", SOURCE_NO_FOLLOW, 0 },
	{ "strictatime", SET, MOUNT_ATTR_STRICTATIME },
	{ "suid", CLEAR, MOUNT_ATTR_NOSUID },
	{ "symfollow", CLEAR, MOUNT_ATTR_NOSYMFOLLOW },
	{ "sync", FS_FLAG, 0 },
	{ "tmpcopyup", COPY_UP, 0 },
	{ "unbindable", SPREAD, MS_UNBINDABLE },
};

const char *mount_option_name(size_t i)
{
	return i < ARRAY_LEN(options) ? options[i].name : NULL;
}

static const struct option *find(struct str name)
{
	size_t low = 0, high = ARRAY_LEN(options);

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = str_cmp(name, str_c(options[middle].name));

		if (order == 0)
			return &options[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

uint64_t mount_propagation(const char *name)
{
	const struct option *o = find(str_c(name));

	return o && o->kind == SPREAD ? o->value : 0;
}

/* The access time is one field of the kernel's: the last word counts. */
static void set(uint64_t *yes, uint64_t *no, uint64_t value)
{
	if (value & MOUNT_ATTR__ATIME)
		*yes &= ~(uint64_t)MOUNT_ATTR__ATIME;
	*yes |= value;
	*no &= ~value;
}

static void clear(uint64_t *yes, uint64_t *no, uint64_t value)
{
	*yes &= ~value;
	*no |= value;
}

static void add_data(struct mount_options *m, struct arena *a, const char *text)
{
	struct str key, value;
	struct key_value *kv = &m->data[m->data_count++];

	if (str_split(str_c(text), '=', &key, &value) && key.n)
		*kv = (struct key_value){ arena_str(a, key).p, arena_str(a, value).p };
	else
		*kv = (struct key_value){ "", text };
}

static void apply(struct mount_options *m, struct arena *a, const struct option *o, const char *text)
{
	switch (o->kind) {
	case SET:
		set(&m->set, &m->clear, o->value);
		break;
	case CLEAR:
		clear(&m->set, &m->clear, o->value);
		break;
	case SET_BELOW:
		set(&m->below_set, &m->below_clear, o->value);
		break;
	case CLEAR_BELOW:
		clear(&m->below_set, &m->below_clear, o->value);
		break;
	case SPREAD:
		m->propagation = o->value;
		break;
	case FS_FLAG:
		add_data(m, a, text);
		break;
	case RBIND:
		m->recursive = true;
		m->bind = true;
		break;
	case BIND:
		m->bind = true;
		break;
	case REMOUNT:
		m->remount = true;
		break;
	case COPY_UP:
		m->copy_up = true;
		break;
	case COPY_LINK:
		m->copy_link = true;
		break;
	case SOURCE_NO_FOLLOW:
		m->source_no_follow = true;
		break;
	case ID_MAP:
		m->idmap = text;
		break;
	case NOTHING:
		break;
	}
}

int mount_options_parse(const struct oci_mount *m, struct arena *a, struct mount_options *ret, struct err *e)
{
	struct mount_options o = { .data = arena_array(a, struct key_value, m->options.n) };

	for (size_t i = 0; i < m->options.n; i++) {
		const char *text = m->options.v[i];
		struct str name = str_c(text), value;
		const struct option *known;

		if (!*text)
			continue;
		known = find(name);
		if (!known && str_split(name, '=', &name, &value)) {
			known = find(name);
			if (known && known->kind != ID_MAP)
				return err_set(e, -EBADMSG, "option \"%s\" takes no value", known->name);
		}
		if (known)
			apply(&o, a, known, text);
		else
			add_data(&o, a, text);
	}
	if (m->type && strcmp(m->type, "bind") == 0)
		o.bind = true;
	o.read_only = (o.set | o.below_set) & MOUNT_ATTR_RDONLY;
	if (o.bind && o.copy_up)
		return err_set(e, -EBADMSG, "tmpcopyup is of a new tmpfs, this is a bind mount");
	*ret = o;
	return 0;
}
