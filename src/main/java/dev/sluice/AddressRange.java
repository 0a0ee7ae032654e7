package dev.sluice;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;

/**
 * A range of IP addresses in CIDR notation, such as {@code 10.0.0.0/8}, {@code fd00::/8} or, for one address, {@code 192.0.2.1}. An
 * immutable value. Nothing here asks a name server.
 *
 * <p>An IPv4 address that is written as IPv6 ({@code ::ffff:10.0.0.1}) is the IPv4 address. So {@code ::ffff:10.0.0.0/104} is
 * {@code 10.0.0.0/8}. A range of IPv6 addresses holds no IPv4 address, not even {@code ::/0}.
 */
public final class AddressRange {

    /** The bits in front of an IPv4 address that is written as IPv6. */
    private static final int MAPPED_BITS = 96;

    private final InetAddress first;
    private final int prefix;

    private AddressRange(InetAddress first, int prefix) {
        this.first = first;
        this.prefix = prefix;
    }

    /**
     * Reads a range.
     *
     * @param text an address, and after a slash the number of its bits that count; all of them without it
     * @return the range
     * @throws IllegalArgumentException if it is none, or has bits behind those that count; the message quotes it
     */
    public static AddressRange of(String text) {
        int slash = text.indexOf('/');
        String address = slash < 0 ? text : text.substring(0, slash);
        InetAddress first = address(text, address);
        int bits = first.getAddress().length * 8;
        boolean isMapped = bits == 32 && address.contains(":");
        int written = slash < 0 ? (isMapped ? 128 : bits) : number(text, text.substring(slash + 1), 128);
        int prefix = isMapped ? written - MAPPED_BITS : written;
        if (prefix < 0 || prefix > bits) {
            throw new IllegalArgumentException("'" + text + "' is no range of addresses: its prefix is out of range");
        }
        if (!Arrays.equals(first.getAddress(), masked(first.getAddress(), prefix))) {
            throw new IllegalArgumentException("'" + text + "' is no range of addresses: it has bits behind its prefix");
        }
        return new AddressRange(first, prefix);
    }

    /**
     * Reads an address, and accepts nothing that is written in another way than RFC 4291 has it: no name, no zone, no leading zero in an
     * IPv4 address, and none with fewer than four numbers.
     *
     * @param text such as {@code 192.0.2.1}, {@code 2001:db8::1} or {@code ::ffff:192.0.2.1}
     * @return the address; an IPv4 address for the last of these
     * @throws IllegalArgumentException if it is none; the message quotes it
     */
    public static InetAddress literal(String text) {
        return address(text, text);
    }

    private static InetAddress address(String whole, String text) {
        byte[] bytes = text.contains(":") ? ipv6(whole, text) : ipv4(whole, text);
        try {
            return InetAddress.getByAddress(bytes);
        } catch (UnknownHostException e) {
            throw new AssertionError("4 and 16 are lengths of addresses", e);
        }
    }

    private static byte[] ipv4(String whole, String text) {
        String[] numbers = text.split("\\.", -1);
        if (numbers.length != 4) {
            throw noAddress(whole);
        }
        byte[] bytes = new byte[4];
        for (int i = 0; i < 4; i++) {
            bytes[i] = (byte) number(whole, numbers[i], 255);
        }
        return bytes;
    }

    /** The groups before the double colon go to the front, those behind it to the end, and zeros stand between. */
    private static byte[] ipv6(String whole, String text) {
        int gap = text.indexOf("::");
        byte[] head = groups(whole, gap < 0 ? text : text.substring(0, gap), gap < 0);
        byte[] tail = gap < 0 ? new byte[0] : groups(whole, text.substring(gap + 2), true);
        int zeros = 16 - head.length - tail.length;
        if (gap < 0 ? zeros != 0 : zeros < 2) {
            throw noAddress(whole);
        }
        byte[] bytes = Arrays.copyOf(head, 16);
        System.arraycopy(tail, 0, bytes, 16 - tail.length, tail.length);
        return bytes;
    }

    private static byte[] groups(String whole, String text, boolean mayEndInIpv4) {
        if (text.isEmpty()) {
            return new byte[0];
        }
        String[] groups = text.split(":", -1);
        byte[] bytes = new byte[groups.length * 2 + 2];
        int length = 0;
        for (int i = 0; i < groups.length; i++) {
            if (mayEndInIpv4 && i == groups.length - 1 && groups[i].contains(".")) {
                System.arraycopy(ipv4(whole, groups[i]), 0, bytes, length, 4);
                return Arrays.copyOf(bytes, length + 4);
            }
            int value = hexadecimal(whole, groups[i]);
            bytes[length++] = (byte) (value >> 8);
            bytes[length++] = (byte) value;
        }
        return Arrays.copyOf(bytes, length);
    }

    private static int hexadecimal(String whole, String group) {
        int value = group.isEmpty() || group.length() > 4 ? -1 : 0;
        for (int i = 0; i < group.length() && value >= 0; i++) {
            int digit = group.charAt(i) < 128 ? Character.digit(group.charAt(i), 16) : -1;
            value = digit < 0 ? -1 : value * 16 + digit;
        }
        if (value < 0) {
            throw noAddress(whole);
        }
        return value;
    }

    /** A decimal number without leading zeros: some programs read those as octal. */
    private static int number(String whole, String digits, int most) {
        int value = digits.isEmpty() || digits.length() > 3 || digits.length() > 1 && digits.startsWith("0") ? -1 : 0;
        for (int i = 0; i < digits.length() && value >= 0; i++) {
            char c = digits.charAt(i);
            value = c < '0' || c > '9' ? -1 : value * 10 + c - '0';
        }
        if (value < 0 || value > most) {
            throw noAddress(whole);
        }
        return value;
    }

    private static IllegalArgumentException noAddress(String text) {
        return new IllegalArgumentException("'" + text + "' is no IP address, such as 192.0.2.1, or range of them, such as 10.0.0.0/8");
    }

    private static byte[] masked(byte[] address, int prefix) {
        byte[] masked = address.clone();
        for (int bit = prefix; bit < address.length * 8; bit++) {
            masked[bit / 8] = (byte) (masked[bit / 8] & ~(0x80 >> bit % 8));
        }
        return masked;
    }

    /**
     * Whether an address is in the range.
     *
     * @param address IPv4 or IPv6; its zone does not count
     * @return true if it has the same bits up to the prefix
     */
    public boolean contains(InetAddress address) {
        return Arrays.equals(first.getAddress(), masked(address.getAddress(), prefix(address)));
    }

    private int prefix(InetAddress address) {
        return Math.min(prefix, address.getAddress().length * 8);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof AddressRange range && first.equals(range.first) && prefix == range.prefix;
    }

    @Override
    public int hashCode() {
        return 31 * first.hashCode() + prefix;
    }

    @Override
    public String toString() {
        String text = first instanceof Inet6Address ? first.getHostAddress().split("%")[0] : first.getHostAddress();
        return text + "/" + prefix;
    }
}
