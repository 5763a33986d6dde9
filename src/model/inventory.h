/* inventory: what a target holds, after all layers were merged: the input of matching and of every report. */
#ifndef MODEL_INVENTORY_H
#define MODEL_INVENTORY_H

#include "base/mem.h"
#include "model/facts.h"
#include "model/image.h"

#define NO_LAYER UINT32_MAX
#define NO_OWNER UINT32_MAX

struct inv_package {
	struct package p;
	struct str path;    /* evidence: normal path of the file that says so */
	uint32_t layer;	    /* index of the layer that introduced it, NO_LAYER without layers */
	uint32_t owner;	    /* language package: index of the OS package that owns `path`, else NO_OWNER */
	bool owner_foreign; /* that owner was not built by the distribution */
	bool foreign;	    /* OS package of another vendor: the distribution's advisories are not about it */
};

/* Something that could not be judged. Never empty-handed: what, where, why. */
struct not_assessed {
	struct str what;   /* "package foo", "layer 3", "file app.jar", "release" */
	struct str path;   /* "" when there is none */
	struct str reason; /* one sentence */
	uint32_t layer;	   /* NO_LAYER when it has none */
	bool distro_owned; /* about language packages in a file that an OS package of the distribution owns */
};

struct inventory {
	struct arena arena; /* owns all strs that are not literals */
	struct release os;  /* id "" when no operating system was recognised */
	struct str os_ns;   /* namespace of its advisories: "debian:12", "alpine:3.18", "rhel:9"; "" unknown */
	bool os_eol_known, os_eol;
	VEC(struct inv_package) packages; /* sorted: type, name, version, arch, path, inner */
	VEC(struct fact_pair) properties;
	VEC(struct not_assessed) notes;
};

void inventory_done(struct inventory *inv);
void inventory_note(struct inventory *inv, struct str what, struct str path, uint32_t layer, const char *fmt, ...)
	printf_like(5, 6);

/* Sorts packages and notes into their order in every report. Owners are renumbered with them. */
void inventory_sort(struct inventory *inv);

#endif
