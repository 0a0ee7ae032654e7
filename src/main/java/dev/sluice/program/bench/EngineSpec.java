package dev.sluice.program.bench;

/**
 * An engine to compare, as it is written: {@code reactor}, {@code reactor:2}.
 *
 * @param name its name
 * @param size sub-reactors, workers or threads, whatever the engine counts; -1 where nothing was said
 */
public record EngineSpec(String name, int size) {

    /**
     * Reads one.
     *
     * @param text {@code NAME} or {@code NAME:N}
     * @return what was written
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
     * The size, or what goes without saying.
     *
     * @param unsaid the engine's default
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
