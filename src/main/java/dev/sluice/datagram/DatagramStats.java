package dev.sluice.datagram;

/**
 * The counters of an endpoint, since its start. Two sums hold:
 * {@code received = handled + truncated + from self + failed by the handler}, and
 * {@code offered = sent + queued + dropped + failed}. A snapshot of a busy endpoint may be late, and never shows an effect without
 * its cause: nothing in it is negative. Datagrams that the kernel drops for want of room are not counted here, but in
 * {@code RcvbufErrors} of {@code /proc/net/snmp}.
 *
 * @param received        datagrams received
 * @param receivedBytes   their bytes
 * @param truncated       those that were longer than {@link DatagramOptions#maxSize}, and not handled
 * @param fromSelf        those that came from the endpoint's own address and port, and were not handled
 * @param handlerFailures those at which the handler threw
 * @param receiveFailures receive calls that failed
 * @param offered         datagrams given to {@code send}
 * @param sent            those that the kernel took, empty ones included; whether they arrive is not known
 * @param sentBytes       their bytes
 * @param queued          those that wait, or are just being sent
 * @param dropped         those for which there was no room in the queue or no memory, or that were offered after the close or still
 *                        queued then
 * @param failed          those that the kernel refused: too long, no route, an address of another family
 */
public record DatagramStats(
        long received,
        long receivedBytes,
        long truncated,
        long fromSelf,
        long handlerFailures,
        long receiveFailures,
        long offered,
        long sent,
        long sentBytes,
        long queued,
        long dropped,
        long failed) {}
