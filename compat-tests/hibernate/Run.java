import jakarta.persistence.CascadeType;
import jakarta.persistence.Column;
import jakarta.persistence.ElementCollection;
import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.GeneratedValue;
import jakarta.persistence.GenerationType;
import jakarta.persistence.Id;
import jakarta.persistence.Index;
import jakarta.persistence.JoinTable;
import jakarta.persistence.LockModeType;
import jakarta.persistence.ManyToMany;
import jakarta.persistence.ManyToOne;
import jakarta.persistence.OneToMany;
import jakarta.persistence.OptimisticLockException;
import jakarta.persistence.Table;
import jakarta.persistence.UniqueConstraint;
import jakarta.persistence.Version;
import java.math.BigDecimal;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import org.flywaydb.core.Flyway;
import org.hibernate.Hibernate;
import org.hibernate.LockMode;
import org.hibernate.SessionFactory;
import org.hibernate.StatelessSession;
import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.cfg.Configuration;
import org.hibernate.exception.ConstraintViolationException;
import org.hibernate.type.SqlTypes;

/** Hibernate with plain JPA's annotations, and Flyway. */
public class Run extends Cases {
    enum Stage { OPEN, PAID }

    @Entity(name = "Shop") @Table(name = "shop")
    public static class Shop {
        @Id @GeneratedValue(strategy = GenerationType.IDENTITY) Long id;
        @Column(nullable = false, unique = true, length = 50) String name;
        @OneToMany(mappedBy = "shop", cascade = CascadeType.ALL, orphanRemoval = true) List<Product> products = new ArrayList<>();
    }

    @Entity(name = "Product") @Table(name = "product", indexes = @Index(name = "product_price", columnList = "price DESC, name"),
        uniqueConstraints = @UniqueConstraint(name = "name_in_shop", columnNames = {"name", "shop_id"}))
    public static class Product {
        @Id @GeneratedValue(strategy = GenerationType.SEQUENCE) Long id;
        @Version int version;
        @Column(nullable = false) UUID code = UUID.randomUUID();
        @Column(nullable = false) String name;
        @Column(precision = 10, scale = 2) BigDecimal price;
        Double weight;
        boolean active = true;
        Instant madeAt = Instant.parse("2024-02-29T12:34:56.789Z");
        LocalDate day = LocalDate.of(2024, 2, 29);
        @Enumerated(EnumType.STRING) Stage stage = Stage.OPEN;
        @JdbcTypeCode(SqlTypes.JSON) Map<String, Object> details;
        @JdbcTypeCode(SqlTypes.ARRAY) List<String> keywords;
        byte[] picture;
        @ElementCollection Set<String> notes = new HashSet<>();
        @ManyToOne(optional = false) Shop shop;
        @ManyToMany @JoinTable(name = "product_label") Set<Label> labels = new HashSet<>();
    }

    @Entity(name = "Label") @Table(name = "label")
    public static class Label {
        @Id @GeneratedValue Long id;
        @Column(nullable = false, unique = true) String name;

        Label() {}

        Label(String name) {
            this.name = name;
        }
    }

    static SessionFactory factory;

    static SessionFactory open(String action) {
        Configuration configuration = new Configuration();
        for (Class<?> of : List.of(Shop.class, Product.class, Label.class)) configuration.addAnnotatedClass(of);
        configuration.setProperty("hibernate.connection.url", URL);
        configuration.setProperty("hibernate.connection.username", System.getenv("PGUSER"));
        configuration.setProperty("hibernate.hbm2ddl.auto", action);
        configuration.setProperty("hibernate.jdbc.batch_size", "50");
        configuration.setProperty("hibernate.order_inserts", "true");
        return configuration.buildSessionFactory();
    }

    static <E extends Throwable> E failure(Class<E> of, Runnable body) {
        try {
            body.run();
        } catch (Throwable error) {
            for (Throwable at = error; at != null; at = at.getCause()) if (of.isInstance(at)) return of.cast(at);
            throw error;
        }
        throw new AssertionError("no error");
    }

    static void in(Consumer<org.hibernate.Session> body) {
        factory.inTransaction(body);
    }

    static Product product(Shop shop, String name, String price) {
        Product product = new Product();
        product.shop = shop;
        product.name = name;
        product.price = new BigDecimal(price);
        return product;
    }

    /** Flyway notes a migration on one connection while another one's transaction has its changes, unless these have none. */
    static void migrate(boolean inTransaction) {
        Flyway flyway = Flyway.configure().dataSource(URL, System.getenv("PGUSER"), "").schemas("moved")
            .executeInTransaction(inTransaction).locations("filesystem:" + System.getenv("EIDER_FOLDER") + "/migrations")
            .cleanDisabled(false).load();
        equal(flyway.migrate().migrationsExecuted, 3);
        equal(flyway.migrate().migrationsExecuted, 0);
        flyway.validate();
        equal(flyway.info().current().getVersion().getVersion(), "2");
        flyway.clean();
        equal(flyway.migrate().migrationsExecuted, 3);
        flyway.clean();
    }

    static void schema() {
        open("create").close();
        open("validate").close();
        // Nothing is there to be changed.
        open("update").close();
        factory = open("none");
    }

    static void create() {
        in(session -> {
            Shop shop = new Shop();
            shop.name = "lights";
            Product lamp = product(shop, "lamp", "12.50");
            lamp.details = Map.of("watt", 40, "colours", List.of("red"));
            lamp.keywords = List.of("desk", "light");
            lamp.picture = new byte[] {0, -1};
            lamp.notes.addAll(List.of("a", "b"));
            lamp.weight = 1.5;
            for (String name : List.of("new", "sale")) {
                Label label = new Label(name);
                session.persist(label);
                lamp.labels.add(label);
            }
            shop.products.add(lamp);
            session.persist(shop);
        });
        in(session -> {
            Product lamp = session.createQuery("from Product p join fetch p.labels where p.name = :name", Product.class).setParameter("name", "lamp").getSingleResult();
            equal(List.of(lamp.price, lamp.weight, lamp.active, lamp.stage, lamp.madeAt, lamp.day),
                List.of(new BigDecimal("12.50"), 1.5, true, Stage.OPEN, Instant.parse("2024-02-29T12:34:56.789Z"), LocalDate.of(2024, 2, 29)));
            equal(List.of(lamp.details.get("watt"), lamp.keywords, lamp.labels.size(), lamp.notes.size(), lamp.shop.name), List.of(40, List.of("desk", "light"), 2, 2, "lights"));
            equal(lamp.picture, new byte[] {0, -1});
        });
    }

    static void batches() {
        in(session -> {
            Shop shop = session.createQuery("from Shop", Shop.class).getSingleResult();
            for (int at = 0; at < 200; at++) session.persist(product(shop, "p" + at, at + 1 + ".00"));
        });
        try (StatelessSession session = factory.openStatelessSession()) {
            equal(session.createQuery("select count(*) from Product", Long.class).getSingleResult(), 201L);
        }
    }

    static void queries() {
        in(session -> {
            equal(session.createQuery("select name from Product where lower(name) like 'p%' order by price desc", String.class).setFirstResult(1).setMaxResults(2).getResultList(), List.of("p198", "p197"));
            equal(session.createQuery("select stage, count(*), sum(price) from Product where price <= 10 group by stage having count(*) > 1", Object[].class).getSingleResult(), new Object[] {Stage.OPEN, 10L, new BigDecimal("55.00")});
            equal(session.createQuery("select name from Product where array_contains(keywords, 'desk')", String.class).getResultList(), List.of("lamp"));
            equal(session.createQuery("select s.name from Shop s where exists (select 1 from Product p where p.shop = s and size(p.labels) = 2)", String.class).getResultList(), List.of("lights"));
            equal(session.createQuery("select name, rank() over (order by price desc) from Product order by 2 limit 1", Object[].class).getSingleResult(), new Object[] {"p199", 1L});
            equal(session.createNativeQuery("SELECT details ->> 'watt' FROM product WHERE details @> '{\"watt\": 40}'", String.class).getSingleResult(), "40");
            equal(session.createMutationQuery("update versioned Product set stage = :stage where price > 198").setParameter("stage", Stage.PAID).executeUpdate(), 2);
            equal(session.createQuery("select extract(year from madeAt), cast(price as String) from Product where name = 'p1'", Object[].class).getSingleResult(), new Object[] {2024, "2.00"});
        });
    }

    static void optimisticLocking() {
        Product first = factory.fromTransaction(session -> session.createQuery("from Product where name = 'p1'", Product.class).getSingleResult());
        in(session -> session.find(Product.class, first.id).price = BigDecimal.TEN);
        first.price = BigDecimal.ONE;
        failure(OptimisticLockException.class, () -> in(session -> session.merge(first)));
    }

    static void locks() {
        in(session -> {
            Product one = session.createQuery("from Product where name = 'p2'", Product.class).setLockMode(LockModeType.PESSIMISTIC_WRITE).getSingleResult();
            session.lock(one, LockMode.PESSIMISTIC_FORCE_INCREMENT);
            equal(session.createQuery("from Product where name = 'p3'", Product.class).setHibernateLockMode(LockMode.UPGRADE_SKIPLOCKED).getResultList().size(), 1);
        });
    }

    static void errors() {
        ConstraintViolationException twice = failure(ConstraintViolationException.class, () -> in(session -> session.persist(new Label("sale"))));
        equal(twice.getSQLState(), "23505");
        equal(twice.getErrorMessage().contains("sale"), true);
        ConstraintViolationException check = failure(ConstraintViolationException.class, () -> in(session ->
            session.createNativeMutationQuery("UPDATE product SET stage = 'LOST' WHERE name = 'p1'").executeUpdate()));
        equal(check.getConstraintName(), "product_stage_check");
        ConstraintViolationException key = failure(ConstraintViolationException.class, () -> in(session ->
            session.createNativeMutationQuery("DELETE FROM shop").executeUpdate()));
        equal(key.getSQLState(), "23503");
    }

    static void upserts() {
        in(session -> session.createMutationQuery("insert into Label (id, name) values (1000, 'sale') on conflict (name) do nothing").executeUpdate());
        in(session -> equal(session.createQuery("select count(*) from Label where name = 'sale'", Long.class).getSingleResult(), 1L));
    }

    static void rollback() {
        failure(IllegalStateException.class, () -> in(session -> {
            session.persist(new Label("lost"));
            session.flush();
            throw new IllegalStateException("back");
        }));
        in(session -> equal(session.createQuery("from Label where name = 'lost'", Label.class).getResultList(), List.of()));
    }

    static void lazyAndRemoval() {
        in(session -> {
            Shop shop = session.createQuery("from Shop", Shop.class).getSingleResult();
            equal(Hibernate.isInitialized(shop.products), false);
            shop.products.removeIf(product -> product.name.startsWith("p"));
        });
        in(session -> {
            Shop shop = session.createQuery("from Shop", Shop.class).getSingleResult();
            equal(shop.products.size(), 1);
            session.remove(shop);
        });
        in(session -> equal(session.createQuery("select count(*) from Product", Long.class).getSingleResult(), 0L));
        factory.close();
        open("create-drop").close();
    }

    public static void main(String[] arguments) {
        java.util.logging.LogManager.getLogManager().reset();
        play("flyway_without_transactions", () -> migrate(false));
        play("schema", Run::schema);
        play("create", Run::create);
        play("batches", Run::batches);
        play("queries", Run::queries);
        play("optimistic_locking", Run::optimisticLocking);
        play("locks", Run::locks);
        play("errors", Run::errors);
        play("upserts", Run::upserts);
        play("rollback", Run::rollback);
        play("lazy_and_removal", Run::lazyAndRemoval);
        play("flyway", () -> migrate(true));
    }
}
