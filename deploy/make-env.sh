#!/bin/sh
# Write .env with random secrets for docker-compose.yml, readable by its owner alone.
# A file that is there already is left as it is: databases keep the password of their first start.
set -eu
file=${1:-"$(dirname "$0")/../.env"}
if [ -e "$file" ]; then
    echo "$file is there already; nothing was changed." >&2
    exit 1
fi
random() {
    # 256 bits in hexadecimal, which no URL needs to escape.
    od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n'
}
example=$(dirname "$0")/../.env.example
umask 077
new=$(mktemp "$file.XXXXXX")
trap 'rm -f "$new"' EXIT
while IFS= read -r line; do
    case $line in
    POSTGRES_PASSWORD= | REDIS_PASSWORD= | LINESIDE_WEBHOOK_SECRET=) printf '%s%s\n' "$line" "$(random)" ;;
    *) printf '%s\n' "$line" ;;
    esac
done <"$example" >"$new"
mv -n "$new" "$file"
echo "Wrote $file. Keep it: the database's password is in it."
