package dev.sluice.program.service;

import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiConsumer;

/** Lines of a {@link Journal} that are written together, and how many of them are whose. Belongs to who holds it. */
final class Batch {

    private ByteBuffer bytes = ByteBuffer.allocateDirect(64 << 10);
    private final Map<Journal.Author, int[]> authors = new LinkedHashMap<>();

    /** Whose line the last one was, and how many are his: the next is mostly his, too. */
    private Journal.Author last;
    private int[] count;

    /** Takes a line, and ends it. */
    void add(Journal.Author author, ByteBuffer line) {
        if (bytes.remaining() <= line.remaining()) {
            int needed = bytes.position() + line.remaining() + 1;
            bytes = ByteBuffer.allocateDirect(Math.max(2 * bytes.capacity(), needed)).put(bytes.flip());
        }
        bytes.put(line).put((byte) '\n');
        if (author != last) {
            last = author;
            count = authors.computeIfAbsent(author, a -> new int[1]);
        }
        count[0]++;
    }

    /** In bytes. */
    int length() {
        return bytes.position();
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

    /** Forgets the lines, and keeps the memory. */
    void clear() {
        bytes.clear();
        authors.clear();
        last = null;
    }
}
