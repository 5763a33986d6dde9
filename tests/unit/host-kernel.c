/* Kernels against the tables: every condition is one, ids are unique, and known configurations get known answers. */
#include "host/kernel.h"

#include "base/map.h"
#include "tap.h"

#define HEAD "# Linux/x86 6.12.117 Kernel Configuration\n"

static const struct check *check_of(const struct audit *a, const char *id)
{
	for (size_t i = 0; i < a->checks.n; i++)
		if (str_is(a->checks.v[i].id, id))
			return &a->checks.v[i];
	return NULL;
}

TEST(tables)
{
	struct kernel_input in = {
		.proc_sys = -1, .config = STR(HEAD "CONFIG_BUG=y\n"), .cmdline = STR("quiet"), .sysctl = STR("x = 1\n")
	};
	struct audit a = { 0 };
	struct err e = { 0 };
	auto_map struct map ids = { 0 };

	row("every condition can be judged");
	OK_ERR(kernel_audit(&in, &a, &e), &e);
	EQ_INT(a.checks.n, 363);
	EQ_STR(a.kernel, STR("6.12.117"));
	EQ_INT(check_count(&a, NULL, 2).result[CHECK_UNKNOWN], 0);
	row("ids are unique");
	for (size_t i = 0; i < a.checks.n; i++)
		(void)map_put(&ids, a.checks.v[i].id, 0, NULL);
	EQ_INT(ids.n, a.checks.n);
	audit_done(&a);
}

static const struct {
	const char *name, *config, *cmdline, *sysctl, *id;
	enum check_result want;
} rows[] = {
	{ "an option", "CONFIG_BUG=y\n", "", "", "kconfig.BUG", CHECK_PASS },
	{ "an option that is not set", "# CONFIG_BUG is not set\n", "", "", "kconfig.BUG", CHECK_FAIL },
	{ "an option that should not be", "CONFIG_MODULES=y\n", "", "", "kconfig.MODULES", CHECK_FAIL },
	{ "and is not", "CONFIG_X=y\n", "", "", "kconfig.MODULES", CHECK_PASS },
	{ "an older name", "CONFIG_CC_STACKPROTECTOR_STRONG=y\n", "", "", "kconfig.STACKPROTECTOR", CHECK_PASS },
	{ "no configuration", NULL, "", "", "kconfig.BUG", CHECK_UNKNOWN },
	{ "a parameter", "CONFIG_X=y\n", "a=1 pti=on b", "", "cmdline.pti", CHECK_PASS },
	{ "the last of two", "CONFIG_X=y\n", "pti=on pti=off", "", "cmdline.pti", CHECK_FAIL },
	{ "one in quotes is another", "CONFIG_X=y\n", "x=\"a pti=on\"", "", "cmdline.pti", CHECK_FAIL },
	{ "the build's default counts", "CONFIG_INIT_ON_ALLOC_DEFAULT_ON=y\n", "", "", "cmdline.init_on_alloc",
	  CHECK_PASS },
	{ "unless it is overruled", "CONFIG_INIT_ON_ALLOC_DEFAULT_ON=y\n", "init_on_alloc=0", "",
	  "cmdline.init_on_alloc", CHECK_FAIL },
	{ "a sysctl", "CONFIG_X=y\n", "", "kernel.sysrq = 0\n", "sysctl.kernel.sysrq", CHECK_PASS },
	{ "what is not built needs no sysctl", "# CONFIG_MAGIC_SYSRQ is not set\n", "", "", "sysctl.kernel.sysrq",
	  CHECK_PASS },
	{ "unknown without the build", NULL, "", "", "sysctl.kernel.sysrq", CHECK_UNKNOWN },
	{ "a sysctl that is as large as can be", "CONFIG_ARCH_MMAP_RND_BITS_MAX=32\n", "", "vm.mmap_rnd_bits=32\n",
	  "sysctl.vm.mmap_rnd_bits", CHECK_PASS },
	{ "no sysctls", "CONFIG_X=y\n", "", NULL, "sysctl.fs.suid_dumpable", CHECK_UNKNOWN },
};

TEST(answers)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kernel_input in = { .proc_sys = -1 };
		struct audit a = { 0 };
		struct err e = { 0 };
		const struct check *c;

		row("%s", rows[i].name);
		in.config = rows[i].config ? str_c(rows[i].config) : STR_NONE;
		in.cmdline = str_c(rows[i].cmdline);
		in.sysctl = rows[i].sysctl ? str_c(rows[i].sysctl) : STR_NONE;
		OK_ERR(kernel_audit(&in, &a, &e), &e);
		c = check_of(&a, rows[i].id);
		if (OK(c != NULL))
			EQ_INT(c->result, rows[i].want);
		audit_done(&a);
	}
}

TEST(a_text_that_is_no_configuration)
{
	struct kernel_input in = { .proc_sys = -1, .config = STR("hello\n") };
	struct audit a = { 0 };
	struct err e = { 0 };

	EQ_INT(kernel_audit(&in, &a, &e), -EBADMSG);
	audit_done(&a);
}
