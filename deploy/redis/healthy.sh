#!/bin/sh
# Ask Redis for a PONG, as a user who may ask for nothing else and so needs no password.
set -eu
[ "$(redis-cli -h 127.0.0.1 -p "${REDIS_HEALTH_PORT:-6379}" --user health --pass none --no-auth-warning ping)" = PONG ]
