#!/bin/bash
# `yagura image push` and `yagura image verify` against Debian's registry: an image, its SBOM, provenance and signatures there
# and back, and every changed byte.      usage: image-push.sh YAGURA
yagura=$(realpath "$1")
command=("$yagura" -q)
. "$(dirname "$0")/registry-lib.sh"
export YAGURA_CACHE=$tmp/cache YAGURA_DATA=$tmp/data TMPDIR=$tmp PYTHONDONTWRITEBYTECODE=1
cd "$tmp" || exit 1
python3 "$here/image-archive.py" "$tmp/debs" && python3 "$here/image-archive.py" --lock "$tmp/debs" "$tmp/lock" || { echo "Bail out! no image"; exit 1; }

# does NAME PATTERN COMMAND...: ends with 0 and says that
does() {
	local name=$1 pattern=$2
	shift 2
	"$@" >"$tmp/out" 2>"$tmp/err" && { [ -z "$pattern" ] || cat "$tmp/out" "$tmp/err" | grep -qE -- "$pattern"; }
	result $? "$name"
}
push_image() { "${command[@]:0:1}" image push layout "$at/$1" "${@:2}"; }
verify() { "${command[@]}" image verify "$@" --key k.pub; }
# refuses NAME PATTERN TARGET
refuses() {
	verify "$3" >"$tmp/out" 2>"$tmp/err"
	[ $? = 3 ] && [ "$(wc -l <"$tmp/err")" = 1 ] && grep -qE -- "$2" "$tmp/err"
	result $? "$1"
}
api() { curl -sS -H "Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json" "http://$at/v2/$1"; }
blob_file() { echo "layout/blobs/sha256/${1#sha256:}"; }

does "keys are made" "" "${command[@]}" image key k
[ "$(stat -c %a k.key)" = 600 ] && openssl ec -in k.key -noout 2>err && openssl ec -pubin -in k.pub -noout 2>>err
result $? "as others read them, the secret one for its owner only"
fails "never over others" "File exists" image key k
"${command[@]}" image key other
does "a signed image" "sha256:" "${command[@]}" image build --lock lock -o layout --key k.key --name localhost/base/web
fails "not with another key" "no key in PEM" image build --lock lock -o layout --key k.pub
image=$(jq -r '.manifests[0].digest' layout/index.json)
layer=$(jq -r '.layers[0].digest' "$(blob_file "$image")")
config=$(jq -r '.config.digest' "$(blob_file "$image")")

does "the layout is what was signed" "$image is signed by this key; 1 layer, 2 statements" verify oci:layout
"${command[@]}" image verify layout --key other.pub >out 2>err
[ $? = 3 ] && grep -q "not signed by this key" err
result $? "and not by another key"
of_type() { jq -r ".manifests[] | select(.artifactType == \"$1\").digest" layout/index.json; }
payload=$(blob_file "$(jq -r '.layers[0].digest' "$(blob_file "$(of_type application/vnd.dev.cosign.artifact.sig.v1+json | head -1)")")")
sbom=$(blob_file "$(jq -r '.layers[0].digest' "$(blob_file "$(of_type application/spdx+json)")")")
statement=$(blob_file "$(jq -r '.layers[0].digest' "$(blob_file "$(of_type application/vnd.in-toto+json)")")")
jq -r '.layers[0].annotations["dev.cosignproject.cosign/signature"]' "$(blob_file "$(of_type application/vnd.dev.cosign.artifact.sig.v1+json | head -1)")" |
	base64 -d >sig && openssl dgst -sha256 -verify k.pub -signature sig "$payload" >out 2>err
result $? "openssl says so too"
jq -e --arg d "$image" '.critical.image["docker-manifest-digest"] == $d and .critical.type == "cosign container image signature"' "$payload" >out
result $? "what is signed is cosign's text"
jq -e --slurpfile lock layout/image.lock '.spdxVersion == "SPDX-2.3" and ([.packages[] | select(.externalRefs)] | length) == ($lock[0].packages | length)
	and ([.relationships[] | select(.relationshipType == "CONTAINS")] | length) == ($lock[0].packages | length)' "$sbom" >out
result $? "the SBOM has each package"
"$yagura" -q scan --no-cache -f json oci:layout 2>/dev/null | jq -r '.packages[].purl' | sort >a
jq -r '.packages[].externalRefs[]?.referenceLocator' "$sbom" | sort >b
diff a b >out && [ -s a ]
result $? "by the names that a scan gives them"
jq -e --arg d "${image#sha256:}" '._type == "https://in-toto.io/Statement/v1" and .predicateType == "https://slsa.dev/provenance/v1"
	and .subject[0].digest.sha256 == $d and (.predicate.buildDefinition.resolvedDependencies | length) > 5' "$statement" >out
result $? "the provenance is about the image"

# -------- bytes that changed
cp -r layout good
for what in "$layer" "$config" "$image" "$(basename "$payload")" "$(basename "$sbom")" "$(basename "$statement")"; do
	file=$(blob_file "$what")
	printf '\1' | dd of="$file" bs=1 seek=$(($(stat -c %s "$file") / 2)) conv=notrunc status=none
	refuses "a changed byte in ${what:0:14}..." "another's|not those that were signed" oci:layout
	cp "good/${file#layout/}" "$file"
done
jq 'del(.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] // "" | endswith(".sig")))' good/index.json >layout/index.json
refuses "no signature" "not signed" oci:layout
jq 'del(.manifests[] | select(.artifactType == "application/spdx+json"))' good/index.json >layout/index.json
refuses "an SBOM taken away" "statement sha256:[0-9a-f]* is not there" oci:layout
cp good/index.json layout/index.json
does "all as it was" "signed by this key" verify layout

registries() {
	local referrers
	registry plain </dev/null
	does "pushed" "[1-9] blobs sent .*; 6 manifests" push_image base/web:1
	does "again: nothing is sent" "^0 blobs sent" push_image base/web:2
	does "from another repository: mounted" " [1-9][0-9]* mounted" push_image base/api:1 --mount base/web
	[ "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$at/base/web:2" 2>err)" = "$image" ]
	result $? "skopeo finds it"
	does "what came is what was signed" "$image is signed by this key; 1 layer, 2 statements" verify "$at/base/web:1"
	api "base/web/manifests/sha256-${image#sha256:}" >out
	jq -e '[.manifests[].artifactType] | sort == ["application/spdx+json", "application/vnd.dev.cosign.artifact.sig.v1+json", "application/vnd.in-toto+json"]' out >/dev/null
	result $? "referrers are listed"
	for referrers in $(jq -r '.manifests[].digest' out); do
		api "base/web/manifests/$referrers" | jq -e --arg d "$image" '.subject.digest == $d' >>err 2>&1 || break
	done
	result $? "each has the image as its subject"
	jq '.manifests += [{ "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": .manifests[0].digest, "size": .manifests[0].size,
		"artifactType": "application/x-others" }]' out >list
	curl -sSf -X PUT -H "Content-Type: application/vnd.oci.image.index.v1+json" --data-binary @list "http://$at/v2/base/web/manifests/sha256-${image#sha256:}" 2>err
	does "what others listed stays" "" push_image base/web:3
	api "base/web/manifests/sha256-${image#sha256:}" | jq -e '.manifests | length >= 3' >out
	result $? "beside ours"
	api "base/web/manifests/sha256-${image#sha256:}.sig" | jq -e '.layers[0].mediaType == "application/vnd.dev.cosign.simplesigning.v1+json"' >out
	result $? "cosign's tag has the signature"
	# containers-policy.json(5), containers-registries.d(5): another program that reads cosign's signatures
	mkdir -p registries.d
	echo 'default-docker: { use-sigstore-attachments: true }' >registries.d/all.yaml
	for key in k other; do
		jq -n --arg key "$PWD/$key.pub" '{ default: [{ type: "sigstoreSigned", keyPath: $key,
			signedIdentity: { type: "exactRepository", dockerRepository: "localhost/base/web" } }] }' >policy-$key.json
	done
	# Looked at and left out: a layout has no place for them, and later versions do not pass over that.
	copied_by() { # KEY FOLDER
		skopeo --policy "policy-$1.json" --registries.d registries.d copy -q --src-tls-verify=false --remove-signatures \
			"docker://$at/base/web:1" "oci:copy:$2" >out 2>err
	}
	if copied_by k 1 || ! grep -q "sigstore disabled" err; then
		copied_by k 1
		result $? "skopeo accepts the signature"
		! copied_by other 2 && grep -q signature err
		result $? "and not by another key"
	else
		echo "# this skopeo is built without cosign's signatures (as Debian 12's is): openssl has looked at ours above"
	fi
	find plain -name data -path "*$(cut -d: -f2 <<<"$layer")*" -exec cp {} layer.bak \; -exec sh -c 'printf "\1" | dd of="$1" bs=1 seek=100 conv=notrunc status=none' _ {} \;
	refuses "a byte changed in the registry" "layer 0|another" "$at/base/web:1"
	fails "no such image" "404" image verify "$at/base/none:1" --key k.pub
	fails "no such directory" "no OCI layout" image push nothing "$at/base/web:1"
	fails "nobody there" "127.0.0.1" image push layout "127.0.0.1:$(free_port)/x:1"

	htpasswd -Bbn u p >htpasswd
	registry basic <<END
auth: { htpasswd: { realm: basic, path: $tmp/htpasswd } }
END
	does "with a password" "blobs sent" push_image base/web:1 --user u:p
	fails "with a wrong one" "refused the credentials" image push layout "$at/base/web:1" --user u:q
	serve_breaking
}

# A server between that closes connections in the middle of a blob: what was sent is not sent again.
serve_breaking() {
	registry behind </dev/null
	python3 "$here/breaking-proxy.py" "$at" 300000 >"$tmp/breaking" 2>"$tmp/breaking.log" &
	pids+=($!)
	for _ in $(seq 100); do [ -s breaking ] && break; sleep 0.05; done
	at=127.0.0.1:$(cat breaking)
	does "a connection that breaks in every blob" "blobs sent" push_image base/web:1
	grep -q "^broke" breaking.log
	result $? "... it did break"
	does "what came is whole" "signed by this key" verify "$at/base/web:1"
}
have_registry && registries
echo "1..$n"
