package dev.sluice.program.bench;

import java.util.List;
import java.util.Map;

/**
 * The raw measurements of a comparison: everything that a report says follows from them.
 *
 * @param date        the time at which it began
 * @param command     the command that repeats it
 * @param host        the machine
 * @param serverJava  the Java that servers ran on
 * @param loadJava    the Java that load generators ran on
 * @param serverFlags flags of the servers' JVMs
 * @param plan        the plan, without the engines that were left out
 * @param interrupted whether it was ended early
 * @param leftOut     engines that could not be measured, each with the reason
 * @param rounds      every measurement
 * @param idle        memory while connections are idle
 */
public record BenchResult(
        String date,
        String command,
        Host host,
        JavaHome serverJava,
        JavaHome loadJava,
        List<String> serverFlags,
        BenchPlan plan,
        boolean interrupted,
        Map<String, String> leftOut,
        List<Round> rounds,
        List<IdlePoint> idle) {}
