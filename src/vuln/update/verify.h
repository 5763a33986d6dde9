/* verify: a clear-signed text (InRelease) against keys, by gpgv(1).
 *
 * gpgv sees only what it is handed: the text and one keyring, both as descriptors. What is returned is what gpgv itself
 * wrote out as signed, never the input: text around the signed part does not count. Accepted is a text with one signed
 * part, at least one good signature of an unexpired key and no bad one. Keys are OpenPGP key files, binary or ASCII
 * armoured (RFC 9580 section 6). */
#ifndef VULN_UPDATE_VERIFY_H
#define VULN_UPDATE_VERIFY_H

#include "base/buf.h"
#include "base/mem.h"

#define VERIFY_KEYS_MAX 32 /* key files for one verification */
#define VERIFY_KEY_BYTES_MAX (4u << 20)
#define VERIFY_FINGERPRINTS_MAX 32

struct verify_keys {
	int fd[VERIFY_KEYS_MAX]; /* owned: key files in memory */
	size_t count;
	struct str fingerprint[VERIFY_FINGERPRINTS_MAX]; /* upper-case hex; borrowed. None: every key will do */
	size_t fingerprint_count;
};
void verify_keys_done(struct verify_keys *k);
#define auto_verify_keys cleanup_with(verify_keys_done)

/* Adds a key file's bytes. */
int verify_keys_add(struct verify_keys *k, struct str bytes, struct err *e) must_check;

/* -EBADMSG when the text is not signed as it should be, -ENOENT when gpgv is not installed. The buf is made by the
 * call. */
int verify_text(const struct verify_keys *k, struct str text, struct buf *ret, struct err *e) must_check;

#endif
