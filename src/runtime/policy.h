/* policy: what the node's operator says about containers: defaults and ceilings of limits, and the tier of isolation,
 * by the name the runtime is called by, the Kubernetes namespace and the image.
 *
 * Format: docs/formats/policy.md. Files are /etc/yagura/run.d/NAME.conf, read in the order of their names; a later
 * default replaces an earlier one, of ceilings the lowest counts. The bytes are the administrator's, and are read as
 * foreign all the same: what is not understood is an error, so that a limit with a typing error does not read as none.
 */
#ifndef RUNTIME_POLICY_H
#define RUNTIME_POLICY_H

#include "base/fd.h"
#include "runtime/limits.h"

#define POLICY_DIR "/etc/yagura/run.d"
#define POLICY_BYTES_MAX (1u << 20) /* of one file */
#define POLICY_FILES_MAX 64
#define POLICY_RULES_MAX 4096 /* of all files */
#define POLICY_PATTERN_MAX 1024

/* What is chosen by a word instead of a number. */
enum policy_choice {
	POLICY_TIER,
	POLICY_ADMIT, /* of `yagura run`: engine/admit.h */
	POLICY_ADMIT_SEVERITY,
	POLICY_ADMIT_FIXED_ONLY,
	POLICY_ADMIT_UNASSESSED,
	POLICY_WRITABLE_ROOT, /* of strict mode: runtime/strict.h */
	POLICY_CAPABILITIES,  /* the same; of several words: its number is their mask */
	POLICY_CHOICES,
};
/* Values of POLICY_TIER. */
enum policy_tier { TIER_UNSET, TIER_NS, TIER_UML, TIER_VM };

/* Patterns (str_glob); an empty one fits everything. */
struct policy_selector {
	struct str runtime, name_space, image;
};
struct policy_rule {
	struct policy_selector where;
	enum limit limit; /* LIMITS: a choice */
	bool ceiling;
	uint64_t v; /* of a choice: the number of its word, from 1; of POLICY_CAPABILITIES bit N: capability N */
	enum policy_choice choice;
};
struct policy {
	VEC(struct policy_rule) rules; /* strings in the arena the policy was read with */
};
void policy_done(struct policy *p);
#define auto_policy cleanup_with(policy_done)

/* Adds the rules of one file; `file` is for messages. -EBADMSG with the line. */
int policy_parse(struct str text, const char *file, struct arena *a, struct policy *p, struct err *e) must_check;
/* The files of a directory; none when it is not there. A file that others than its owner (root, or the caller) may
 * write is an error. */
int policy_load(const char *dir, struct arena *a, struct policy *ret, struct err *e) must_check;

/* What containers are known by: the runtime's own name, and of the configuration's annotations those that containerd
 * and CRI-O set for namespace and image. */
struct policy_selector policy_subject(const char *runtime, const struct oci_config *c);
void policy_limits(const struct policy *p, const struct policy_selector *subject, struct limit_policy ret[LIMITS]);
/* The number of the word, from 1 in the order of docs/formats/policy.md; 0: nobody chose. */
unsigned int policy_choice(const struct policy *p, const struct policy_selector *subject, enum policy_choice which);
enum policy_tier policy_tier(const struct policy *p, const struct policy_selector *subject);
/* What a strict container may keep: bit N, capability N. */
uint64_t policy_capabilities(const struct policy *p, const struct policy_selector *subject);
/* "CAP_CHOWN SETUID", "none": one word at least, in any order. */
bool policy_capability_words(struct str words, uint64_t *ret) must_check;

#endif
