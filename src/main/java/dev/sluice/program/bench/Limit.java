package dev.sluice.program.bench;

import dev.sluice.program.bench.Comparison.Line;
import java.util.ArrayList;
import java.util.List;

/** A ratio to other engines below which the first engine must not fall. */
public final class Limit {

    private Limit() {}

    /**
     * The cells in which the first engine misses the limit for sure: with all of its interval, or with its median where there is none. A
     * cell that could not be compared proves nothing and counts as missed.
     *
     * @param result the measurements
     * @param least  times the requests/s of another
     * @return a line for each cell and engine where the limit is missed
     */
    public static List<String> missed(BenchResult result, double least) {
        Comparison comparison = new Comparison(result);
        List<String> missed = new ArrayList<>();
        for (Cell cell : result.plan().cells()) {
            for (Line line : comparison.lines(cell)) {
                Interval others = line.rates(); // of the other to the first: upside down here
                if (line.entry().control() || line.entry().engine().equals(comparison.first())) {
                    continue;
                }
                if (others.rounds() == 0) {
                    missed.add(comparison.first() + " cannot be compared with " + line.entry() + " with " + cell + ": " + String.join(", ", line.notes()));
                } else if (1 / others.low() < least) {
                    missed.add(comparison.first() + " makes " + Figures.ratio(1 / others.median()) + " times the requests/s of " + line.entry()
                            + " (at most " + Figures.ratio(1 / others.low()) + ") with " + cell + "; the limit is " + Figures.ratio(least));
                }
            }
        }
        return missed;
    }
}
