package dev.sluice.program.bench;

import java.util.List;
import java.util.Map;

/**
 * All that a comparison measured, raw: whatever a report says can be worked out from it again.
 *
 * @param date        when it began
 * @param command     what repeats it
 * @param host        the machine
 * @param serverJava  what servers ran on
 * @param loadJava    what load generators ran on
 * @param serverFlags flags of the servers' JVMs
 * @param plan        what was asked for, without the engines that were left out
 * @param interrupted whether it was ended early
 * @param leftOut     engines that could not be measured, and why
 * @param rounds      every measurement
 * @param idle        memory while connections do nothing
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
