package dev.sluice.program.service;

import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiConsumer;

/**
 * Lines of a {@link Journal} that are written together, with the number of lines of each author. It has all its memory from the beginning:
 * to take a line never means to wait for the garbage collector. Belongs to its holder.
 */
final class Batch {

    private final ByteBuffer bytes;
    private final Map<Journal.Author, int[]> authors = new LinkedHashMap<>();

    /** The author of the last line and its count: the next line mostly has the same author. */
    private Journal.Author last;
    private int[] count;

    /** A batch for so many bytes, line ends included. */
    Batch(int capacity) {
        bytes = ByteBuffer.allocateDirect(capacity);
    }

    /** Takes a line and ends it; false if there is no room, and the batch is as it was. */
    boolean add(Journal.Author author, ByteBuffer line) {
        if (line.remaining() >= bytes.capacity()) {
            throw new IllegalArgumentException("a line of " + line.remaining() + " bytes has room in no batch");
        }
        if (line.remaining() >= bytes.remaining()) {
            return false;
        }
        if (author != last) {
            count = authors.computeIfAbsent(author, a -> new int[1]); // first: it needs memory
            last = author;
        }
        count[0]++;
        bytes.put(line).put((byte) '\n');
        return true;
    }

    boolean isEmpty() {
        return authors.isEmpty();
    }

    /** All lines, to be written; nothing is added after this. */
    ByteBuffer bytes() {
        return bytes.flip();
    }

    void forEachAuthor(BiConsumer<Journal.Author, Integer> told) {
        authors.forEach((author, lines) -> told.accept(author, lines[0]));
    }

    /** Forgets the lines and keeps the memory. */
    void clear() {
        bytes.clear();
        authors.clear();
        last = null;
    }
}
