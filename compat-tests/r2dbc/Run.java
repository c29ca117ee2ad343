import io.r2dbc.pool.ConnectionPool;
import io.r2dbc.pool.ConnectionPoolConfiguration;
import io.r2dbc.postgresql.PostgresqlConnectionConfiguration;
import io.r2dbc.postgresql.PostgresqlConnectionFactory;
import io.r2dbc.postgresql.api.ErrorDetails;
import io.r2dbc.postgresql.api.Notification;
import io.r2dbc.postgresql.api.PostgresqlConnection;
import io.r2dbc.postgresql.api.PostgresqlException;
import io.r2dbc.postgresql.api.PostgresqlStatement;
import io.r2dbc.postgresql.MultiHostConnectionStrategy;
import io.r2dbc.postgresql.client.SSLMode;
import io.r2dbc.postgresql.codec.EnumCodec;
import io.r2dbc.postgresql.codec.Json;
import io.r2dbc.spi.IsolationLevel;
import io.r2dbc.spi.Result;
import io.r2dbc.spi.Row;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;
import io.netty.buffer.Unpooled;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** R2DBC: everything by the extended protocol in binary, with back pressure, without a thread that waits. */
public class Run extends Cases {
    enum Stage { open, paid }

    static final Duration PATIENCE = Duration.ofSeconds(20);

    static PostgresqlConnectionConfiguration.Builder options() {
        return PostgresqlConnectionConfiguration.builder().host(System.getenv("PGHOST")).port(Integer.parseInt(System.getenv("PGPORT")))
            .username(System.getenv("PGUSER")).password("any").database(System.getenv("PGDATABASE")).sslMode(SSLMode.DISABLE);
    }

    static PostgresqlConnection open(PostgresqlConnectionConfiguration.Builder options) {
        return new PostgresqlConnectionFactory(options.build()).create().block(PATIENCE);
    }

    static void in(Case2 body) throws Exception {
        PostgresqlConnection c = open(options());
        try {
            body.run(c);
        } finally {
            c.close().block(PATIENCE);
        }
    }

    interface Case2 {
        void run(PostgresqlConnection c) throws Exception;
    }

    static <T> T wait(Publisher<T> publisher) {
        return Flux.from(publisher).collectList().block(PATIENCE).stream().findFirst().orElse(null);
    }

    static PostgresqlStatement bound(PostgresqlConnection c, String sql, Object... values) {
        PostgresqlStatement statement = c.createStatement(sql);
        for (int at = 0; at < values.length; at++) {
            if (values[at] instanceof Class<?> type) statement.bindNull(at, type);
            else statement.bind(at, values[at]);
        }
        return statement;
    }

    static <T> List<T> rows(PostgresqlConnection c, Function<Row, T> read, String sql, Object... values) {
        return bound(c, sql, values).execute().flatMap(result -> result.map((row, about) -> read.apply(row))).collectList().block(PATIENCE);
    }

    static <T> T one(PostgresqlConnection c, Class<T> of, String sql, Object... values) {
        return rows(c, row -> row.get(0, of), sql, values).get(0);
    }

    static long change(PostgresqlConnection c, String sql, Object... values) {
        return bound(c, sql, values).execute().flatMap(Result::getRowsUpdated).reduce(0L, Long::sum).block(PATIENCE);
    }

    static ErrorDetails failure(Case body) throws Exception {
        try {
            body.run();
        } catch (Exception error) {
            for (Throwable at = error; at != null; at = at.getCause()) if (at instanceof PostgresqlException found) return found.getErrorDetails();
            throw error;
        }
        throw new AssertionError("no error");
    }

    static void connect() throws Exception {
        PostgresqlConnection c = open(options().applicationName("r2dbc case").options(Map.of("lock_timeout", "5s")));
        equal(one(c, String.class, "SHOW application_name"), "r2dbc case");
        equal(one(c, String.class, "SHOW lock_timeout"), "5s");
        equal(c.getMetadata().getDatabaseVersion().startsWith("15"), true);
        equal(c.validate(io.r2dbc.spi.ValidationDepth.REMOTE).block(PATIENCE), true);
        c.close().block(PATIENCE);
        equal(failure(() -> open(options().database("no_such_database"))).getCode(), "3D000");
    }

    static void values() throws Exception {
        in(c -> {
            UUID key = UUID.fromString("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
            Object[] all = {(short) -7, 42, 1L << 62, 0.1, 1.5f, true, "é'\\", new BigDecimal("123456789.125"), LocalDate.of(2024, 2, 29),
                LocalTime.of(23, 59, 59, 999_999_000), LocalDateTime.of(2024, 2, 29, 12, 34, 56, 789_000_000), OffsetDateTime.parse("2024-02-29T12:34:56Z"), key};
            String[] types = {"int2", "int4", "int8", "float8", "float4", "bool", "text", "numeric", "date", "time", "timestamp", "timestamptz", "uuid"};
            for (int at = 0; at < all.length; at++) {
                Object got = one(c, all[at].getClass(), "SELECT $1::" + types[at], all[at]);
                equal(got instanceof OffsetDateTime moment ? moment.toInstant() : got, all[at] instanceof OffsetDateTime moment ? moment.toInstant() : all[at]);
                equal(rows(c, row -> row.get(0) == null, "SELECT $1::" + types[at], all[at].getClass()), List.of(true));
            }
            ByteBuffer bytes = one(c, ByteBuffer.class, "SELECT $1::bytea", ByteBuffer.wrap(new byte[] {0, -1}));
            equal(new byte[] {bytes.get(0), bytes.get(1)}, new byte[] {0, -1});
            equal(one(c, Json.class, "SELECT $1::jsonb", Json.of("{\"a\": [1, null]}")).asString(), "{\"a\": [1, null]}");
            equal(one(c, String.class, "SELECT $1", "x".repeat(1 << 20)).length(), 1 << 20);
            equal(rows(c, row -> row.get("b", Integer.class) - row.get("a", Integer.class), "SELECT 1 AS a, 3 AS b"), List.of(2));
        });
    }

    static void arrays() throws Exception {
        in(c -> {
            equal(one(c, Integer[].class, "SELECT $1::int4[]", (Object) new Integer[] {1, null, 3}), new Integer[] {1, null, 3});
            equal(one(c, String[].class, "SELECT $1::text[]", (Object) new String[] {"a", "b \"c\", {d}", ""}), new String[] {"a", "b \"c\", {d}", ""});
            equal(one(c, Long[][].class, "SELECT $1::int8[]", (Object) new Long[][] {{1L, 2L}, {3L, 4L}}), new Long[][] {{1L, 2L}, {3L, 4L}});
        });
    }

    static void enums() throws Exception {
        in(c -> change(c, "CREATE TYPE stage AS ENUM ('open', 'paid')"));
        PostgresqlConnection c = open(options().codecRegistrar(EnumCodec.builder().withEnum("stage", Stage.class).build()));
        equal(one(c, Stage.class, "SELECT $1::stage", Stage.paid), Stage.paid);
        c.close().block(PATIENCE);
    }

    static void changes_and_generated_values() throws Exception {
        in(c -> {
            change(c, "CREATE TABLE label (id serial PRIMARY KEY, name text NOT NULL UNIQUE)");
            PostgresqlStatement insert = c.createStatement("INSERT INTO label (name) VALUES ($1)").returnGeneratedValues("id");
            for (String name : List.of("new", "sale")) insert.bind("$1", name).add();
            insert.bind("$1", "last");
            equal(insert.execute().flatMap(result -> result.map((row, about) -> row.get("id", Integer.class))).collectList().block(PATIENCE), List.of(1, 2, 3));
            equal(change(c, "UPDATE label SET name = name || '!' WHERE id > $1", 1), 2L);
            equal(change(c, "INSERT INTO label (name) VALUES ($1) ON CONFLICT (name) DO NOTHING", "new"), 0L);
            equal(change(c, "DELETE FROM label WHERE id = $1", 3), 1L);
            equal(rows(c, row -> row.get(0, String.class), "SELECT name FROM label ORDER BY id"), List.of("new", "sale!"));
        });
    }

    static void batch() throws Exception {
        in(c -> {
            var batch = c.createBatch().add("INSERT INTO label (name) VALUES ('b1')").add("SELECT count(*) FROM label").add("DELETE FROM label WHERE name = 'b1'");
            equal(batch.execute().flatMap(result -> result.flatMap(segment -> segment instanceof Result.UpdateCount n ? Mono.just(n.value()) : Mono.empty())).collectList().block(PATIENCE), List.of(1L, 1L, 1L));
        });
    }

    /** Portals: as many rows at a time as are asked for. */
    static void back_pressure() throws Exception {
        in(c -> {
            Flux<Integer> all = c.createStatement("SELECT g FROM generate_series(1, 5000) AS g").fetchSize(100).execute().flatMap(result -> result.map((row, about) -> row.get(0, Integer.class)));
            equal(all.limitRate(50).reduce(0L, (sum, n) -> sum + n).block(PATIENCE), 12_502_500L);
            Flux<Integer> few = c.createStatement("SELECT g FROM generate_series(1, 5000) AS g").fetchSize(10).execute().flatMap(result -> result.map((row, about) -> row.get(0, Integer.class)));
            equal(few.take(3).collectList().block(PATIENCE), List.of(1, 2, 3));
            equal(one(c, Integer.class, "SELECT 7"), 7);
        });
    }

    static void transactions() throws Exception {
        in(c -> {
            wait(c.beginTransaction(IsolationLevel.SERIALIZABLE));
            equal(one(c, String.class, "SHOW transaction_isolation"), "serializable");
            change(c, "INSERT INTO label (name) VALUES ('one')");
            wait(c.createSavepoint("here"));
            equal(failure(() -> change(c, "INSERT INTO label (name) VALUES ('one')")).getCode(), "23505");
            wait(c.rollbackTransactionToSavepoint("here"));
            change(c, "INSERT INTO label (name) VALUES ('two')");
            wait(c.releaseSavepoint("here"));
            wait(c.commitTransaction());
            wait(c.beginTransaction());
            change(c, "DELETE FROM label");
            wait(c.rollbackTransaction());
            equal(one(c, Long.class, "SELECT count(*) FROM label"), 4L);
            wait(c.setAutoCommit(false));
            equal(c.isAutoCommit(), false);
            wait(c.setAutoCommit(true));
        });
    }

    static void errors() throws Exception {
        in(c -> {
            ErrorDetails twice = failure(() -> change(c, "INSERT INTO label (name) VALUES ('one')"));
            equal(List.of(twice.getCode(), twice.getConstraintName().get(), twice.getTableName().get(), twice.getDetail().get()),
                List.of("23505", "label_name_key", "label", "Key (name)=(one) already exists."));
            ErrorDetails unknown = failure(() -> change(c, "SELECT nothing"));
            equal(List.of(unknown.getCode(), unknown.getPosition().get()), List.of("42703", "8"));
            equal(failure(() -> one(c, Integer.class, "SELECT 1 / $1::int", 0)).getCode(), "22012");
            equal(one(c, Integer.class, "SELECT 1"), 1);
        });
    }

    static void statement_timeout_and_cancel() throws Exception {
        in(c -> {
            wait(c.setStatementTimeout(Duration.ofMillis(200)));
            equal(failure(() -> change(c, "SELECT pg_sleep(10)")).getCode(), "57014");
            wait(c.setStatementTimeout(Duration.ZERO));
            equal(failure(() -> Mono.zip(Mono.fromCallable(() -> change(c, "SELECT pg_sleep(10)")).subscribeOn(reactor.core.scheduler.Schedulers.boundedElastic()),
                Mono.delay(Duration.ofMillis(500)).then(c.cancelRequest()).thenReturn(1)).block(PATIENCE)).getCode(), "57014");
        });
    }

    static void copy() throws Exception {
        in(c -> {
            change(c, "CREATE TABLE copied (id int, t text)");
            byte[] text = "1\tone\n2\ttwo\n".getBytes(StandardCharsets.UTF_8);
            equal(c.copyIn("COPY copied FROM STDIN", Mono.just(Unpooled.wrappedBuffer(text))).block(PATIENCE), 2L);
            equal(rows(c, row -> row.get(0, String.class), "SELECT t FROM copied ORDER BY id"), List.of("one", "two"));
        });
    }

    static void notifications() throws Exception {
        in(c -> {
            var heard = c.getNotifications().next().toFuture();
            change(c, "LISTEN news");
            in(other -> change(other, "NOTIFY news, 'hello'"));
            Notification one = heard.get(10, java.util.concurrent.TimeUnit.SECONDS);
            equal(List.of(one.getName(), one.getParameter()), List.of("news", "hello"));
        });
    }

    static void pool() throws Exception {
        ConnectionPool pool = new ConnectionPool(ConnectionPoolConfiguration.builder(new PostgresqlConnectionFactory(options().build())).maxSize(4).build());
        Flux<Integer> all = Flux.range(0, 50).flatMap(at -> Flux.usingWhen(pool.create(),
            c -> Flux.from(c.createStatement("SELECT $1::int4").bind(0, at).execute()).flatMap(result -> result.map((row, about) -> row.get(0, Integer.class))),
            io.r2dbc.spi.Connection::close), 16);
        equal(all.reduce(0, Integer::sum).block(PATIENCE), 1225);
        pool.disposeLater().block(PATIENCE);
    }

    /** A list of hosts finds the kind of node that is asked for. */
    static void target_server_type() throws Exception {
        String[] hosts = System.getenv("EIDER_HOSTS").split(",");
        for (var wanted : MultiHostConnectionStrategy.TargetServerType.values()) {
            boolean alone = hosts.length == 1;
            if (alone && wanted == MultiHostConnectionStrategy.TargetServerType.SECONDARY) continue;
            var options = PostgresqlConnectionConfiguration.builder();
            for (String host : hosts) options.addHost(host.split(":")[0], Integer.parseInt(host.split(":")[1]));
            options.username(System.getenv("PGUSER")).password("any").database(System.getenv("PGDATABASE")).sslMode(SSLMode.DISABLE).targetServerType(wanted);
            PostgresqlConnection c = open(options);
            boolean follower = one(c, Boolean.class, "SELECT pg_is_in_recovery()");
            switch (wanted) {
                case PRIMARY -> equal(follower, false);
                case SECONDARY -> equal(follower, true);
                case PREFER_SECONDARY -> equal(follower, !alone);
                default -> { }
            }
            c.close().block(PATIENCE);
        }
    }

    public static void main(String[] args) {
        Map<String, Case> cases = new LinkedHashMap<>();
        cases.put("connect", Run::connect);
        cases.put("values", Run::values);
        cases.put("arrays", Run::arrays);
        cases.put("enums", Run::enums);
        cases.put("changes_and_generated_values", Run::changes_and_generated_values);
        cases.put("batch", Run::batch);
        cases.put("back_pressure", Run::back_pressure);
        cases.put("transactions", Run::transactions);
        cases.put("errors", Run::errors);
        cases.put("statement_timeout_and_cancel", Run::statement_timeout_and_cancel);
        cases.put("copy", Run::copy);
        cases.put("notifications", Run::notifications);
        cases.put("pool", Run::pool);
        cases.put("target_server_type", Run::target_server_type);
        cases.forEach(Cases::play);
        System.exit(0);
    }
}
