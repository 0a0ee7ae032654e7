package dev.sluice.program.cli;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.harness.Seed;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine;

/** Random arguments are either understood or refused in two lines. */
class OptionFuzzTest {

    private static final String[] VALUES = {
        "", "0", "1", "-1", "12", "5s", "5x", "64k", "1MiB", "9999999999999999999", "0x10", "1e9", "auto", "echo", "upper", "pool",
        "threads", "virtual", "[::1]:7", "::1", "localhost", "\u0000", "\u001b[31m", "%s%n", "${env:HOME}", "${sys:}", "$${", "${${}}", "@/dev/null", "=", "--", "-", "'", "\"", "é"
    };

    private final Random random = new Random(Seed.VALUE);

    private String anything() {
        if (random.nextInt(3) > 0) {
            return VALUES[random.nextInt(VALUES.length)];
        }
        StringBuilder text = new StringBuilder();
        for (int i = random.nextInt(12); i > 0; i--) {
            text.append((char) (random.nextInt(10) == 0 ? random.nextInt(0xd800) : ' ' + random.nextInt(95)));
        }
        return text.toString();
    }

    private List<String> arguments(CommandLine command, String name) {
        List<OptionSpec> options = command.getCommandSpec().options();
        List<String> arguments = new ArrayList<>(List.of(name));
        for (int i = random.nextInt(6); i > 0; i--) {
            OptionSpec option = options.get(random.nextInt(options.size()));
            String flag = option.names()[random.nextInt(option.names().length)];
            switch (random.nextInt(4)) {
                case 0 -> arguments.add(anything());
                case 1 -> arguments.add(flag + "=" + anything());
                case 2 -> arguments.add(flag.substring(0, 1 + random.nextInt(flag.length())));
                default -> arguments.addAll(List.of(flag, anything()));
            }
        }
        return arguments;
    }

    @Test
    void everyArgumentIsUnderstoodOrComplainedOf() {
        int understood = 0;
        for (int i = 0; i < 3_000; i++) {
            String name = new String[] {"serve", "client", "load", "bench", "completion"}[random.nextInt(5)];
            Map<String, String> environment = random.nextInt(4) == 0 ? Map.of("SLUICE_HIGH_WATER", anything()) : Map.of();
            CommandLine line = Program.commandLine(name, environment);
            StringWriter err = new StringWriter();
            line.setErr(new PrintWriter(err));
            String[] arguments = arguments(line.getSubcommands().get(name), name).toArray(new String[0]);
            try {
                line.parseArgs(arguments);
                understood++;
            } catch (ParameterException e) {
                int status = complain(line, e, arguments);
                assertTrue(status == Status.BAD_USAGE, String.join(" ", arguments));
                assertTrue(err.toString().startsWith("sluice: "), err.toString());
                assertTrue(err.toString().strip().endsWith(" --help'."), err.toString());
                assertFalse(err.toString().contains("Exception"), err.toString());
            }
        }
        assertTrue(understood > 0 && understood < 3_000);
    }

    private static int complain(CommandLine line, ParameterException e, String[] arguments) {
        try {
            return line.getParameterExceptionHandler().handleParseException(e, arguments);
        } catch (Exception unexpected) {
            throw new AssertionError(String.join(" ", arguments), unexpected);
        }
    }
}
