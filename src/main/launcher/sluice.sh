#!/bin/sh
# The program: this script, with the jar that holds everything behind it.
if [ -n "$JAVA_HOME" ]; then java=$JAVA_HOME/bin/java; else java=java; fi
if ! command -v "$java" >/dev/null 2>&1; then
    echo "sluice: no Java found: put java 17 or later on PATH, or set JAVA_HOME" >&2
    exit 1
fi
# the cap on cached buffers: without it, one large heap write pins as much native memory for ever
# shellcheck disable=SC2086
exec "$java" -Djdk.nio.maxCachedBufferSize=262144 $SLUICE_JAVA_OPTS -jar "$0" "$@"
exit 1
