/* spdx: SPDX 2.3 in JSON. See spdx.h. */
#include "report/spdx.h"

#include "base/json.h"

#define ID_MAX 40
#define NO STR("NOASSERTION")

/* Package 0 is the subject. SPDX 2.3 clause 3.2: letters, digits, '.' and '-'. */
static struct str id_of(size_t i, char id[ID_MAX])
{
	if (i)
		snprintf(id, ID_MAX, "SPDXRef-Package-%zu", i);
	else
		snprintf(id, ID_MAX, "SPDXRef-Subject");
	return str_c(id);
}

static void source_write(const struct spdx_package *p, struct json_out *w)
{
	char text[600];

	if (!p->source.n)
		return;
	snprintf(text, sizeof(text), "built package from: " STR_FMT " " STR_FMT, STR_ARG(str_head(p->source, 256)),
		 STR_ARG(str_head(p->source_version, 256)));
	json_out_key_str(w, "sourceInfo", str_c(text));
}

static void checksum_write(const struct spdx_package *p, struct json_out *w)
{
	char text[DIGEST_TEXT_MAX];

	if (!p->digest.set)
		return;
	json_out_key_array(w, "checksums");
	json_out_object(w);
	json_out_key_str(w, "algorithm", STR("SHA256"));
	json_out_key_str(w, "checksumValue", str_c(digest_text(&p->digest, text) + strlen("sha256:")));
	json_out_end_object(w);
	json_out_end_array(w);
}

static void purl_reference(const struct spdx_package *p, struct json_out *w)
{
	if (!p->purl.n)
		return;
	json_out_key_array(w, "externalRefs");
	json_out_object(w);
	json_out_key_str(w, "referenceCategory", STR("PACKAGE-MANAGER"));
	json_out_key_str(w, "referenceType", STR("purl"));
	json_out_key_str(w, "referenceLocator", p->purl);
	json_out_end_object(w);
	json_out_end_array(w);
}

static void package_write(const struct spdx_package *p, size_t i, struct str purpose, struct json_out *w)
{
	char id[ID_MAX], supplier[300];

	json_out_object(w);
	json_out_key_str(w, "SPDXID", id_of(i, id));
	json_out_key_str(w, "name", p->name);
	json_out_key_opt(w, "versionInfo", p->version);
	json_out_key_opt(w, "primaryPackagePurpose", purpose);
	if (p->supplier.n) {
		snprintf(supplier, sizeof(supplier), "Organization: " STR_FMT, STR_ARG(str_head(p->supplier, 256)));
		json_out_key_str(w, "supplier", str_c(supplier));
	}
	json_out_key_str(w, "downloadLocation", p->download.n ? p->download : NO);
	json_out_key_bool(w, "filesAnalyzed", false);
	checksum_write(p, w);
	source_write(p, w);
	json_out_key_str(w, "licenseConcluded", NO);
	json_out_key_str(w, "licenseDeclared", NO);
	json_out_key_str(w, "copyrightText", NO);
	purl_reference(p, w);
	json_out_end_object(w);
}

static void relation_write(struct str from, const char *type, struct str to, struct json_out *w)
{
	json_out_object(w);
	json_out_key_str(w, "spdxElementId", from);
	json_out_key_str(w, "relationshipType", str_c(type));
	json_out_key_str(w, "relatedSpdxElement", to);
	json_out_end_object(w);
}

static void creation_write(const struct spdx_document *d, struct json_out *w)
{
	char tool[200];

	snprintf(tool, sizeof(tool), "Tool: " STR_FMT, STR_ARG(str_head(d->tool, 180)));
	json_out_key_object(w, "creationInfo");
	json_out_key_str(w, "created", d->created);
	json_out_key_array(w, "creators");
	json_out_str(w, str_c(tool));
	json_out_end_array(w);
	json_out_end_object(w);
}

void spdx_write(const struct spdx_document *d, struct out *out)
{
	char id[ID_MAX], subject[ID_MAX];
	struct json_out w;

	json_out_init(&w, out);
	json_out_object(&w);
	json_out_key_str(&w, "spdxVersion", STR("SPDX-2.3"));
	json_out_key_str(&w, "dataLicense", STR("CC0-1.0"));
	json_out_key_str(&w, "SPDXID", STR("SPDXRef-DOCUMENT"));
	json_out_key_str(&w, "name", d->name);
	json_out_key_str(&w, "documentNamespace", d->ns);
	creation_write(d, &w);
	json_out_key_array(&w, "packages");
	package_write(&d->subject, 0, d->purpose, &w);
	for (size_t i = 0; i < d->count; i++)
		package_write(&d->packages[i], i + 1, STR_NONE, &w);
	json_out_end_array(&w);
	json_out_key_array(&w, "relationships");
	relation_write(STR("SPDXRef-DOCUMENT"), "DESCRIBES", id_of(0, subject), &w);
	for (size_t i = 0; i < d->count; i++)
		relation_write(id_of(0, subject), "CONTAINS", id_of(i + 1, id), &w);
	json_out_end_array(&w);
	json_out_end_object(&w);
	out_str(out, STR("\n"));
}
