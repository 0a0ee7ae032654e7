package dev.sluice.cli;

import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;

/** An option that is not given takes its value from SLUICE_NAME, before its default. */
record Environment(Map<String, String> variables) implements IDefaultValueProvider {

    @Override
    public String defaultValue(ArgSpec arg) {
        return arg instanceof OptionSpec option && !option.usageHelp() && !option.versionHelp()
                ? variables.get(nameOf(option))
                : null;
    }

    static String nameOf(OptionSpec option) {
        return "SLUICE_" + option.longestName().replaceFirst("^-+", "").replace('-', '_').toUpperCase(Locale.ROOT);
    }

    /** Says where a bad value came from, if it was not the command line. */
    static String blame(ParameterException e) {
        return e.getArgSpec() instanceof OptionSpec option
                        && e.getValue() != null
                        && e.getValue().equals(System.getenv(nameOf(option)))
                ? " (from " + nameOf(option) + ")"
                : "";
    }
}
