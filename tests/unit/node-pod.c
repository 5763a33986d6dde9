/* Manifests of pods: what is taken, and that everything else is refused by the path of its member. */
#include "node/pod.h"

#include "tap.h"

#define POD(metadata, spec) "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{" metadata "},\"spec\":{" spec "}}"
#define NAMED(spec) POD("\"name\":\"web\"", spec)
#define ONE(members) NAMED("\"containers\":[{\"name\":\"c\",\"image\":\"i\"" members "}]")
#define WITH(members) NAMED("\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]," members)

static const struct {
	const char *text, *why; /* why: the message, NULL when it is taken */
} rows[] = {
	{ ONE(""), NULL },
	{ "", "JSON" },
	{ "[]", "must be an object" },
	{ "{}", "kind: is missing" },
	{ "{\"kind\":\"Pod\"}", "apiVersion: is missing" },
	{ "{\"apiVersion\":\"apps/v1\",\"kind\":\"Pod\"}", "apiVersion: \"apps/v1\" is not known" },
	{ "{\"apiVersion\":\"v1\",\"kind\":\"Service\"}", "kind: \"Service\" is not known" },
	{ POD("", "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]"), "metadata.name: is missing" },
	{ POD("\"name\":\"Web\"", ""), "metadata.name: must be" },
	{ POD("\"name\":\"../x\"", ""), "metadata.name: must be" },
	{ POD("\"name\":\"a\",\"namespace\":\"kube-system\"", ""), "metadata.namespace: \"kube-system\"" },
	{ POD("\"name\":\"a\",\"finalizers\":[]", ""), "metadata: \"finalizers\" is not known" },
	{ NAMED(""), "spec.containers: there must be one" },
	{ NAMED("\"containers\":[]"), "spec.containers: there must be one" },
	{ NAMED("\"containers\":[{\"image\":\"i\"}]"), "spec.containers[0].name: is missing" },
	{ NAMED("\"containers\":[{\"name\":\"c\"}]"), "spec.containers[0].image: is missing" },
	{ NAMED("\"containers\":[{\"name\":\"c\",\"image\":\"i\"},{\"name\":\"c\",\"image\":\"i\"}]"),
	  "spec.containers[1].name: \"c\" is given twice" },
	{ WITH("\"initContainers\":[{\"name\":\"c\",\"image\":\"i\"}]"),
	  "spec.containers[0].name: \"c\" is given twice" },
	{ WITH("\"initContainers\":[{\"name\":\"d\",\"image\":\"i\"}]"), NULL },
	{ ONE(",\"lifecycle\":{}"), "spec.containers[0]: \"lifecycle\" is not known" },
	{ ONE(",\"Image\":\"x\""), "\"Image\" is written \"image\"" },
	{ ONE(",\"livenessProbe\":{}"), "spec.containers[0]: \"livenessProbe\" is not known" },
	{ ONE(",\"env\":[{\"name\":\"A\",\"valueFrom\":{}}]"),
	  "spec.containers[0].env[0]: \"valueFrom\" is not known" },
	{ ONE(",\"env\":[{\"name\":\"A=B\"}]"), "spec.containers[0].env[0].name" },
	{ ONE(",\"env\":[{\"name\":\"A\",\"value\":\"$(B)\"}]"), "env[0].value: references" },
	{ ONE(",\"args\":[\"a\",\"$(B)\"]"), "spec.containers[0].args[1]: references" },
	{ ONE(",\"workingDir\":\"srv\""), "spec.containers[0].workingDir: \"srv\" is no absolute path" },
	{ ONE(",\"ports\":[{\"containerPort\":0}]"), "spec.containers[0].ports[0].containerPort: must be" },
	{ ONE(",\"ports\":[{\"containerPort\":65536}]"), "spec.containers[0].ports[0].containerPort" },
	{ ONE(",\"ports\":[{\"containerPort\":80,\"protocol\":\"SCTP\"}]"),
	  "ports[0].protocol: \"SCTP\" is not known" },
	{ ONE(",\"ports\":[{\"containerPort\":80,\"hostIP\":\"::\"}]"), "ports[0].hostIP: \"::\" is no IPv4 address" },
	{ ONE(",\"ports\":[{\"containerPort\":1,\"hostPort\":9},{\"containerPort\":2,\"hostPort\":9}]"),
	  "spec.containers[0].ports[1].hostPort: 9 is given twice" },
	{ ONE(",\"ports\":[{\"containerPort\":1,\"hostPort\":9},{\"containerPort\":2,\"hostPort\":9,\"protocol\":"
	      "\"UDP\"}]"),
	  NULL },
	{ NAMED("\"hostNetwork\":true,\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"ports\":[{\"containerPort\":1,"
		"\"hostPort\":2}]}]"),
	  "hostPort: is containerPort on the host's network" },
	{ ONE(",\"resources\":{\"limits\":{\"memory\":\"64MiB\"}}"), "limits.memory: \"64MiB\" is no amount" },
	{ ONE(",\"resources\":{\"limits\":{\"memory\":\"64m\"}}"), "limits.memory: \"64m\" is no amount" },
	{ ONE(",\"resources\":{\"limits\":{\"cpu\":0}}"), "limits.cpu: \"0\" is too little" },
	{ ONE(",\"resources\":{\"limits\":{\"nvidia.com/gpu\":1}}"), "limits: \"nvidia.com/gpu\" is not known" },
	{ ONE(",\"resources\":{\"limits\":{\"memory\":\"1Mi\"},\"requests\":{\"memory\":\"2Mi\"}}"),
	  "requests.memory: is more than the limit" },
	{ ONE(",\"securityContext\":{\"privileged\":true}"), "securityContext.privileged: cannot be had" },
	{ ONE(",\"securityContext\":{\"allowPrivilegeEscalation\":true}"), "allowPrivilegeEscalation: cannot be had" },
	{ ONE(",\"securityContext\":{\"capabilities\":{\"add\":[\"CAP_CHOWN\"]}}"),
	  "capabilities.add: \"CAP_CHOWN\" is no" },
	{ ONE(",\"securityContext\":{\"capabilities\":{\"add\":[\"ALL\"]}}"), "capabilities.add: \"ALL\" is no" },
	{ ONE(",\"securityContext\":{\"runAsUser\":4294967295}"), "runAsUser: 4294967295" },
	{ ONE(",\"securityContext\":{\"seccompProfile\":{\"type\":\"Unconfined\"}}"), "\"Unconfined\" is not known" },
	{ ONE(",\"securityContext\":{\"appArmorProfile\":{\"type\":\"Unconfined\"}}"), "\"Unconfined\" is not known" },
	{ ONE(",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/v\"}]"), "there is no volume \"v\"" },
	{ ONE(",\"volumeMounts\":[{\"name\":\"v\"}]"), "name and mountPath are needed" },
	{ ONE(",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/\"}]"), "is no place for a volume" },
	{ ONE(",\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/a/../..\"}]"), "is no place for a volume" },
	{ WITH("\"volumes\":[{\"name\":\"v\"}]"), "spec.volumes[0]: must have emptyDir or hostPath" },
	{ WITH("\"volumes\":[{\"name\":\"v\",\"configMap\":{}}]"), "spec.volumes[0]: \"configMap\" is not known" },
	{ WITH("\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}},{\"name\":\"v\",\"emptyDir\":{}}]"), "is given twice" },
	{ WITH("\"volumes\":[{\"name\":\"v\",\"emptyDir\":{\"medium\":\"Disk\"}}]"), "emptyDir.medium: \"Disk\"" },
	{ WITH("\"volumes\":[{\"name\":\"v\",\"emptyDir\":{\"sizeLimit\":\"11Mi\"}}]"),
	  "sizeLimit: on disk it is at least 12Mi" },
	{ WITH("\"volumes\":[{\"name\":\"v\",\"emptyDir\":{\"sizeLimit\":\"12Mi\"}}]"), NULL },
	{ WITH("\"volumes\":[{\"name\":\"v\",\"hostPath\":{\"path\":\"/etc\"}}]"), "does not lie below /data/home" },
	{ WITH("\"volumes\":[{\"name\":\"v\",\"hostPath\":{\"path\":\"/data/home\"}}]"),
	  "does not lie below /data/home" },
	{ WITH("\"volumes\":[{\"name\":\"v\",\"hostPath\":{\"path\":\"/data/home/../agent\"}}]"),
	  "does not lie below" },
	{ WITH("\"volumes\":[{\"name\":\"v\",\"hostPath\":{\"path\":\"/data/homes/x\"}}]"), "does not lie below" },
	{ WITH("\"volumes\":[{\"name\":\"v\",\"hostPath\":{\"path\":\"/data/home/x\"}}]"), NULL },
	{ WITH("\"hostPID\":true"), "spec.hostPID: cannot be had here" },
	{ WITH("\"hostPID\":false"), NULL },
	{ WITH("\"restartPolicy\":\"Sometimes\""), "spec.restartPolicy: \"Sometimes\"" },
	{ WITH("\"terminationGracePeriodSeconds\":601"), "terminationGracePeriodSeconds: 601" },
	{ WITH("\"nodeSelector\":{}"), "spec: \"nodeSelector\" is not known" },
	{ WITH("\"dnsPolicy\":\"None\""), "spec.dnsPolicy: \"None\"" },
	{ WITH("\"hostname\":\"a b\""), "spec.hostname: must be" },
	{ ONE("}]}} x"), "JSON" },
};

TEST(manifests)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_arena struct arena a = { 0 };
		struct err e = { 0 };
		struct pod p;
		int r = pod_parse(str_c(rows[i].text), &a, &p, &e);

		row("%s", rows[i].why ? rows[i].why : "taken");
		if (!rows[i].why)
			OK_ERR(r, &e);
		else if (!OK(r == -EBADMSG || r == -E2BIG) || !OK(strstr(e.msg, rows[i].why)))
			printf("# %s\n", e.msg);
	}
}

TEST(members_arrive)
{
	auto_arena struct arena a = { 0 };
	struct err e = { 0 };
	struct pod p;
	const struct pod_container *c;

	if (!OK_ERR(pod_parse(
			    STR(NAMED("\"securityContext\":{\"runAsUser\":5,\"fsGroup\":6},\"restartPolicy\":\"Never\","
				      "\"volumes\":[{\"name\":\"v\",\"emptyDir\":{\"medium\":\"Memory\",\"sizeLimit\":"
				      "\"1Mi\"}}],"
				      "\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"args\":[\"x\",\"\"],\"env\":[{"
				      "\"name\":\"E\"}],"
				      "\"resources\":{\"limits\":{\"cpu\":\"1.5\",\"memory\":1048576}},"
				      "\"securityContext\":{\"capabilities\":{\"add\":[\"CHOWN\",\"KILL\"],\"drop\":["
				      "\"ALL\"]}},"
				      "\"ports\":[{\"containerPort\":53,\"hostPort\":5353,\"protocol\":\"UDP\","
				      "\"hostIP\":\"10.0.0.1\"}],"
				      "\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/v\",\"readOnly\":true}]}]")),
			    &a, &p, &e),
		    &e))
		return;
	c = &p.containers[0];
	EQ_Z(p.name, "web");
	EQ_Z(p.hostname, "web");
	EQ_INT(p.restart, POD_RESTART_NEVER);
	EQ_INT(p.grace_seconds, 30);
	EQ_INT(p.fs_group.v, 6);
	EQ_INT(p.volumes[0].kind, POD_VOLUME_MEMORY);
	EQ_INT(p.volumes[0].size_bytes, 1 << 20);
	EQ_INT(c->security.user.v, 5);
	EQ_INT(c->security.capabilities, 1 << 0 | 1 << 5);
	EQ_INT(c->cpu_milli, 1500);
	EQ_INT(c->memory_bytes, 1 << 20);
	EQ_INT(c->args.n, 2);
	EQ_Z(c->env[0].value, "");
	EQ_INT(c->ports[0].host, 5353);
	EQ_INT(c->ports[0].address, 0x0a000001);
	OK(c->ports[0].udp && c->mounts[0].read_only);
}
