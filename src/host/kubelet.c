/* kubelet: how a node of Kubernetes lets itself be spoken to. */
#include "host/host.h"
#include "host/rule.h"

#define CONFIG_PATH "var/lib/kubelet/config.yaml"

/* kubelet.config.k8s.io/v1beta1 as kubeadm writes it: block style, two blanks a level. `path`:
 * "authentication.anonymous.enabled". The value of the first line that lies there; other styles are not understood, and
 * then nothing is found. */
static bool yaml_value(struct str text, struct str path, struct str *ret)
{
	struct str want;
	size_t depth = 0;

	if (!str_cut(&path, '.', &want))
		return false;
	for (struct str line; str_cut(&text, '\n', &line);) {
		size_t indent = 0;
		struct str key, value;

		while (indent < line.n && line.p[indent] == ' ')
			indent++;
		if (indent == line.n || line.p[indent] == '#' || !str_split(str_from(line, indent), ':', &key, &value))
			continue;
		if (indent < 2 * depth)
			return false; /* the block is over */
		if (indent != 2 * depth || !str_eq(key, want))
			continue;
		if (!path.p || !path.n) {
			*ret = str_trim(value);
			return true;
		}
		(void)!str_cut(&path, '.', &want);
		depth++;
	}
	return false;
}

/* what: "PATH=VALUE", "PATH=*" (any value) or, where absent means the same, "PATH=VALUE?". */
static enum check_result judge(struct host *h, const struct host_rule *r)
{
	auto_buf struct buf text = { 0 };
	struct str what = str_c(r->what), path, want, value = STR("absent");
	bool missing, may_be_absent, there;

	if (!host_read(h, CONFIG_PATH, &text, &missing))
		return missing ? CHECK_NONE : CHECK_UNKNOWN;
	(void)!str_split(what, '=', &path, &want);
	may_be_absent = str_ends(want, STR("?"));
	if (may_be_absent)
		want = str_head(want, want.n - 1);
	there = yaml_value(buf_all(&text), path, &value);
	host_say(h, value);
	if (!there)
		return may_be_absent ? CHECK_PASS : CHECK_FAIL;
	return str_is(want, "*") || str_eq(value, want) ? CHECK_PASS : CHECK_FAIL;
}

#define RULE(id, level, title, why, what)                                                                   \
	{                                                                                                   \
		id, level, title, why, "Set it so in /" CONFIG_PATH " and restart the kubelet", judge, what \
	}
static const struct host_rule kubelet_rules[] = {
	RULE("kubelet.anonymous", 1, "the kubelet answers nobody without a name",
	     "It starts containers and reads their secrets.", "authentication.anonymous.enabled=false"),
	RULE("kubelet.webhook", 1, "the kubelet asks the API server who may do what",
	     "It starts containers and reads their secrets.", "authorization.mode=Webhook"),
	RULE("kubelet.read-only-port", 1, "the kubelet's port without authentication is closed",
	     "It tells everything about every pod.", "readOnlyPort=0?"),
	RULE("kubelet.client-ca", 1, "the kubelet knows whose certificates it believes",
	     "It starts containers and reads their secrets.", "authentication.x509.clientCAFile=*"),
	RULE("kubelet.firewall", 1, "the kubelet keeps its chains of the firewall",
	     "Services would be reachable otherwise than meant.", "makeIPTablesUtilChains=true?"),
	RULE("kubelet.kernel-defaults", 1, "the kubelet does not change the kernel's settings",
	     "What the host's administrator set stays set.", "protectKernelDefaults=true"),
	RULE("kubelet.rotate-certificates", 1, "the kubelet renews its certificate",
	     "One that is stolen is worth little for long.", "rotateCertificates=true"),
	RULE("kubelet.seccomp-default", 2, "pods get a system call filter unless they bring one",
	     "Kubernetes gives them none otherwise.", "seccompDefault=true"),
	RULE("kubelet.pids", 1, "pods have a limit of processes",
	     "A fork bomb in one pod ends at its limit, not at the node's.", "podPidsLimit=*"),
};
const struct host_section kubelet_section = { "kubelet", kubelet_rules, ARRAY_LEN(kubelet_rules), NULL, NULL };
