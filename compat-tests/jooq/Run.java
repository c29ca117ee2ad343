import static org.jooq.impl.DSL.asterisk;
import static org.jooq.impl.DSL.avg;
import static org.jooq.impl.DSL.constraint;
import static org.jooq.impl.DSL.count;
import static org.jooq.impl.DSL.field;
import static org.jooq.impl.DSL.inline;
import static org.jooq.impl.DSL.jsonbGetAttribute;
import static org.jooq.impl.DSL.jsonbGetAttributeAsText;
import static org.jooq.impl.DSL.max;
import static org.jooq.impl.DSL.multiset;
import static org.jooq.impl.DSL.name;
import static org.jooq.impl.DSL.rank;
import static org.jooq.impl.DSL.rowNumber;
import static org.jooq.impl.DSL.select;
import static org.jooq.impl.DSL.sum;
import static org.jooq.impl.DSL.table;
import static org.jooq.impl.DSL.val;
import static org.jooq.impl.SQLDataType.BIGINT;
import static org.jooq.impl.SQLDataType.BLOB;
import static org.jooq.impl.SQLDataType.BOOLEAN;
import static org.jooq.impl.SQLDataType.CLOB;
import static org.jooq.impl.SQLDataType.INTEGER;
import static org.jooq.impl.SQLDataType.JSONB;
import static org.jooq.impl.SQLDataType.LOCALDATE;
import static org.jooq.impl.SQLDataType.NUMERIC;
import static org.jooq.impl.SQLDataType.OFFSETDATETIME;
import static org.jooq.impl.SQLDataType.VARCHAR;

import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.stream.IntStream;
import org.jooq.Cursor;
import org.jooq.DSLContext;
import org.jooq.EnumType;
import org.jooq.Field;
import org.jooq.Identity;
import org.jooq.Record;
import org.jooq.Record2;
import org.jooq.Result;
import org.jooq.SQLDialect;
import org.jooq.Schema;
import org.jooq.Table;
import org.jooq.TableField;
import org.jooq.UniqueKey;
import org.jooq.codegen.GenerationTool;
import org.jooq.conf.Settings;
import org.jooq.exception.DataAccessException;
import org.jooq.exception.DataChangedException;
import org.jooq.impl.DSL;
import org.jooq.impl.Internal;
import org.jooq.impl.SQLDataType;
import org.jooq.impl.TableImpl;
import org.jooq.impl.UpdatableRecordImpl;
import org.jooq.meta.jaxb.Configuration;
import org.jooq.meta.jaxb.Database;
import org.jooq.meta.jaxb.Generator;
import org.jooq.meta.jaxb.Jdbc;
import org.jooq.meta.jaxb.Target;

/** jOOQ: statements, its generator's introspection, records. */
public class Run extends Cases {
    public enum Stage implements EnumType {
        open, paid;

        @Override public String getLiteral() { return name(); }
        @Override public String getName() { return "stage"; }
        @Override public Schema getSchema() { return DSL.schema(DSL.name("public")); }
    }

    /** As the generator would write it. */
    public static class Product extends UpdatableRecordImpl<Product> {
        public Product() { super(Products.PRODUCTS); }
    }

    public static class Products extends TableImpl<Product> {
        static final Products PRODUCTS = new Products();
        final TableField<Product, Long> id = createField(DSL.name("id"), BIGINT.nullable(false).identity(true), this);
        final TableField<Product, String> title = createField(DSL.name("title"), VARCHAR(50).nullable(false), this);
        final TableField<Product, BigDecimal> price = createField(DSL.name("price"), NUMERIC(10, 2).nullable(false), this);
        final TableField<Product, Stage> stage = createField(DSL.name("stage"), VARCHAR.asEnumDataType(Stage.class), this);
        final TableField<Product, org.jooq.JSONB> details = createField(DSL.name("details"), JSONB, this);
        final TableField<Product, String[]> keywords = createField(DSL.name("keywords"), CLOB.array(), this);
        final TableField<Product, byte[]> picture = createField(DSL.name("picture"), BLOB, this);
        final TableField<Product, UUID> code = createField(DSL.name("code"), SQLDataType.UUID, this);
        final TableField<Product, OffsetDateTime> made = createField(DSL.name("made"), OFFSETDATETIME, this);
        final TableField<Product, LocalDate> sold = createField(DSL.name("sold"), LOCALDATE, this);
        final TableField<Product, Long> shop = createField(DSL.name("shop_id"), BIGINT, this);
        final TableField<Product, Integer> version = createField(DSL.name("version"), INTEGER.nullable(false), this);

        Products() { super(DSL.name("products")); }
        @Override public Class<Product> getRecordType() { return Product.class; }
        @Override public Identity<Product, ?> getIdentity() { return Internal.createIdentity(this, id); }
        @Override public UniqueKey<Product> getPrimaryKey() {
            return Internal.createUniqueKey(this, DSL.name("products_pkey"), new TableField[] {id}, true);
        }
        @Override public TableField<Product, Integer> getRecordVersion() { return version; }
    }

    static final Products PRODUCTS = Products.PRODUCTS;
    static final Table<Record> SHOPS = table(name("shops"));
    static final Field<Long> SHOP_ID = field(name("shops", "id"), BIGINT);
    static final Field<String> SHOP = field(name("shops", "title"), CLOB);

    static Connection connection;
    static DSLContext db;

    static DataAccessException failure(Case body) throws Exception {
        try {
            body.run();
        } catch (DataAccessException error) {
            return error;
        }
        throw new AssertionError("no error");
    }

    static Product product(long shop, String title, String price) {
        Product made = db.newRecord(PRODUCTS);
        made.set(PRODUCTS.title, title);
        made.set(PRODUCTS.price, new BigDecimal(price));
        made.set(PRODUCTS.shop, shop);
        return made;
    }

    static void migrateUp() {
        db.createType("stage").asEnum("open", "paid").execute();
        db.createTable(SHOPS)
            .column("id", BIGINT.identity(true)).column("title", VARCHAR(50).nullable(false))
            .constraints(constraint("shops_pkey").primaryKey("id"), constraint("shops_title_key").unique("title"))
            .execute();
        db.createTableIfNotExists(SHOPS).column("id", BIGINT).execute();
        db.createTable(PRODUCTS)
            .column(PRODUCTS.id).column(PRODUCTS.title).column(PRODUCTS.price)
            .column("stage", PRODUCTS.stage.getDataType().default_(Stage.open))
            .column("details", JSONB.nullable(false).default_(org.jooq.JSONB.valueOf("{}")))
            .column(PRODUCTS.keywords).column(PRODUCTS.picture)
            .column("code", SQLDataType.UUID.default_(DSL.uuid()))
            .column("made", OFFSETDATETIME.default_(DSL.currentOffsetDateTime()))
            .column(PRODUCTS.sold).column(PRODUCTS.shop)
            .column("version", INTEGER.nullable(false).default_(1))
            .constraints(
                constraint("products_pkey").primaryKey("id"),
                constraint("products_shop_fk").foreignKey("shop_id").references("shops", "id").onDeleteCascade(),
                constraint("products_price_check").check(PRODUCTS.price.ge(BigDecimal.ZERO)),
                constraint("products_title_key").unique("title", "shop_id"))
            .execute();
        db.createIndex("products_by_price").on(PRODUCTS, PRODUCTS.price.desc(), PRODUCTS.title.asc()).execute();
        db.createUniqueIndex("one_paid").on(PRODUCTS, PRODUCTS.code).where(PRODUCTS.stage.eq(inline(Stage.paid, PRODUCTS.stage))).execute();
        db.createView("cheap").as(select(PRODUCTS.id, PRODUCTS.title).from(PRODUCTS).where(PRODUCTS.price.lt(inline(new BigDecimal("10"))))).execute();
        db.createSequence("tickets").startWith(100).incrementBy(5).execute();
        equal(db.nextval("tickets").longValueExact(), 100L);
        equal(db.nextvals(DSL.sequence(name("tickets"), BIGINT), 3), List.of(105L, 110L, 115L));
        db.commentOnTable(PRODUCTS).is("what is sold").execute();
    }

    static void migrateDown() {
        db.alterTable(SHOPS).addColumn("open", BOOLEAN.nullable(false).default_(true)).execute();
        db.alterTable(SHOPS).alter("open").setDefault(false).execute();
        db.alterTable(SHOPS).renameColumn("open").to("is_open").execute();
        db.alterTable(SHOPS).alter("title").set(VARCHAR(80).nullable(false)).execute();
        db.alterTable(SHOPS).add(constraint("open_check").check(field(name("is_open"), BOOLEAN).isNotNull())).execute();
        db.alterTable(SHOPS).dropConstraint("open_check").execute();
        db.alterTable(SHOPS).dropColumn("is_open").execute();
        db.createTable("gone").as(select(SHOP_ID).from(SHOPS)).withNoData().execute();
        db.alterTable("gone").renameTo("left_over").execute();
        db.truncate("left_over").restartIdentity().cascade().execute();
        db.dropTableIfExists("left_over").cascade().execute();
        db.dropTableIfExists("left_over").execute();
    }

    /** What the generator finds in the catalogs. */
    static void generator() throws Exception {
        Path target = Files.createTempDirectory("jooq");
        GenerationTool.generate(new Configuration()
            .withJdbc(new Jdbc().withDriver("org.postgresql.Driver").withUrl(URL).withUser(System.getenv("PGUSER")).withPassword(""))
            .withGenerator(new Generator()
                .withDatabase(new Database().withName("org.jooq.meta.postgres.PostgresDatabase").withInputSchema("public").withIncludes(".*").withIncludeCheckConstraints(true))
                .withTarget(new Target().withPackageName("made").withDirectory(target.toString()))));
        String products = Files.readString(target.resolve("made/tables/Products.java"));
        for (String part : List.of(
            "createField(DSL.name(\"id\"), SQLDataType.BIGINT.nullable(false).identity(true)",
            "SQLDataType.VARCHAR(50).nullable(false)", "SQLDataType.NUMERIC(10, 2).nullable(false)", "asEnumDataType(Stage.class)",
            "SQLDataType.JSONB.nullable(false).defaultValue(", "SQLDataType.CLOB.array()", "SQLDataType.BLOB", "SQLDataType.UUID.defaultValue(",
            "SQLDataType.TIMESTAMPWITHTIMEZONE(6)", "SQLDataType.LOCALDATE", "Keys.PRODUCTS_PKEY", "Keys.PRODUCTS__PRODUCTS_SHOP_FK",
            "Indexes.PRODUCTS_BY_PRICE", "products_price_check", "what is sold"))
            equal(part + " " + products.contains(part), part + " true");
        equal(Files.readString(target.resolve("made/enums/Stage.java")).contains("paid(\"paid\")"), true);
        equal(Files.readString(target.resolve("made/Sequences.java")).contains("createSequence(\"tickets\", Public.PUBLIC, SQLDataType.BIGINT.nullable(false), 100, 5,"), true);
        equal(Files.exists(target.resolve("made/tables/Cheap.java")), true);
    }

    static void metadata() {
        Table<?> products = db.meta().getTables("products").get(0);
        equal(products.getPrimaryKey().getFields().get(0).getName(), "id");
        equal(products.getReferences().get(0).getKey().getTable().getName(), "shops");
        equal(products.getIndexes().stream().map(index -> index.getName()).filter(index -> index.equals("products_by_price")).count(), 1L);
        equal(products.field("price").getDataType().scale(), 2);
        equal(db.meta().getTables("shops").get(0).getUniqueKeys().get(0).getName(), "shops_title_key");
    }

    static void records() {
        long shop = db.insertInto(SHOPS).columns(SHOP).values("corner").returningResult(SHOP_ID).fetchOne(SHOP_ID);
        Product lamp = product(shop, "lamp", "12.50");
        lamp.set(PRODUCTS.details, org.jooq.JSONB.valueOf("{\"watt\": 40, \"colours\": [\"red\"]}"));
        lamp.set(PRODUCTS.keywords, new String[] {"desk", "light"});
        lamp.set(PRODUCTS.picture, new byte[] {0, -1});
        lamp.set(PRODUCTS.sold, LocalDate.of(2024, 2, 29));
        lamp.set(PRODUCTS.made, OffsetDateTime.of(2024, 1, 2, 3, 4, 5, 6000, ZoneOffset.ofHours(2)));
        equal(lamp.store(), 1);
        equal(lamp.get(PRODUCTS.id) > 0, true);
        lamp.refresh();
        equal(lamp.get(PRODUCTS.stage), Stage.open);
        equal(lamp.get(PRODUCTS.made).toInstant().toString(), "2024-01-02T01:04:05.000006Z");
        Product again = db.fetchOne(PRODUCTS, PRODUCTS.title.eq("lamp"));
        equal(again, lamp);
        equal(Arrays.asList(again.get(PRODUCTS.keywords)), List.of("desk", "light"));
        equal(again.get(PRODUCTS.picture), new byte[] {0, -1});
        again.set(PRODUCTS.stage, Stage.paid);
        equal(again.update(), 1);
        equal(db.fetchCount(PRODUCTS, PRODUCTS.stage.eq(Stage.paid)), 1);
    }

    static void bulk() {
        long shop = db.select(SHOP_ID).from(SHOPS).fetchSingle(SHOP_ID);
        List<Product> many = IntStream.range(0, 50).mapToObj(n -> product(shop, "p" + n, String.valueOf(n + 1))).toList();
        equal(Arrays.stream(db.batchInsert(many).execute()).sum(), 50);
        var rows = db.insertInto(PRODUCTS, PRODUCTS.title, PRODUCTS.price, PRODUCTS.shop);
        for (int n = 50; n < 100; n++) rows = rows.values("p" + n, new BigDecimal(n + 1), shop);
        equal(rows.execute(), 50);
        equal(db.update(PRODUCTS).set(PRODUCTS.sold, LocalDate.of(2024, 3, 1)).where(PRODUCTS.price.gt(new BigDecimal("90"))).execute(), 10);
        List<Long> gone = db.deleteFrom(PRODUCTS).where(PRODUCTS.title.in("p98", "p99")).returningResult(PRODUCTS.id).fetch(PRODUCTS.id);
        equal(gone.size(), 2);
        try (Cursor<Record2<Long, String>> cursor = connectionInTransaction(() ->
                db.select(PRODUCTS.id, PRODUCTS.title).from(PRODUCTS).orderBy(PRODUCTS.id).fetchSize(7).fetchLazy())) {
            int read = 0;
            while (cursor.hasNext()) { cursor.fetchNext(); read++; }
            equal(read, 99);
        } finally {
            autocommit(true);
        }
    }

    static <T> T connectionInTransaction(java.util.function.Supplier<T> body) {
        autocommit(false);
        return body.get();
    }

    static void autocommit(boolean on) {
        try {
            connection.setAutoCommit(on);
        } catch (java.sql.SQLException error) {
            throw new AssertionError(error);
        }
    }

    static void queries() {
        equal(db.select(PRODUCTS.title).from(PRODUCTS).join(SHOPS).on(PRODUCTS.shop.eq(SHOP_ID)).where(SHOP.likeIgnoreCase("CORN%"))
            .orderBy(PRODUCTS.price.desc(), PRODUCTS.id).limit(2).offset(1).fetch(PRODUCTS.title), List.of("p96", "p95"));
        equal(db.select(PRODUCTS.title).from(PRODUCTS).orderBy(PRODUCTS.price, PRODUCTS.id).seek(new BigDecimal("12.50"), 0L).limit(2).fetch(PRODUCTS.title), List.of("lamp", "p12"));
        equal(db.selectFrom(PRODUCTS).where(PRODUCTS.keywords.contains(new String[] {"desk"})).fetch(PRODUCTS.title), List.of("lamp"));
        equal(db.select(jsonbGetAttributeAsText(PRODUCTS.details, "watt")).from(PRODUCTS).where(jsonbGetAttribute(PRODUCTS.details, "watt").eq(org.jooq.JSONB.valueOf("40"))).fetchOne().value1(), "40");
        Field<Integer> place = rank().over().partitionBy(PRODUCTS.stage).orderBy(PRODUCTS.price.desc()).as("place");
        equal(db.select(asterisk()).from(select(PRODUCTS.title, place).from(PRODUCTS).asTable("ranked")).where(field(name("place"), INTEGER).eq(1)).orderBy(field(name("title"))).fetch(0), List.of("lamp", "p97"));
        equal(db.with("low").as(select(PRODUCTS.price).from(PRODUCTS).where(PRODUCTS.price.lt(new BigDecimal("3")))).selectCount().from("low").fetchSingle().value1(), 2);
        equal(db.withRecursive("n", "x").as(select(inline(1)).unionAll(select(field(name("x"), INTEGER).plus(1)).from(name("n")).where(field(name("x"), INTEGER).lt(5))))
            .select(sum(field(name("x"), INTEGER))).from(name("n")).fetchSingle().value1().intValue(), 15);
        equal(db.select(rowNumber().over().orderBy(PRODUCTS.id)).distinctOn(PRODUCTS.stage).from(PRODUCTS).orderBy(PRODUCTS.stage, PRODUCTS.id).fetch().size(), 2);
        equal(db.selectFrom(PRODUCTS).where(DSL.row(PRODUCTS.title, PRODUCTS.stage).in(DSL.row("lamp", Stage.paid), DSL.row("p1", Stage.paid))).fetch().size(), 1);
        equal(db.select(PRODUCTS.title).from(PRODUCTS).where(PRODUCTS.title.eq("p1")).union(select(SHOP).from(SHOPS)).orderBy(1).fetch(0), List.of("corner", "p1"));
        equal(db.select(val(LocalDate.of(2024, 2, 29)).add(1), DSL.localDateAdd(LocalDate.of(2024, 1, 31), 1, org.jooq.DatePart.MONTH)).fetchSingle().intoList(), List.of(LocalDate.of(2024, 3, 1), LocalDate.of(2024, 2, 29)));
    }

    static void aggregates() {
        Record all = db.select(count(), sum(PRODUCTS.price), avg(PRODUCTS.price), max(PRODUCTS.title), DSL.listAgg(PRODUCTS.title, ",").withinGroupOrderBy(PRODUCTS.price).filterWhere(PRODUCTS.price.lt(new BigDecimal("3"))))
            .from(PRODUCTS).where(PRODUCTS.title.startsWith("p")).fetchSingle();
        equal(all.intoList().toString(), "[98, 4851.00, 49.5000000000000000, p97, p0,p1]");
        equal(db.select(PRODUCTS.stage, count()).from(PRODUCTS).groupBy(DSL.rollup(PRODUCTS.stage)).having(count().gt(1)).orderBy(PRODUCTS.stage.asc().nullsLast()).fetch(1), List.of(98, 99));
        equal(db.select(DSL.percentileCont(0.5).withinGroupOrderBy(PRODUCTS.price), DSL.mode(PRODUCTS.stage)).from(PRODUCTS).fetchSingle().value2(), Stage.open);
    }

    /** Nested collections, by JSON. */
    static void eagerLoading() {
        var products = multiset(select(PRODUCTS.title, PRODUCTS.price, PRODUCTS.made.isNotNull()).from(PRODUCTS).where(PRODUCTS.shop.eq(SHOP_ID)).and(PRODUCTS.price.lt(new BigDecimal("3"))).orderBy(PRODUCTS.price));
        var shop = db.select(SHOP, products).from(SHOPS).fetchSingle();
        equal(shop.value2().map(record -> record.value1() + " " + record.value2() + " " + record.value3()), List.of("p0 1.00 true", "p1 2.00 true"));
        Result<?> grouped = db.select(SHOP, DSL.multisetAgg(PRODUCTS.title, PRODUCTS.stage)).from(PRODUCTS).join(SHOPS).on(PRODUCTS.shop.eq(SHOP_ID)).where(PRODUCTS.title.eq("lamp")).groupBy(SHOP).fetch();
        equal(((Result<?>) grouped.get(0).get(1)).get(0).intoList(), List.of("lamp", Stage.paid));
        equal(db.select(DSL.row(SHOP_ID, SHOP).mapping((id, title) -> title + (id > 0))).from(SHOPS).fetchSingle().value1(), "cornertrue");
    }

    static void upserts() {
        for (int price : new int[] {7, 8})
            db.insertInto(PRODUCTS, PRODUCTS.title, PRODUCTS.price, PRODUCTS.shop).select(select(inline("fresh"), inline(new BigDecimal(price)), SHOP_ID).from(SHOPS))
                .onConflict(PRODUCTS.title, PRODUCTS.shop).doUpdate().set(PRODUCTS.price, DSL.excluded(PRODUCTS.price)).set(PRODUCTS.version, PRODUCTS.version.plus(1)).execute();
        Product fresh = db.fetchSingle(PRODUCTS, PRODUCTS.title.eq("fresh"));
        equal(List.of(fresh.get(PRODUCTS.price), fresh.get(PRODUCTS.version)), List.of(new BigDecimal("8.00"), 2));
        equal(db.insertInto(SHOPS).columns(SHOP).values("corner").onConflictDoNothing().execute(), 0);
        Field<String> wanted = field(name("wanted", "title"), CLOB);
        equal(db.mergeInto(PRODUCTS).using(select(inline("fresh").as("title")).asTable("wanted")).on(PRODUCTS.title.eq(wanted))
            .whenMatchedThenUpdate().set(PRODUCTS.price, new BigDecimal("9")).execute(), 1);
        equal(db.deleteFrom(PRODUCTS).where(PRODUCTS.title.eq("fresh")).execute(), 1);
    }

    static void optimisticLocking() throws Exception {
        DSLContext checked = DSL.using(connection, SQLDialect.POSTGRES, new Settings().withExecuteWithOptimisticLocking(true));
        Product mine = checked.fetchSingle(PRODUCTS, PRODUCTS.title.eq("p1"));
        Product other = checked.fetchSingle(PRODUCTS, PRODUCTS.title.eq("p1"));
        int before = mine.get(PRODUCTS.version);
        mine.set(PRODUCTS.price, new BigDecimal("3"));
        equal(mine.store(), 1);
        equal(mine.get(PRODUCTS.version), before + 1);
        other.set(PRODUCTS.price, new BigDecimal("4"));
        equal(failure(other::store) instanceof DataChangedException, true);
    }

    static void transactions() throws Exception {
        db.transaction(outer -> {
            outer.dsl().insertInto(SHOPS).columns(SHOP).values("kept").execute();
            failure(() -> outer.dsl().transaction(inner -> {
                inner.dsl().insertInto(SHOPS).columns(SHOP).values("undone").execute();
                inner.dsl().insertInto(SHOPS).columns(SHOP).values("kept").execute();
            }));
            equal(outer.dsl().fetchCount(SHOPS), 2);
        });
        failure(() -> db.transaction(all -> {
            all.dsl().deleteFrom(SHOPS).execute();
            throw new DataAccessException("back");
        }));
        equal(db.select(SHOP).from(SHOPS).orderBy(SHOP).fetch(SHOP), List.of("corner", "kept"));
        db.transaction(all -> {
            equal(all.dsl().selectFrom(PRODUCTS).where(PRODUCTS.title.eq("lamp")).forUpdate().skipLocked().fetch().size(), 1);
            equal(all.dsl().fetchSingle("SHOW transaction_isolation").get(0), "read committed");
        });
    }

    static void errors() throws Exception {
        equal(failure(() -> db.insertInto(SHOPS).columns(SHOP).values("corner").execute()).sqlState(), "23505");
        equal(failure(() -> product(99999, "x", "1").store()).sqlState(), "23503");
        equal(failure(() -> product(1, "x", "-1").store()).sqlState(), "23514");
        equal(failure(() -> db.insertInto(SHOPS).columns(SHOP).values((String) null).execute()).sqlState(), "23502");
        equal(failure(() -> db.fetch("SELECT nothing")).sqlState(), "42703");
        equal(failure(() -> db.selectOne().where(field("1 / 0", INTEGER).eq(1)).fetch()).sqlState(), "22012");
    }

    static void cascadeAndEnd() {
        db.deleteFrom(SHOPS).execute();
        equal(db.fetchCount(PRODUCTS), 0);
        db.dropView("cheap").execute();
        db.dropTable(PRODUCTS).execute();
        db.dropTable(SHOPS).execute();
        db.dropSequence("tickets").execute();
        db.dropType("stage").execute();
    }

    public static void main(String[] arguments) throws Exception {
        System.setProperty("org.jooq.no-logo", "true");
        System.setProperty("org.jooq.no-tips", "true");
        connection = DriverManager.getConnection(URL, System.getenv("PGUSER"), "");
        db = DSL.using(connection, SQLDialect.POSTGRES);
        play("migrate_up", Run::migrateUp);
        play("migrate_down", Run::migrateDown);
        play("generator", Run::generator);
        play("metadata", Run::metadata);
        play("records", Run::records);
        play("bulk", Run::bulk);
        play("queries", Run::queries);
        play("aggregates", Run::aggregates);
        play("eager_loading", Run::eagerLoading);
        play("upserts", Run::upserts);
        play("optimistic_locking", Run::optimisticLocking);
        play("transactions", Run::transactions);
        play("errors", Run::errors);
        play("cascade_and_end", Run::cascadeAndEnd);
    }
}
