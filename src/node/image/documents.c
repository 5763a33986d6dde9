/* documents: what nobody reads in a container. See documents.h. */
#include "node/image/documents.h"

static const struct str dropped[] = {
	STR("usr/share/bug"),	 STR("usr/share/info"), STR("usr/share/lintian"),
	STR("usr/share/locale"), STR("usr/share/man"),	STR("usr/share/menu"),
};

void documents_drop(struct tree *t)
{
	for (size_t i = 0; i < ARRAY_LEN(dropped); i++)
		tree_drop(t, dropped[i]);
	for (size_t i = 0; i < t->nodes.n; i++) {
		struct tree_node *n = &t->nodes.v[i];

		if (n->type != TAR_DIR && str_glob(STR("usr/share/doc/*/**"), n->path) &&
		    !str_is(path_base(n->path), "copyright"))
			n->gone = true;
	}
}
