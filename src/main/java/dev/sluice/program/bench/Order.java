package dev.sluice.program.bench;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/**
 * The order of engines within rounds: the rows of a cyclic Latin square over a shuffled list. Over as many rounds as there are engines,
 * each engine stands once at each place, so that slow changes of the machine (heat, neighbours) fall on all alike.
 */
final class Order {

    private Order() {}

    static <T> List<T> of(List<T> all, int round, long seed) {
        List<T> row = new ArrayList<>(all);
        Collections.shuffle(row, new Random(seed));
        Collections.rotate(row, -(round % Math.max(1, all.size())));
        return row;
    }
}
