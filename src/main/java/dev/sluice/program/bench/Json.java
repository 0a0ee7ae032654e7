package dev.sluice.program.bench;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.Map;

/** Values as JSON, for programs that read a report, and for the lines that the processes of a comparison exchange. */
public final class Json {

    /** Grows when a field's meaning changes or a field goes; fields may be added. */
    public static final int SCHEMA = 1;

    private static final Gson PRETTY = new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();
    private static final Gson LINE = new GsonBuilder().disableHtmlEscaping().create();

    private Json() {}

    /**
     * A document: the version of its schema, the program that wrote it, then the value's fields.
     *
     * @param tool  name and version of the program
     * @param value records all the way down
     * @return JSON
     */
    public static String document(String tool, Object value) {
        JsonObject document = new JsonObject();
        document.addProperty("schema", SCHEMA);
        document.addProperty("tool", tool);
        for (Map.Entry<String, JsonElement> field : PRETTY.toJsonTree(value).getAsJsonObject().entrySet()) {
            document.add(field.getKey(), field.getValue());
        }
        return PRETTY.toJson((JsonElement) document) + "\n";
    }

    /**
     * A value on one line.
     *
     * @param value records, lists and maps
     * @return JSON
     */
    public static String line(Object value) {
        return LINE.toJson(value);
    }

    /**
     * Reads a line that {@link #line} wrote.
     *
     * @param <T>  the value's type
     * @param line JSON
     * @param type the value's
     * @return the value
     */
    public static <T> T read(String line, Class<T> type) {
        return LINE.fromJson(line, type);
    }
}
