package dev.sluice.program.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every byte of an answer tells whose it is, and where it belongs. */
class ContentTest {

    private static ByteBuffer copy(ByteBuffer from) {
        return ByteBuffer.allocate(from.remaining()).put(from).flip();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 64, 65_521, 65_536, 1 << 20})
    void answerMatchesHoweverItIsCut(int size) {
        Content content = new Content(size, Expect.ECHO);
        for (long offset : new long[] {0, 1, 65_520, 65_521, 10_000_000_019L}) {
            byte[] answer = copy(content.request(offset, size)).array();
            assertTrue(content.matches(ByteBuffer.wrap(answer), offset));
            for (int cut : new int[] {1, size / 3, size - 1}) {
                if (cut > 0 && cut < size) {
                    assertTrue(content.matches(ByteBuffer.wrap(answer, 0, cut), offset));
                    assertTrue(content.matches(ByteBuffer.wrap(answer, cut, size - cut), offset + cut));
                }
            }
        }
    }

    @Test
    void oneWrongByteIsSeenWhereverItStands() {
        int size = 200_000;
        Content content = new Content(size, Expect.ECHO);
        byte[] answer = copy(content.request(7, size)).array();
        for (int at : new int[] {0, 1, 65_520, 65_521, 131_041, size - 1}) {
            answer[at] ^= 1;
            assertFalse(content.matches(ByteBuffer.wrap(answer), 7), "at " + at);
            answer[at] ^= 1;
        }
        assertTrue(content.matches(ByteBuffer.wrap(answer), 7));
    }

    @Test
    void anotherRequestsOrConnectionsAnswerIsWrong() {
        Content content = new Content(64, Expect.ECHO);
        ByteBuffer first = copy(content.request(Content.start(0), 64));
        assertFalse(content.matches(first.duplicate(), Content.start(0) + 64));
        assertFalse(content.matches(first.duplicate(), Content.start(1)));
        assertNotEquals(first, copy(content.request(64, 64)));
    }

    @Test
    void upperIsWhatTheServiceMakesOfIt() {
        Content content = new Content(64, Expect.UPPER);
        ByteBuffer sent = copy(content.request(0, 64));
        assertFalse(content.matches(sent.duplicate(), 0));
        for (int i = 0; i < 64; i++) {
            assertEquals(sent.get(i) & ~32, Expect.UPPER.answerTo(sent.get(i)));
            sent.put(i, Expect.UPPER.answerTo(sent.get(i)));
        }
        assertTrue(content.matches(sent, 0));
    }
}
