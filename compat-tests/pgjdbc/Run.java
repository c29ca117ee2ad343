import java.io.ByteArrayOutputStream;
import java.io.StringReader;
import java.math.BigDecimal;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Types;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.UUID;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.util.PSQLException;

/** pgjdbc: prepared statements that are named, and in binary, from their fifth use on. */
public class Run extends Cases {
    static final List<Connection> opened = new ArrayList<>();

    static Connection connect(String... options) throws SQLException {
        String host = System.getenv("PGHOST") + ":" + System.getenv("PGPORT");
        Properties properties = new Properties();
        properties.setProperty("user", System.getenv("PGUSER"));
        properties.setProperty("sslmode", "disable");
        for (int at = 0; at < options.length; at += 2) properties.setProperty(options[at], options[at + 1]);
        Connection c = DriverManager.getConnection("jdbc:postgresql://" + host + "/" + System.getenv("PGDATABASE"), properties);
        opened.add(c);
        return c;
    }

    static void run(Connection c, String sql) throws SQLException {
        try (Statement s = c.createStatement()) {
            s.execute(sql);
        }
    }

    static Object one(Connection c, String sql, Object... values) throws SQLException {
        try (PreparedStatement p = c.prepareStatement(sql)) {
            for (int at = 0; at < values.length; at++) p.setObject(at + 1, values[at]);
            try (ResultSet r = p.executeQuery()) {
                r.next();
                return r.getObject(1);
            }
        }
    }

    static void connectOptions() throws Exception {
        Connection c = connect("ApplicationName", "pgjdbc case", "options", "-c statement_timeout=5000", "assumeMinServerVersion", "9.0");
        equal(one(c, "SHOW application_name"), "pgjdbc case");
        equal(one(c, "SHOW statement_timeout"), "5s");
        equal(c.getMetaData().getDatabaseMajorVersion(), 15);
        equal(c.isValid(5), true);
    }

    static void values() throws Exception {
        Connection c = connect();
        // Text at first, binary later.
        for (int round = 0; round < 8; round++) {
            equal(one(c, "SELECT ?::int", 42), 42);
            equal(one(c, "SELECT ?::bigint", 1L << 62), 1L << 62);
            equal(one(c, "SELECT ?::text", "é日本\n'\\"), "é日本\n'\\");
            equal(one(c, "SELECT ?::numeric", new BigDecimal("-0.00012300")), new BigDecimal("-0.00012300"));
            equal(one(c, "SELECT ?::float8", 1e300), 1e300);
            equal(one(c, "SELECT ?::boolean", true), true);
            equal(one(c, "SELECT ?::bytea", new byte[] {0, -1, 1}), new byte[] {0, -1, 1});
            UUID uuid = UUID.fromString("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
            equal(one(c, "SELECT ?::uuid", uuid), uuid);
            equal(one(c, "SELECT ?::date", LocalDate.of(1999, 12, 31)).toString(), "1999-12-31");
            try (PreparedStatement p = c.prepareStatement("SELECT ?::timestamptz, ?::time, ?::text")) {
                OffsetDateTime moment = OffsetDateTime.parse("2024-02-29T12:34:56.789Z");
                p.setObject(1, moment);
                p.setObject(2, java.time.LocalTime.of(10, 30));
                p.setNull(3, Types.VARCHAR);
                ResultSet r = p.executeQuery();
                r.next();
                equal(r.getObject(1, OffsetDateTime.class).toInstant(), moment.toInstant());
                equal(r.getObject(2, java.time.LocalTime.class), java.time.LocalTime.of(10, 30));
                equal(r.getString(3), null);
            }
        }
    }

    static void arrays() throws Exception {
        Connection c = connect();
        for (int round = 0; round < 8; round++) {
            try (PreparedStatement p = c.prepareStatement("SELECT ?::int[], ?::text[]")) {
                p.setArray(1, c.createArrayOf("int4", new Object[] {1, null, 3}));
                p.setArray(2, c.createArrayOf("text", new Object[] {"a", "b\"c", null, ""}));
                ResultSet r = p.executeQuery();
                r.next();
                equal(r.getArray(1).getArray(), new Integer[] {1, null, 3});
                equal(r.getArray(2).getArray(), new String[] {"a", "b\"c", null, ""});
            }
        }
    }

    static void transactions() throws Exception {
        Connection c = connect();
        run(c, "CREATE TABLE jt (a int PRIMARY KEY)");
        c.setAutoCommit(false);
        c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
        run(c, "INSERT INTO jt VALUES (1)");
        Savepoint savepoint = c.setSavepoint("s");
        try {
            run(c, "INSERT INTO jt VALUES (1)");
            throw new AssertionError("no error");
        } catch (PSQLException error) {
            equal(error.getSQLState(), "23505");
            equal(error.getServerErrorMessage().getConstraint(), "jt_pkey");
            equal(error.getServerErrorMessage().getTable(), "jt");
            equal(error.getServerErrorMessage().getDetail(), "Key (a)=(1) already exists.");
            c.rollback(savepoint);
        }
        run(c, "INSERT INTO jt VALUES (2)");
        c.commit();
        run(c, "INSERT INTO jt VALUES (3)");
        c.rollback();
        c.setAutoCommit(true);
        equal(one(c, "SELECT count(*) FROM jt"), 2L);
        c.setReadOnly(true);
        c.setAutoCommit(false);
        try {
            run(c, "INSERT INTO jt VALUES (4)");
            throw new AssertionError("no error");
        } catch (SQLException error) {
            equal(error.getSQLState(), "25006");
        }
    }

    static void batches() throws Exception {
        Connection c = connect();
        run(c, "CREATE TABLE jb (a int PRIMARY KEY, b text)");
        try (PreparedStatement p = c.prepareStatement("INSERT INTO jb VALUES (?, ?)")) {
            for (int row = 0; row < 500; row++) {
                p.setInt(1, row);
                p.setString(2, "row " + row);
                p.addBatch();
            }
            equal(Arrays.stream(p.executeBatch()).sum(), 500);
            p.setInt(1, 7);
            p.setString(2, "again");
            p.addBatch();
            try {
                p.executeBatch();
                throw new AssertionError("no error");
            } catch (BatchUpdateException error) {
                equal(error.getSQLState(), "23505");
            }
        }
        Connection rewriting = connect("reWriteBatchedInserts", "true");
        try (PreparedStatement p = rewriting.prepareStatement("INSERT INTO jb VALUES (?, ?)")) {
            for (int row = 1000; row < 1300; row++) {
                p.setInt(1, row);
                p.setString(2, "row");
                p.addBatch();
            }
            p.executeBatch();
        }
        equal(one(c, "SELECT count(*) FROM jb"), 800L);
    }

    static void generatedKeys() throws Exception {
        Connection c = connect();
        run(c, "CREATE TABLE jg (id serial PRIMARY KEY, a text)");
        try (PreparedStatement p = c.prepareStatement("INSERT INTO jg (a) VALUES (?)", Statement.RETURN_GENERATED_KEYS)) {
            for (int row = 1; row <= 8; row++) {
                p.setString(1, "x");
                p.executeUpdate();
                ResultSet keys = p.getGeneratedKeys();
                keys.next();
                equal(keys.getInt("id"), row);
            }
        }
    }

    static void fetchSize() throws Exception {
        Connection c = connect();
        c.setAutoCommit(false);
        try (PreparedStatement p = c.prepareStatement("SELECT g FROM generate_series(1, ?::int) g")) {
            p.setFetchSize(100);
            p.setInt(1, 1000);
            ResultSet r = p.executeQuery();
            long sum = 0;
            while (r.next()) sum += r.getInt(1);
            equal(sum, 500500L);
        }
        try (Statement s = c.createStatement()) {
            s.setMaxRows(7);
            ResultSet r = s.executeQuery("SELECT g FROM generate_series(1, 1000) g");
            int rows = 0;
            while (r.next()) rows++;
            equal(rows, 7);
        }
        c.commit();
    }

    static void severalResults() throws Exception {
        try (Statement s = connect().createStatement()) {
            equal(s.execute("SELECT 1; SELECT 2"), true);
            equal(s.getMoreResults(), true);
            ResultSet r = s.getResultSet();
            r.next();
            equal(r.getInt(1), 2);
        }
    }

    static void copy() throws Exception {
        Connection c = connect();
        run(c, "CREATE TABLE jc (a int, b text)");
        var copying = c.unwrap(PGConnection.class).getCopyAPI();
        equal(copying.copyIn("COPY jc FROM STDIN (FORMAT csv)", new StringReader("1,one\n2,\"a,b\"\n3,\n")), 3L);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        equal(copying.copyOut("COPY jc TO STDOUT", out), 3L);
        equal(out.toString(), "1\tone\n2\ta,b\n3\t\\N\n");
    }

    static void cancelAndTimeout() throws Exception {
        Connection c = connect();
        try (Statement s = c.createStatement()) {
            s.setQueryTimeout(1);
            s.execute("SELECT count(*) FROM generate_series(1, 1000000000)");
            throw new AssertionError("not cancelled");
        } catch (SQLException error) {
            equal(error.getSQLState(), "57014");
        }
        equal(one(c, "SELECT 1"), 1);
    }

    static void notices() throws Exception {
        try (Statement s = connect().createStatement()) {
            s.execute("DROP TABLE IF EXISTS jnone");
            equal(s.getWarnings().getMessage(), "table \"jnone\" does not exist, skipping");
        }
    }

    static void notifications() throws Exception {
        Connection listener = connect();
        run(listener, "LISTEN jchan");
        run(connect(), "NOTIFY jchan, 'hello'");
        PGNotification[] heard = listener.unwrap(PGConnection.class).getNotifications(5000);
        equal(heard.length, 1);
        equal(heard[0].getParameter(), "hello");
    }

    static void advisoryLocks() throws Exception {
        Connection a = connect();
        Connection b = connect();
        run(a, "SELECT pg_advisory_lock(77431708279161)");
        equal(one(b, "SELECT pg_try_advisory_lock(?)", 77431708279161L), false);
        equal(one(a, "SELECT pg_advisory_unlock(?)", 77431708279161L), true);
        equal(one(b, "SELECT pg_try_advisory_lock(?)", 77431708279161L), true);
    }

    static void metadata() throws Exception {
        Connection c = connect();
        run(c, "CREATE TABLE jm (id int PRIMARY KEY, name varchar(20) NOT NULL)");
        run(c, "CREATE TABLE jn (jm_id int CONSTRAINT points REFERENCES jm)");
        DatabaseMetaData of = c.getMetaData();
        ResultSet r = of.getTables(null, "public", "jm", new String[] {"TABLE"});
        equal(r.next(), true);
        equal(r.getString("TABLE_NAME"), "jm");
        r = of.getColumns(null, "public", "jm", null);
        List<String> columns = new ArrayList<>();
        while (r.next()) columns.add(r.getString("COLUMN_NAME") + " " + r.getString("TYPE_NAME") + " " + r.getInt("COLUMN_SIZE"));
        equal(columns, List.of("id int4 10", "name varchar 20"));
        r = of.getPrimaryKeys(null, "public", "jm");
        equal(r.next(), true);
        equal(r.getString("COLUMN_NAME"), "id");
        r = of.getImportedKeys(null, "public", "jn");
        equal(r.next(), true);
        equal(r.getString("FK_NAME"), "points");
        r = of.getIndexInfo(null, "public", "jm", true, false);
        equal(r.next(), true);
        equal(r.getString("INDEX_NAME"), "jm_pkey");
    }

    static void targetServerType() throws Exception {
        String hosts = System.getenv("EIDER_HOSTS");
        boolean several = hosts.contains(",");
        for (String type : List.of("primary", "master", "preferPrimary", "secondary", "preferSecondary")) {
            String target = "jdbc:postgresql://" + hosts + "/" + System.getenv("PGDATABASE") + "?sslmode=disable&targetServerType=" + type;
            boolean second = type.toLowerCase().contains("secondary");
            try {
                Connection c = DriverManager.getConnection(target, System.getenv("PGUSER"), "");
                opened.add(c);
                equal(type + one(c, "SHOW in_hot_standby"), type + (second && several ? "on" : "off"));
            } catch (PSQLException error) {
                if (several || !type.equals("secondary")) throw error;
            }
        }
    }

    static void largeValue() throws Exception {
        String value = "x".repeat(5_000_000);
        equal(one(connect(), "SELECT ?::text", value), value);
    }

    static void play(String name, Case run) {
        Cases.play(name, run);
        for (Connection c : opened) {
            try {
                c.close();
            } catch (SQLException error) {
                // It may be broken already.
            }
        }
        opened.clear();
    }

    public static void main(String[] arguments) {
        play("connect", Run::connectOptions);
        play("values", Run::values);
        play("arrays", Run::arrays);
        play("transactions", Run::transactions);
        play("batches", Run::batches);
        play("generated_keys", Run::generatedKeys);
        play("fetch_size", Run::fetchSize);
        play("several_results", Run::severalResults);
        play("copy", Run::copy);
        play("cancel_and_timeout", Run::cancelAndTimeout);
        play("notices", Run::notices);
        play("notify", Run::notifications);
        play("advisory_locks", Run::advisoryLocks);
        play("metadata", Run::metadata);
        play("target_server_type", Run::targetServerType);
        play("large_value", Run::largeValue);
        System.exit(0);
    }
}
