package dev.sluice.program.cli;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** The default of each option: its variable in the environment, {@code SLUICE_HIGH_WATER} for {@code --high-water}, else {@link Defaults}. */
final class Environment implements IDefaultValueProvider {

    private static final String PREFIX = "SLUICE_";
    /** Belongs to the launcher. */
    private static final String JAVA_OPTIONS = PREFIX + "JAVA_OPTS";

    private final Map<String, String> variables;
    /** The variable that an option's value came from, by the option's longest name. */
    private final Map<String, String> used = new HashMap<>();

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
            return Defaults.of(option.longestName());
        }
        used.put(option.longestName(), variable);
        return value.replace("$", "$$"); // or picocli would take ${...} in it for a variable of its own
    }

    /** The name that a complaint gives an option: its variable if the value came from there, else its longest flag. */
    String name(OptionSpec option) {
        return used.getOrDefault(option.longestName(), option.longestName());
    }

    /** The same, for a flag of a command. */
    static String name(CommandSpec command, String flag) {
        return ((Environment) command.defaultValueProvider()).name(command.findOption(flag));
    }

    /** True if a text begins with the name of an option. */
    static boolean isName(String text) {
        return text.startsWith("--") || text.startsWith(PREFIX);
    }

    /**
     * True for a variable of Kubernetes or Docker. They describe other services in variables that begin with the service's name: for one called
     * sluice, {@code SLUICE_PORT=tcp://10.0.0.1:10000}. No value of an option looks like that.
     */
    private static boolean isLink(String variable, String value) {
        return variable.endsWith("_PORT") && value.matches("(tcp|udp|sctp)://.+:\\d+");
    }

    /** Variables with our prefix that a command ignores, with the reason, and without a value that may be a secret. */
    List<String> ignored(CommandSpec command) {
        Map<String, OptionSpec> options = new TreeMap<>();
        for (OptionSpec option : command.options()) {
            options.put(variable(option), option);
        }
        List<String> ignored = new ArrayList<>();
        new TreeMap<>(variables).forEach((variable, value) -> {
            OptionSpec option = options.get(variable);
            if (option != null && isLink(variable, value)) {
                ignored.add(variable + " is ignored: " + value + " is the address of a Kubernetes Service, not a port");
            } else if (option == null && variable.startsWith(PREFIX) && !variable.equals(JAVA_OPTIONS)) {
                ignored.add(variable + " names no option of " + command.name());
            }
        });
        return ignored;
    }

    static String variable(OptionSpec option) {
        return PREFIX + option.longestName().substring(2).toUpperCase(Locale.ROOT).replace('-', '_');
    }
}
