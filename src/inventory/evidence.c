/* evidence: what the readers of package databases have in common. See evidence.h. */
#include "inventory/evidence.h"

#include "base/path.h"

int evidence_text(struct file *f, struct str *ret, struct err *e)
{
	if (file_all(f, ret))
		return 0;
	if (f->refused)
		return err_set(e, -E2BIG, "%llu bytes are more than is read of such a file",
			       (unsigned long long)f->size);
	return -EAGAIN;
}

void owned_init(struct owned_files *o, struct facts *facts, uint64_t evidence_bytes)
{
	*o = (struct owned_files){ .facts = facts, .budget = evidence_bytes * OWNED_BYTES_FACTOR };
}

void owned_add(struct owned_files *o, struct str path)
{
	not_zeroed char clean[PATH_BYTES_MAX];

	/* Most databases write "/usr/bin/x" or "usr/lib/": cut here, so that nothing needs to be copied. */
	if (path.n && path.p[0] == '/')
		path = str_from(path, 1);
	if (path.n && path.p[path.n - 1] == '/')
		path.n--;
	if (!path.n)
		return;
	if (path.n > o->budget) {
		if (!o->over)
			facts_note(o->facts, "file names are longer than the database can mean: the rest is left out");
		o->over = true;
		return;
	}
	o->budget -= path.n;
	if (path_normal(path, clean, &path) < 0)
		o->bad++;
	else if (path.n)
		facts_owned(o->facts, path);
}

void owned_end(struct owned_files *o, struct str package, struct str arch)
{
	if (o->bad)
		facts_note(o->facts, "%zu file names of package \"" STR_FMT "\" cannot be paths", o->bad,
			   STR_ARG(str_head(package, 100)));
	facts_owner(o->facts, package, arch);
	o->bad = 0;
}
