#!/bin/sh
# The program sluice: this script, then a jar. $JAVA_HOME's java runs it, or the one on PATH; $SLUICE_JAVA_OPTS goes to the JVM.
fail() { printf 'sluice: %s\n' "$1" >&2; exit 1; }
if [ -n "$JAVA_HOME" ]; then
    java=$JAVA_HOME/bin/java
    [ -x "$java" ] || fail "no java at $java (JAVA_HOME is set to $JAVA_HOME)"
else
    java=$(command -v java) || fail "no java on PATH, and JAVA_HOME is not set; Java 17 or later is needed"
fi
case $0 in *:*) fail "Java runs no program whose path has a colon in it: $0" ;; esac
# Not cached: direct buffers above 256 KiB. The JVM's own words, of all threads on SIGQUIT for one, do not go to standard output; those of
# a thread that cannot be had do not come at all, as each client could cause two, and the server warns itself. Unquoted on purpose:
# $SLUICE_JAVA_OPTS is a list, but no word of it is a pattern of file names.
set -f
exec "$java" -Xshare:auto -Xlog:disable -Xlog:all=warning,os+thread=off:stderr -XX:+DisplayVMOutputToStderr \
    -Djdk.nio.maxCachedBufferSize=262144 $SLUICE_JAVA_OPTS -jar "$0" "$@"
exit 1
