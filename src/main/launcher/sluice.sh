#!/bin/sh
# The program sluice: this script, then a jar. $JAVA_HOME's java runs it, or the one on PATH; $SLUICE_JAVA_OPTS goes to the JVM.
if [ -n "$JAVA_HOME" ]; then
    java=$JAVA_HOME/bin/java
    [ -x "$java" ] || { echo "sluice: no java at $java (JAVA_HOME is set to $JAVA_HOME)" >&2; exit 1; }
else
    java=$(command -v java) || { echo "sluice: no java on PATH, and JAVA_HOME is not set; Java 17 or later is needed" >&2; exit 1; }
fi
# Not cached: direct buffers above 256 KiB. The JVM's own warnings do not go to standard output; those of a thread that cannot be had
# do not come at all, as each client could cause two, and the server warns itself. Unquoted on purpose: $SLUICE_JAVA_OPTS is a list.
exec "$java" -Xshare:auto -Xlog:disable -Xlog:all=warning,os+thread=off:stderr -Djdk.nio.maxCachedBufferSize=262144 $SLUICE_JAVA_OPTS -jar "$0" "$@"
exit 1
