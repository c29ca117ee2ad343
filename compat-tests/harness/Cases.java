import java.util.Objects;

/** What the programs of Java's clients share: they extend it. */
class Cases {
    static final String URL = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/"
        + System.getenv("PGDATABASE") + "?sslmode=disable";

    interface Case {
        void run() throws Exception;
    }

    static void equal(Object got, Object expected) {
        if (!Objects.deepEquals(got, expected)) throw new AssertionError(got + " instead of " + expected);
    }

    static void play(String name, Case run) {
        try {
            run.run();
            System.out.println("case " + name + " ok");
        } catch (Throwable error) {
            Throwable cause = error;
            while (cause.getCause() != null) cause = cause.getCause();
            System.out.println("case " + name + " failed " + (cause.toString()).replaceAll("\\s+", " "));
        }
    }
}
