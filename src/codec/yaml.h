/* yaml: one YAML document as the JSON text that says the same, so that what reads it knows one format only.
 *
 * YAML 1.2 (https://yaml.org/spec/1.2.2/), its core schema, as libyaml reads it. What readers of YAML are not of one
 * mind about is refused with its line, and has a plain way to be written: anchors, aliases and merge keys (a small text
 * could grow without bound), tags, keys that are no plain scalars or are given twice, several documents, and of
 * unquoted scalars those that mean a number or a truth value to some and a text to others (yes, on, 0755, 0x1f, 1_000,
 * .5): in quotes they are texts. */
#ifndef CODEC_YAML_H
#define CODEC_YAML_H

#include "base/buf.h"
#include "base/err.h"

#define YAML_BYTES_MAX (1u << 20)      /* of a document */
#define YAML_JSON_BYTES_MAX (8u << 20) /* of what becomes of it: a byte may become an escape of six */
#define YAML_NESTING_MAX 32	       /* mappings and sequences in each other */
#define YAML_NODES_MAX 100000u	       /* scalars, mappings and sequences */

/* *ret is made by the call. An empty document is null. -EBADMSG with the line, -E2BIG past a limit. */
int yaml_to_json(struct str text, struct buf *ret, struct err *e) must_check;

#endif
