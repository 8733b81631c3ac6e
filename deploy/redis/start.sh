#!/bin/sh
# Write the access list from REDIS_PASSWORD and start Redis with it.
#
# One user, who may use Lineside's keys and no command that administers or endangers the server
# (so no CONFIG, FLUSHALL, KEYS, RESTORE, MODULE …). The password is kept as its SHA-256 only.
set -eu
: "${REDIS_PASSWORD:?set REDIS_PASSWORD; deploy/make-env.sh makes one}"
conf=${REDIS_CONF:-/etc/lineside/redis.conf}
run=${REDIS_RUN_DIR:-/run/redis}
hash=$(printf %s "$REDIS_PASSWORD" | sha256sum | cut -d ' ' -f 1)
umask 077
mkdir -p "$run"
cat >"$run/users.acl" <<ACL
user default off
user lineside on #$hash ~lineside:* &* +@all -@admin -@dangerous +info
user health on nopass resetkeys resetchannels -@all +ping
ACL
unset REDIS_PASSWORD hash
exec redis-server "$conf" --aclfile "$run/users.acl" --dir "${REDIS_DATA_DIR:-/data}" "$@"
