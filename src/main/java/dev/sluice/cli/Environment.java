package dev.sluice.cli;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;

/** Options from the environment: {@code --high-water} is {@code SLUICE_HIGH_WATER}, where no flag was given. */
final class Environment implements IDefaultValueProvider {

    private final Map<String, String> variables;
    private final Map<OptionSpec, String> used = new LinkedHashMap<>();

    Environment(Map<String, String> variables) {
        this.variables = variables;
    }

    @Override
    public String defaultValue(ArgSpec argument) {
        if (!(argument instanceof OptionSpec)) {
            return null;
        }
        OptionSpec option = (OptionSpec) argument;
        if (option.usageHelp() || option.versionHelp()) {
            return null;
        }
        String variable = variable(option);
        String value = variables.get(variable);
        if (value == null || value.isEmpty()) {
            return null;
        }
        used.put(option, variable);
        return value.replace("$", "$$"); // or picocli would take ${...} in it for a variable of its own
    }

    /** A complaint about an option whose value came from the environment names the variable. */
    String name(String complaint) {
        String named = complaint;
        for (Map.Entry<OptionSpec, String> each : used.entrySet()) {
            named = replaceWord(named, each.getKey().longestName(), each.getValue());
        }
        return named;
    }

    static String variable(OptionSpec option) {
        return "SLUICE_" + option.longestName().substring(2).toUpperCase(Locale.ROOT).replace('-', '_');
    }

    /** Not a part of a longer name: {@code --max-pending} stands in {@code --max-pending-total} too. */
    private static String replaceWord(String text, String word, String by) {
        return text.replaceAll(word + "(?![-\\w])", by);
    }
}
