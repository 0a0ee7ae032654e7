package dev.sluice.program.cli;

import java.util.Collection;

/** Did you mean: the known word that is at most two edits away. */
final class Closest {

    private static final int EDITS = 2;

    private Closest() {}

    /** A question to append to a complaint, or nothing. */
    static String hint(String word, Collection<String> known) {
        String closest = null;
        int least = EDITS + 1;
        for (String each : known) {
            int edits = edits(word, each);
            // a word that shares no letter with a short one is not meant
            if (edits < least && edits < Math.max(word.length(), each.length()) - 1) {
                least = edits;
                closest = each;
            }
        }
        return closest == null ? "" : "; did you mean '" + closest + "'?";
    }

    /** Levenshtein's distance, row by row. */
    static int edits(String from, String to) {
        int[] row = new int[to.length() + 1];
        for (int column = 0; column < row.length; column++) {
            row[column] = column;
        }
        for (int i = 1; i <= from.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j < row.length; j++) {
                int replaced = diagonal + (from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[to.length()];
    }
}
