package dev.sluice.program.bench;

/**
 * An engine to compare, as the command line names it: {@code reactor}, {@code reactor:2}.
 *
 * @param name its name
 * @param size sub-reactors, workers or threads, as the engine counts; -1 if it was not given
 */
public record EngineSpec(String name, int size) {

    /**
     * Parses the name of an engine.
     *
     * @param text {@code NAME} or {@code NAME:N}
     * @return the engine
     * @throws IllegalArgumentException saying what is wrong
     */
    public static EngineSpec parse(String text) {
        int colon = text.indexOf(':');
        if (colon < 0) {
            return new EngineSpec(text, -1);
        }
        try {
            int size = Integer.parseInt(text.substring(colon + 1));
            if (colon > 0 && size >= 0 && size <= 100_000) {
                return new EngineSpec(text.substring(0, colon), size);
            }
        } catch (NumberFormatException e) {
            // told below
        }
        throw new IllegalArgumentException("'" + text + "' is not an engine such as reactor or reactor:2");
    }

    /**
     * The size, or the engine's default.
     *
     * @param unsaid the default
     * @return a number
     */
    public int sizeOr(int unsaid) {
        return size < 0 ? unsaid : size;
    }

    @Override
    public String toString() {
        return size < 0 ? name : name + ":" + size;
    }
}
