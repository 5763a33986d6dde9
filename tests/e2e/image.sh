#!/bin/bash
# Opens images of every source: archives, layouts, a daemon's socket, Debian's docker-registry on loopback (plain, TLS, basic
# and token login) and a registry that misbehaves.      usage: image.sh PROGRAM      (the program is image.c's)
command=("$(realpath "$1")")
. "$(dirname "$0")/registry-lib.sh"

python3 "$here/image-make.py" "$tmp" || { echo "Bail out! no test images"; exit 1; }
. "$tmp/digests"
cd "$tmp" || exit 1
amd="(.manifest == \"$AMD\" and .arch == \"amd64\" and (.layers | length) == 2)"
arm="(.manifest == \"$ARM\" and .arch == \"arm64\" and .layers[0].blob == .layers[1].blob)"
whole="(.arch == \"amd64\" and (.layers | length) == 2 and .layers[1].created_by == \"RUN top\" and .layers[0].base \
	and (.layers[1].base | not) and all(.layers[]; .bytes == .diff_id))"

# -------- layouts
opens "layout by name" "$amd" --fetch layout:one
opens "layout with its kind" "$amd" oci:layout:one
opens "layout by digest" "$amd" "layout@$AMD"
opens "layout: index, this platform asked for" "$amd" --platform linux/amd64 layout:multi
opens "layout: index, another platform" "$arm" --fetch --platform linux/arm64 layout:multi
opens "layout: an index in an index" "$arm" --platform linux/arm64 layout:nested
fails "layout: no such platform" "no image for linux/s390x" --platform linux/s390x layout:multi
fails "layout: which one?" "several images" layout
fails "layout: no such name" "no image" layout:three
fails "layout: no such digest" "No such file" "layout@sha256:$(printf '0%.0s' $(seq 64))"
fails "layout: one platform, another asked for" "not for linux/arm64" --platform linux/arm64 "layout@$AMD"
cp -r layout bad
hex=${AMD#sha256:}
printf ' ' >>"bad/blobs/sha256/$hex"
fails "layout: a manifest with another digest" "the bytes are another's" bad:one
cp layout/blobs/sha256/"$hex" bad/blobs/sha256/"$hex"
config=$(jq -r .config.digest "layout/blobs/sha256/$hex")
printf ' ' >>"bad/blobs/sha256/${config#sha256:}"
fails "layout: a config with another digest" "the bytes are another's" bad:one
rm "bad/blobs/sha256/${config#sha256:}"
ln -s /etc/passwd "bad/blobs/sha256/${config#sha256:}"
fails "layout: a blob that leads out of it" "config" bad:one

# -------- archives
opens "docker-archive, old form" "$whole and .kind == \"docker-archive\" and .reference == \"x:1\"" --fetch old.tar
opens "docker-archive, compressed" "$whole and .kind == \"docker-archive\"" --fetch old.tar.gz
opens "docker-archive by tag" "$whole and .reference == \"docker.io/library/y:2\"" --fetch two.tar:y:2
opens "docker-archive by number" "$whole and .reference == \"x:1\"" --fetch two.tar:@0
fails "docker-archive: which one?" "x:1, @1 docker.io/library/y:2" two.tar
fails "docker-archive: no such tag" "no image z" two.tar:z
opens "both forms at once: docker-archive" "$whole and .kind == \"docker-archive\"" --fetch both.tar
opens "both forms at once: oci-archive" "$arm" --platform linux/arm64 oci-archive:both.tar:multi
opens "oci-archive" "$amd and .kind == \"oci-archive\"" --fetch oci.tar:one
opens "oci-archive, compressed" "$amd and .kind == \"oci-archive\"" --fetch oci.tar.gz:one
opens "oci-archive by digest" "$arm" "oci.tar@$ARM"
fails "more diff ids than layers" "it lists 3 diff ids for 2 layers" lie.tar
fails "an archive without its end" "cut short" cut.tar
fails "manifest.json twice" "stands in the archive twice" twice.tar
fails "a layer that is a link to itself" "leads nowhere" loop.tar
fails "a layer that is not there" "layer 0: the archive has no member b" gone.tar
opens "a file system" ".kind == \"tar\" and (.layers | length) == 1" fs.tar
opens "a file system, compressed" ".kind == \"tar\"" fs.tar.gz
opens "a directory" ".kind == \"rootfs\" and .root" rootfs:"$tmp"
opens "this host" ".kind == \"host\" and .root" host
fails "a file that is not there" "No such file" ./nothing
fails "an archive that is not there" "No such file" nothing.tar
fails "a name that cannot be" "no repository name" "Not/A/Name"
head -c 3000 /dev/zero >zeros
fails "zeros" "zeros" docker-archive:zeros

# -------- a daemon
serve daemon "$tmp"
DOCKER_HOST=unix://$tmp/socket opens "docker's socket" "$whole and .kind == \"docker\"" --fetch docker:local/x:1
CONTAINER_HOST=unix://$tmp/socket opens "podman's socket" "$whole and .kind == \"podman\"" --fetch podman:local/x:1
DOCKER_HOST=unix://$tmp/socket fails "no such image at the daemon" "no such image" docker:other
DOCKER_HOST=tcp://127.0.0.1:1 fails "a daemon by network" "only unix" docker:x
DOCKER_HOST=unix://$tmp/nothing fails "no daemon" "nothing" docker:x

# -------- a hostile registry
serve hostile "$tmp"
at=127.0.0.1:$port
opens "a good registry without TLS" "$amd" --fetch "$at/good:one"
opens "by digest" "$amd and .reference == \"$at/good@$AMD\"" "$at/good@$AMD"
fails "no such image" "404: manifest unknown" "$at/good:nothing"
fails "an endless manifest" "limit\|longer" "$at/endless-manifest:one"
fails "an endless config" "limit\|longer" "$at/endless-config:one"
fails "an endless layer" "limit\|longer" --fetch "$at/endless-blob:one"
fails "a manifest of a terabyte" "limit" "$at/huge-manifest:one"
fails "redirects in a circle" "redirects" "$at/redirect-loop:one"
fails "another manifest than it says" "another manifest" "$at/other-manifest:one"
fails "another manifest than was asked for" "another manifest" "$at/other-manifest@$AMD"
fails "another config" "the bytes are another's" "$at/other-config:one"
fails "another layer" "digest is" --fetch "$at/other-blob:one"
fails "a layer too short" "bytes long, not" --fetch "$at/short-blob:one"
opens "503 twice, then well" "$amd" --fetch "$at/flaky:one"
opens "a layer that breaks off, then the rest" "$amd" --fetch "$at/breaks:one"
fails "a web page" "JSON" "$at/web-page:one"
fails "schema 1" "schema 1" "$at/schema1:one"
fails "a challenge that is none" "WWW-Authenticate" "$at/odd-challenge:one"
fails "401 and no challenge" "unknown kind" "$at/no-challenge:one"
fails "a token server that is a file" "token server" "$at/file-realm:one"
fails "a password is wanted" "no credential file has any" "$at/elsewhere:one"
opens "layers at another host" "$amd" --fetch --user u --password p "$at/elsewhere:one"
grep -q sha256 elsewhere && ! grep -v ' nothing$' elsewhere >"$tmp/out"
result $? "that host is not told the password"
opens "a token that runs out between layers" "$amd" --fetch "$at/expires:one"
mkdir -p "$HOME/.docker"
echo "{\"credHelpers\":{\"$at\":\"cloud\"}}" >"$HOME/.docker/config.json"
fails "only a helper knows the password" 'helper "cloud"' "$at/elsewhere:one"
auth=$(printf u:p | base64)
echo "{\"auths\":{\"$at\":{\"auth\":\"$auth\"}}}" >"$HOME/.docker/config.json"
opens "docker's credential file" "$amd" "$at/elsewhere:one"
rm "$HOME/.docker/config.json"
mkdir -p "$XDG_RUNTIME_DIR/containers"
echo "{\"auths\":{\"$at/elsewhere\":{\"auth\":\"$auth\"}}}" >"$XDG_RUNTIME_DIR/containers/auth.json"
opens "podman's credential file" "$amd" "$at/elsewhere:one"
rm "$XDG_RUNTIME_DIR/containers/auth.json"
fails "a credential file that is not there" "credential file" --auth-file nothing "$at/good:one"
fails "nobody there" "127.0.0.1" "127.0.0.1:$(free_port)/x:1"
fails "TLS is not left for a registry elsewhere" "registry.invalid" "registry.invalid/x:1"

# -------- Debian's registry
have_registry || { echo "1..$n"; exit 0; }
make_certificates
registry plain </dev/null
push --dest-tls-verify=false
opens "docker-registry, no TLS" "$amd" --fetch "$at/a/one:1"
opens "docker-registry, no TLS, asked so" "$amd" --plain-http "$at/a/one:1"
opens "docker-registry, index" "$arm" --fetch --platform linux/arm64 "$at/a/multi:1"
opens "docker-registry, index by digest" "$amd" --platform linux/amd64 "$at/a/multi@$MULTI"
fails "docker-registry, no such tag" "404" "$at/a/one:2"
fails "docker-registry, no such platform" "there is: linux/amd64, linux/arm64/v8" --platform linux/s390x "$at/a/multi:1"

registry tls <<END
  tls: { certificate: $tmp/site.pem, key: $tmp/site.key }
END
push --dest-tls-verify=false
opens "TLS with the CA given" "$amd" --fetch --ca-file ca.pem "$at/a/one:1"
opens "TLS, not verified" "$amd" --fetch --insecure "$at/a/one:1"
fails "TLS with a CA nobody knows" "ertificate" "$at/a/one:1"
fails "TLS with another CA" "ertificate" --ca-file token.pem "$at/a/one:1"

htpasswd -Bbn u p >htpasswd
registry basic <<END
auth: { htpasswd: { realm: basic, path: $tmp/htpasswd } }
END
push --dest-tls-verify=false --dest-creds u:p
opens "basic login" "$amd" --fetch --user u --password p "$at/a/one:1"
echo "{\"auths\":{\"$at\":{\"auth\":\"$auth\"}}}" >auth.json
opens "basic login from a file" "$amd" --fetch --auth-file auth.json "$at/a/one:1"
REGISTRY_AUTH_FILE=auth.json opens "... named by the environment" "$amd" "$at/a/one:1"
fails "basic login, none" "no credential file has any" "$at/a/one:1"
fails "basic login, wrong" "refused the credentials" --user u --password q "$at/a/one:1"

serve token "$tmp"
registry token <<END
auth: { token: { realm: "http://127.0.0.1:$port/token", service: test, issuer: test, rootcertbundle: $tmp/token.pem } }
END
push --dest-tls-verify=false --dest-creds u:p
opens "token login" "$amd" --fetch --user u --password p "$at/a/one:1"
opens "token login, index" "$arm" --fetch --platform linux/arm64 --user u --password p "$at/a/multi:1"
echo "{\"auths\":{\"$at\":{\"auth\":\"$(printf u: | base64)\",\"identitytoken\":\"r\"}}}" >auth.json
opens "token login with a refresh token" "$amd" --fetch --auth-file auth.json "$at/a/one:1"
fails "token login, none" "no credential file has any" "$at/a/one:1"
fails "token login, wrong" "refused the credentials" --user u --password q "$at/a/one:1"

echo "1..$n"
