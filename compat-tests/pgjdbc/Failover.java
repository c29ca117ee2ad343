import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Connections under load while the leader is killed: the retry rule of docs/operations/clients.md, with pgjdbc. */
public class Failover {
    static final int WORKERS = 8;
    // Nothing was done: send it again.
    static final Set<String> AGAIN = Set.of("40001", "40P01", "55P03", "57P01", "57P03", "53300", "25006");
    static final Map<String, Integer> seen = new ConcurrentSkipListMap<>();

    // Any node serves any session: each connection tries them in an order of its own.
    static Connection connect() throws SQLException {
        return DriverManager.getConnection("jdbc:postgresql://" + System.getenv("EIDER_HOSTS") + "/postgres?sslmode=disable"
            + "&loadBalanceHosts=true&hostRecheckSeconds=1&connectTimeout=2&loginTimeout=2&socketTimeout=20", "postgres", "");
    }

    static void run(Connection c, String sql) throws SQLException {
        try (Statement s = c.createStatement()) {
            s.execute(sql);
        }
    }

    static void transfer(Connection c, String key) throws SQLException {
        c.setAutoCommit(false);
        try (PreparedStatement insert = c.prepareStatement("INSERT INTO moved VALUES (?, 1)")) {
            insert.setString(1, key);
            insert.executeUpdate();
        }
        run(c, "UPDATE account SET balance = balance - 1 WHERE id = 1");
        run(c, "UPDATE account SET balance = balance + 1 WHERE id = 2");
        c.commit();
    }

    /** Does it exactly once, whatever happens; gives the connection to go on with. */
    static Connection move(Connection c, String key) throws Exception {
        boolean unknown = false;
        while (true) {
            try {
                if (c == null) c = connect();
            } catch (SQLException error) {
                // Who couldn't connect has sent nothing.
                seen.merge("connection", 1, Integer::sum);
                Thread.sleep(50);
                continue;
            }
            try {
                transfer(c, key);
                return c;
            } catch (SQLException error) {
                String state = String.valueOf(error.getSQLState());
                if (state.equals("23505") && !unknown) throw error;
                try {
                    c.rollback();
                } catch (SQLException broken) {
                    c.close();
                    c = null;
                }
                // An attempt whose outcome nobody could tell was committed.
                if (state.equals("23505")) return c;
                seen.merge(state, 1, Integer::sum);
                unknown |= !AGAIN.contains(state);
                Thread.sleep(20);
            }
        }
    }

    static int work(int worker, long until) throws Exception {
        Connection c = null;
        int count = 0;
        for (; System.nanoTime() < until; count++) c = move(c, worker + "." + count);
        return count;
    }

    public static void main(String[] arguments) throws Exception {
        String seconds = System.getenv().getOrDefault("EIDER_SECONDS", "12");
        try (Connection c = connect()) {
            run(c, "DROP TABLE IF EXISTS moved");
            run(c, "DROP TABLE IF EXISTS account");
            run(c, "CREATE TABLE moved (key text PRIMARY KEY, amount int)");
            run(c, "CREATE TABLE account (id int PRIMARY KEY, balance int)");
            run(c, "INSERT INTO account VALUES (1, 0), (2, 0)");
        }
        System.out.println("ready");
        long until = System.nanoTime() + (long) (Double.parseDouble(seconds) * 1e9);
        ExecutorService threads = Executors.newFixedThreadPool(WORKERS);
        List<Callable<Integer>> workers = new ArrayList<>();
        for (int at = 0; at < WORKERS; at++) {
            int worker = at;
            workers.add(() -> work(worker, until));
        }
        int acknowledged = 0;
        for (Future<Integer> done : threads.invokeAll(workers)) acknowledged += done.get();
        try (Connection c = connect(); Statement s = c.createStatement()) {
            ResultSet r = s.executeQuery("SELECT (SELECT count(*) FROM moved), (SELECT balance FROM account WHERE id = 1), (SELECT balance FROM account WHERE id = 2)");
            r.next();
            int rows = r.getInt(1);
            System.out.printf("acknowledged %d rows %d balances [%d %d] errors %s%n", acknowledged, rows, r.getInt(2), r.getInt(3), seen);
            System.exit(rows == acknowledged && r.getInt(2) == -rows && r.getInt(3) == rows && rows > 0 ? 0 : 1);
        }
    }
}
