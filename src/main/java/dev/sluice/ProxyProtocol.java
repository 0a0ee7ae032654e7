package dev.sluice;

import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * The PROXY protocol on a {@link Listener}: which sources are proxies, and have to send a {@link ProxyHeader} first. The source alone
 * decides; nobody guesses from the first bytes whether they are a header. An immutable value: a method that changes a setting returns a
 * copy.
 */
public final class ProxyProtocol {

    /** What becomes of a connection from a source that is not trusted. */
    public enum Others {
        /** It is closed at once: {@link ProxyHeader.Fault#UNTRUSTED}. */
        REFUSE,
        /** It is a client that came directly; its first bytes go to the handler, whatever they are. */
        SERVE
    }

    /** The source that stands for every peer of a Unix socket. */
    private static final String UNIX = "unix";

    private static final Duration LONGEST = Duration.ofDays(1);

    private final List<AddressRange> ranges;
    private final boolean trustsUnix;
    private final Duration timeout;
    private final Others others;

    private ProxyProtocol(List<AddressRange> ranges, boolean trustsUnix, Duration timeout, Others others) {
        this.ranges = ranges;
        this.trustsUnix = trustsUnix;
        this.timeout = timeout;
        this.others = others;
    }

    /**
     * Trusts some sources. There is no default: a peer whose header is believed chooses the address that it is known by.
     *
     * @param sources at least one {@linkplain AddressRange range of addresses}, such as {@code 10.0.0.0/8}; or {@code unix}, for every
     *     peer of a Unix socket
     * @return a setting with a time-out of 5 seconds, that refuses others
     * @throws IllegalArgumentException if there is none, or one is no range; the message quotes it
     */
    public static ProxyProtocol from(String... sources) {
        return from(List.of(sources));
    }

    /**
     * Trusts some sources.
     *
     * @param sources as for {@link #from(String...)}
     * @return a setting with a time-out of 5 seconds, that refuses others
     * @throws IllegalArgumentException if there is none, or one is no range; the message quotes it
     */
    public static ProxyProtocol from(List<String> sources) {
        if (sources.isEmpty()) {
            throw new IllegalArgumentException("the PROXY protocol needs a source that is trusted");
        }
        List<AddressRange> ranges = new ArrayList<>();
        for (String source : sources) {
            if (!source.equals(UNIX)) {
                ranges.add(AddressRange.of(source));
            }
        }
        return new ProxyProtocol(List.copyOf(ranges), ranges.size() < sources.size(), Duration.ofSeconds(5), Others.REFUSE);
    }

    /**
     * Changes {@link #timeout}.
     *
     * @param time from 1 ms to a day
     * @return a copy with this setting
     * @throws InvalidOption outside this range
     */
    public ProxyProtocol withTimeout(Duration time) {
        return new ProxyProtocol(ranges, trustsUnix, InvalidOption.within("proxyTimeout", time, Duration.ofMillis(1), LONGEST), others);
    }

    /**
     * Changes {@link #others}.
     *
     * @param what becomes of them
     * @return a copy with this setting
     */
    public ProxyProtocol withOthers(Others what) {
        return new ProxyProtocol(ranges, trustsUnix, timeout, Objects.requireNonNull(what, "others"));
    }

    /**
     * Whether a peer is a proxy.
     *
     * @param peer of an accepted socket
     * @return true if one of the sources is its
     */
    public boolean trusts(SocketAddress peer) {
        if (peer instanceof InetSocketAddress address && !address.isUnresolved()) {
            return ranges.stream().anyMatch(range -> range.contains(address.getAddress()));
        }
        return trustsUnix && peer instanceof UnixDomainSocketAddress;
    }

    /**
     * The sources that are trusted.
     *
     * @return each as {@link #from(List)} reads it
     */
    public List<String> sources() {
        List<String> sources = new ArrayList<>(ranges.stream().map(AddressRange::toString).toList());
        if (trustsUnix) {
            sources.add(UNIX);
        }
        return List.copyOf(sources);
    }

    /**
     * How long a header may take from the moment the connection is accepted. Default: 5 seconds; the specification asks for at least 3,
     * for a segment that is lost once.
     *
     * @return a time above zero
     */
    public Duration timeout() {
        return timeout;
    }

    /**
     * What becomes of a connection from another source. Default: {@link Others#REFUSE}.
     *
     * @return what becomes of it
     */
    public Others others() {
        return others;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ProxyProtocol setting
                && ranges.equals(setting.ranges)
                && trustsUnix == setting.trustsUnix
                && timeout.equals(setting.timeout)
                && others == setting.others;
    }

    @Override
    public int hashCode() {
        return Objects.hash(ranges, trustsUnix, timeout, others);
    }

    @Override
    public String toString() {
        return "ProxyProtocol[from=" + sources() + ", timeout=" + timeout + ", others=" + others + "]";
    }
}
