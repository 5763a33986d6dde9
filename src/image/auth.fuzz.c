/* Fuzz target: WWW-Authenticate values, credential files and token servers' answers; the first byte says which. */
#include <assert.h>

#include "image/auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_challenge(struct str text, struct arena *a)
{
	struct auth_challenge c;

	if (auth_challenge_parse(text, a, &c, NULL) == 0)
		assert(auth_token_url(a, &c, c.scope, STR_NONE).n >= c.realm.n);
}

static void fuzz_file(struct str text, struct arena *a)
{
	struct reference ref;
	struct auth_login login;
	int r;

	assert(reference_parse(STR("example.org/a/b"), a, &ref, NULL) == 0);
	r = auth_file_find(text, &ref, a, &login, NULL);
	if (r == 0)
		assert(!login.user.n && !login.helper.n);
	else if (r > 0 && !login.helper.n)
		assert(auth_basic_header(a, login.user, login.password).n);
}

static void fuzz_token(struct str text, struct arena *a)
{
	struct str token;

	if (auth_token_parse(text, a, &token, NULL) < 0)
		return;
	for (size_t i = 0; i < token.n; i++)
		assert(token.p[i] > ' ' && token.p[i] <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_arena struct arena a = { 0 };
	struct str text = str_from(str_n(data, size), 1);

	if (!size)
		return 0;
	if (data[0] == 'w')
		fuzz_challenge(text, &a);
	else if (data[0] == 'f')
		fuzz_file(text, &a);
	else
		fuzz_token(text, &a);
	return 0;
}
