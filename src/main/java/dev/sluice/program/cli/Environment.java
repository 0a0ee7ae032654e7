package dev.sluice.program.cli;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** Options from the environment: {@code --high-water} is {@code SLUICE_HIGH_WATER}, where no flag was given. */
final class Environment implements IDefaultValueProvider {

    private static final String PREFIX = "SLUICE_";
    /** The launcher's. */
    private static final String JAVA_OPTIONS = PREFIX + "JAVA_OPTS";

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
        if (value == null || value.isEmpty() || isLink(variable, value)) {
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

    /**
     * Kubernetes tells each container of the services beside it, and Docker of the containers that it is linked to, in variables with
     * their names: of one that is called sluice, {@code SLUICE_PORT=tcp://10.0.0.1:10000}. No value of an option looks like that.
     */
    private static boolean isLink(String variable, String value) {
        return variable.endsWith("_PORT") && value.matches("(tcp|udp|sctp)://.+:\\d+");
    }

    /** Variables that look like ours and have no effect on a command, with the reason; without the value of any that may be a secret. */
    List<String> passedOver(CommandSpec command) {
        Map<String, OptionSpec> options = new TreeMap<>();
        for (OptionSpec option : command.options()) {
            options.put(variable(option), option);
        }
        List<String> passedOver = new ArrayList<>();
        new TreeMap<>(variables).forEach((variable, value) -> {
            OptionSpec option = options.get(variable);
            if (option != null && isLink(variable, value)) {
                passedOver.add(variable + " is not taken for " + option.longestName() + ": " + value + " is where a service is");
            } else if (option == null && variable.startsWith(PREFIX) && !variable.equals(JAVA_OPTIONS)) {
                passedOver.add(variable + " names no option of " + command.name());
            }
        });
        return passedOver;
    }

    static String variable(OptionSpec option) {
        return PREFIX + option.longestName().substring(2).toUpperCase(Locale.ROOT).replace('-', '_');
    }

    /** Not a part of a longer name: {@code --max-pending} stands in {@code --max-pending-total} too. */
    private static String replaceWord(String text, String word, String by) {
        return text.replaceAll(word + "(?![-\\w])", by);
    }
}
