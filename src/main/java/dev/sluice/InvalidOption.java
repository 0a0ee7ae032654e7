package dev.sluice;

import java.io.Serializable;
import java.time.Duration;
import java.util.Objects;
import java.util.function.UnaryOperator;

/** An option was given a value outside its range. The message names the option, its range and the value. */
public final class InvalidOption extends IllegalArgumentException {

    private static final long serialVersionUID = 1;

    private final String option;
    private final String range;
    private final String other;
    private final Serializable value;

    /**
     * The range is fixed.
     *
     * @param option its name, as its accessor is called
     * @param range  what follows "must be", such as "between 1 and 65535"
     * @param value  was given
     */
    public InvalidOption(String option, String range, Serializable value) {
        this(option, range, "", value);
    }

    /**
     * The range depends on another option.
     *
     * @param option its name, as its accessor is called
     * @param range  what follows "must be", with %s where the other option's name belongs, such as "at most %s (1024)"
     * @param other  the other option's name
     * @param value  was given
     */
    public InvalidOption(String option, String range, String other, Serializable value) {
        super(message(option, range.formatted(other), value));
        this.option = option;
        this.range = range;
        this.other = other;
        this.value = value;
    }

    /**
     * Checks a value.
     *
     * @param <T>    its type
     * @param option its name, as its accessor is called
     * @param value  was given
     * @param least  is allowed
     * @param most   is allowed
     * @return the value
     * @throws InvalidOption        if it is less than the least, or more than the most
     * @throws NullPointerException naming the option, if the value is null
     */
    public static <T extends Comparable<T> & Serializable> T within(String option, T value, T least, T most) {
        Objects.requireNonNull(value, option);
        if (value.compareTo(least) < 0 || value.compareTo(most) > 0) {
            throw new InvalidOption(option, "between " + text(least) + " and " + text(most), value);
        }
        return value;
    }

    private static String text(Object bound) {
        if (!(bound instanceof Duration duration)) {
            return bound.toString();
        }
        return duration.isZero() ? "0" : duration.toDays() > 0 ? duration.toDays() + " days" : duration.toSeconds() + " second";
    }

    private static String message(String option, String range, Object value) {
        return option + " must be " + range + ", was " + value;
    }

    /**
     * The option's name.
     *
     * @return as its accessor is called, such as {@code lowWater}
     */
    public String option() {
        return option;
    }

    /**
     * The values that are allowed.
     *
     * @return a few words, such as "between 1 and 65535"
     */
    public String range() {
        return range.formatted(other);
    }

    /**
     * The value that was given.
     *
     * @return a number or a duration
     */
    public Serializable value() {
        return value;
    }

    /**
     * The message, for a program whose users know the options by other names.
     *
     * @param names turns an option's name into the user's, such as {@code lowWater} into {@code --low-water}; is asked for each
     *     option that the message names
     * @return the message with those names
     */
    public String message(UnaryOperator<String> names) {
        return message(names.apply(option), range.formatted(other.isEmpty() ? other : names.apply(other)), value);
    }
}
