package dev.sluice.bench.report;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;

/** What was measured, for programs: the values as they are, and a version of their schema. */
public final class Json {

    /** Grows when a field's meaning changes or a field goes; fields may be added. */
    public static final int SCHEMA = 1;

    private static final Gson GSON = new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();

    private Json() {}

    /**
     * A document.
     *
     * @param tool  name and version of the program
     * @param value records all the way down
     * @return JSON
     */
    public static String of(String tool, Object value) {
        JsonObject document = new JsonObject();
        document.addProperty("schema", SCHEMA);
        document.addProperty("tool", tool);
        for (var field : GSON.toJsonTree(value).getAsJsonObject().entrySet()) {
            document.add(field.getKey(), field.getValue());
        }
        return GSON.toJson((JsonElement) document) + "\n";
    }
}
