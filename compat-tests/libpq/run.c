/* libpq itself, in C: what psql, psycopg, and every other wrapper stands on. */

#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static jmp_buf failed;
static char why[1000];
static PGconn *opened[16];
static int opened_count;

#define FAIL(...) (snprintf(why, sizeof why, __VA_ARGS__), longjmp(failed, 1))
#define TRUE(condition) do { if (!(condition)) FAIL("line %d: %s", __LINE__, #condition); } while (0)

static void equal(const char *got, const char *expected, int line) {
    if (!got || strcmp(got, expected) != 0)
        FAIL("line %d: '%s' instead of '%s'", line, got ? got : "(null)", expected);
}
#define EQUAL(got, expected) equal(got, expected, __LINE__)

/* Host, port, user and database come from PGHOST and its like. */
static PGconn *connect_with(const char *more) {
    PGconn *c = PQconnectdb(more);
    opened[opened_count++] = c;
    if (PQstatus(c) != CONNECTION_OK) FAIL("%s", PQerrorMessage(c));
    return c;
}

static PGresult *expect(PGconn *c, PGresult *r, ExecStatusType status, int line) {
    if (PQresultStatus(r) != status)
        FAIL("line %d: %s instead of %s: %s", line, PQresStatus(PQresultStatus(r)), PQresStatus(status),
             PQerrorMessage(c));
    return r;
}
#define RUN(c, sql) PQclear(expect(c, PQexec(c, sql), PGRES_COMMAND_OK, __LINE__))
#define ROWS(c, r) expect(c, r, PGRES_TUPLES_OK, __LINE__)
#define NEXT(c, status) PQclear(expect(c, PQgetResult(c), status, __LINE__))
#define NO_MORE(c) TRUE(PQgetResult(c) == NULL)

static void value_is(PGconn *c, const char *sql, const char *expected, int line) {
    PGresult *r = PQexec(c, sql);
    expect(c, r, PGRES_TUPLES_OK, line);
    equal(PQgetvalue(r, 0, 0), expected, line);
    PQclear(r);
}
#define VALUE(c, sql, expected) value_is(c, sql, expected, __LINE__)

static void case_connect(void) {
    PGconn *c = connect_with("application_name='libpq case' options='-c statement_timeout=5000 -c search_path=public'");
    VALUE(c, "SHOW application_name", "libpq case");
    VALUE(c, "SHOW statement_timeout", "5s");
    EQUAL(PQparameterStatus(c, "server_encoding"), "UTF8");
    EQUAL(PQparameterStatus(c, "integer_datetimes"), "on");
    EQUAL(PQparameterStatus(c, "application_name"), "libpq case");
    TRUE(PQserverVersion(c) / 10000 == 15);
    RUN(c, "SET application_name = 'changed'");
    EQUAL(PQparameterStatus(c, "application_name"), "changed");
    TRUE(PQping("") == PQPING_OK);
}

static void case_unknown_database(void) {
    PGconn *c = PQconnectdb("dbname=nowhere_at_all");
    opened[opened_count++] = c;
    TRUE(PQstatus(c) == CONNECTION_BAD);
    TRUE(strstr(PQerrorMessage(c), "database \"nowhere_at_all\" does not exist"));
}

static void case_parameters(void) {
    PGconn *c = connect_with("");
    const char *values[] = {"7", "x\xc3\xa9", NULL};
    PGresult *r = ROWS(c, PQexecParams(c, "SELECT $1::int + 1, $2::text, $3::text", 3, NULL, values, NULL, NULL, 0));
    EQUAL(PQgetvalue(r, 0, 0), "8");
    EQUAL(PQgetvalue(r, 0, 1), "x\xc3\xa9");
    TRUE(PQgetisnull(r, 0, 2));
    TRUE(PQftype(r, 0) == 23 && PQftype(r, 1) == 25);
    PQclear(r);
}

static void case_binary(void) {
    PGconn *c = connect_with("");
    const char bytes[] = {0, 0, 1, 2}, raw[] = {0, (char)0xff, 1};
    const char *values[] = {bytes, raw};
    const int lengths[] = {4, 3}, formats[] = {1, 1};
    const Oid types[] = {23, 17};
    PGresult *r = ROWS(c, PQexecParams(c, "SELECT $1, $2", 2, types, values, lengths, formats, 1));
    TRUE(PQfformat(r, 0) == 1 && PQgetlength(r, 0, 0) == 4 && !memcmp(PQgetvalue(r, 0, 0), bytes, 4));
    TRUE(PQgetlength(r, 0, 1) == 3 && !memcmp(PQgetvalue(r, 0, 1), raw, 3));
    PQclear(r);
}

static void case_prepared(void) {
    PGconn *c = connect_with("");
    PQclear(expect(c, PQprepare(c, "one", "SELECT $1::int * 2 AS twice", 0, NULL), PGRES_COMMAND_OK, __LINE__));
    PGresult *r = expect(c, PQdescribePrepared(c, "one"), PGRES_COMMAND_OK, __LINE__);
    TRUE(PQnparams(r) == 1 && PQparamtype(r, 0) == 23);
    EQUAL(PQfname(r, 0), "twice");
    PQclear(r);
    for (int number = 0; number < 20; number++) {
        char text[16], expected[16];
        snprintf(text, sizeof text, "%d", number);
        snprintf(expected, sizeof expected, "%d", number * 2);
        const char *values[] = {text};
        r = ROWS(c, PQexecPrepared(c, "one", 1, values, NULL, NULL, 0));
        EQUAL(PQgetvalue(r, 0, 0), expected);
        PQclear(r);
    }
    PQclear(expect(c, PQprepare(c, "one", "SELECT 1", 0, NULL), PGRES_FATAL_ERROR, __LINE__));
    RUN(c, "DEALLOCATE one");
}

static void case_error_fields(void) {
    PGconn *c = connect_with("");
    RUN(c, "CREATE TABLE libpq_e (a int PRIMARY KEY, b int CONSTRAINT small CHECK (b < 10))");
    RUN(c, "INSERT INTO libpq_e VALUES (1, 1)");
    PGresult *r = expect(c, PQexec(c, "INSERT INTO libpq_e VALUES (1, 2)"), PGRES_FATAL_ERROR, __LINE__);
    EQUAL(PQresultErrorField(r, PG_DIAG_SQLSTATE), "23505");
    EQUAL(PQresultErrorField(r, PG_DIAG_TABLE_NAME), "libpq_e");
    EQUAL(PQresultErrorField(r, PG_DIAG_SCHEMA_NAME), "public");
    EQUAL(PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME), "libpq_e_pkey");
    EQUAL(PQresultErrorField(r, PG_DIAG_MESSAGE_DETAIL), "Key (a)=(1) already exists.");
    PQclear(r);
    r = expect(c, PQexec(c, "INSERT INTO libpq_e VALUES (2, 20)"), PGRES_FATAL_ERROR, __LINE__);
    EQUAL(PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME), "small");
    PQclear(r);
    r = expect(c, PQexec(c, "SELECT nothing FROM libpq_e"), PGRES_FATAL_ERROR, __LINE__);
    EQUAL(PQresultErrorField(r, PG_DIAG_STATEMENT_POSITION), "8");
    PQclear(r);
}

static void case_transaction_status(void) {
    PGconn *c = connect_with("");
    TRUE(PQtransactionStatus(c) == PQTRANS_IDLE);
    RUN(c, "BEGIN");
    TRUE(PQtransactionStatus(c) == PQTRANS_INTRANS);
    PQclear(expect(c, PQexec(c, "SELECT 1/0"), PGRES_FATAL_ERROR, __LINE__));
    TRUE(PQtransactionStatus(c) == PQTRANS_INERROR);
    RUN(c, "ROLLBACK");
    TRUE(PQtransactionStatus(c) == PQTRANS_IDLE);
}

static void case_several_statements(void) {
    PGconn *c = connect_with("");
    TRUE(PQsendQuery(c, "SELECT 1; SELECT 2; SELECT 1/0; SELECT 3"));
    NEXT(c, PGRES_TUPLES_OK);
    NEXT(c, PGRES_TUPLES_OK);
    NEXT(c, PGRES_FATAL_ERROR);
    NO_MORE(c);
}

static void case_single_row(void) {
    PGconn *c = connect_with("");
    TRUE(PQsendQuery(c, "SELECT g FROM generate_series(1, 5000) g"));
    TRUE(PQsetSingleRowMode(c));
    for (int row = 0; row < 5000; row++) NEXT(c, PGRES_SINGLE_TUPLE);
    NEXT(c, PGRES_TUPLES_OK);
    NO_MORE(c);
}

static void case_cursor(void) {
    PGconn *c = connect_with("");
    RUN(c, "BEGIN");
    RUN(c, "DECLARE k CURSOR FOR SELECT g FROM generate_series(1, 30) g");
    PGresult *r = ROWS(c, PQexec(c, "FETCH 20 FROM k"));
    TRUE(PQntuples(r) == 20);
    PQclear(r);
    r = ROWS(c, PQexec(c, "FETCH 20 FROM k"));
    TRUE(PQntuples(r) == 10);
    PQclear(r);
    RUN(c, "COMMIT");
}

static void copy_both_ways(const char *table, const char *options, const char *data, int length) {
    PGconn *c = connect_with("");
    char sql[200];
    snprintf(sql, sizeof sql, "CREATE TABLE %s (a int, b text)", table);
    RUN(c, sql);
    snprintf(sql, sizeof sql, "COPY %s FROM STDIN %s", table, options);
    PQclear(expect(c, PQexec(c, sql), PGRES_COPY_IN, __LINE__));
    TRUE(PQputCopyData(c, data, length / 2) == 1 && PQputCopyData(c, data + length / 2, length - length / 2) == 1);
    TRUE(PQputCopyEnd(c, NULL) == 1);
    PGresult *r = expect(c, PQgetResult(c), PGRES_COMMAND_OK, __LINE__);
    EQUAL(PQcmdTuples(r), "2");
    PQclear(r);
    NO_MORE(c);
    snprintf(sql, sizeof sql, "COPY %s TO STDOUT %s", table, options);
    PQclear(expect(c, PQexec(c, sql), PGRES_COPY_OUT, __LINE__));
    char got[1000], *piece;
    int size = 0, bytes;
    while ((bytes = PQgetCopyData(c, &piece, 0)) > 0) {
        TRUE(size + bytes < (int)sizeof got);
        memcpy(got + size, piece, bytes);
        size += bytes;
        PQfreemem(piece);
    }
    TRUE(bytes == -1 && size == length && !memcmp(got, data, length));
    NEXT(c, PGRES_COMMAND_OK);
    NO_MORE(c);
}

static void case_copy_text(void) {
    copy_both_ways("libpq_ct", "", "1\tone\\ttab\n2\t\\N\n", 16);
}

static void case_copy_csv(void) {
    copy_both_ways("libpq_cc", "(FORMAT csv)", "1,\"a,b\"\n2,\n", 11);
}

static void case_copy_binary(void) {
    static const char data[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"
                               "\0\2\0\0\0\4\0\0\0\1\0\0\0\3one"
                               "\0\2\0\0\0\4\0\0\0\2\377\377\377\377\377\377";
    copy_both_ways("libpq_cb", "(FORMAT binary)", data, sizeof data - 1);
}

static void case_copy_given_up(void) {
    PGconn *c = connect_with("");
    RUN(c, "CREATE TABLE libpq_cg (a int)");
    PQclear(expect(c, PQexec(c, "COPY libpq_cg FROM STDIN"), PGRES_COPY_IN, __LINE__));
    TRUE(PQputCopyData(c, "1\n", 2) == 1 && PQputCopyEnd(c, "changed my mind") == 1);
    PGresult *r = expect(c, PQgetResult(c), PGRES_FATAL_ERROR, __LINE__);
    EQUAL(PQresultErrorField(r, PG_DIAG_SQLSTATE), "57014");
    PQclear(r);
    NO_MORE(c);
    VALUE(c, "SELECT count(*) FROM libpq_cg", "0");
}

static void case_copy_where(void) {
    PGconn *c = connect_with("");
    RUN(c, "CREATE TABLE libpq_cw (a int, b text)");
    PQclear(expect(c, PQexec(c, "COPY libpq_cw FROM STDIN WHERE a % 2 = 0"), PGRES_COPY_IN, __LINE__));
    TRUE(PQputCopyData(c, "1\tx\n2\ty\n3\tz\n4\tw\n", 16) == 1 && PQputCopyEnd(c, NULL) == 1);
    PGresult *r = expect(c, PQgetResult(c), PGRES_COMMAND_OK, __LINE__);
    EQUAL(PQcmdTuples(r), "2");
    PQclear(r);
    NO_MORE(c);
    VALUE(c, "SELECT sum(a) FROM libpq_cw", "6");
}

/* Pipelines, as PostgreSQL's own libpq_pipeline test goes about them. */
static void send(PGconn *c, const char *sql) {
    if (!PQsendQueryParams(c, sql, 0, NULL, NULL, NULL, NULL, 0)) FAIL("%s", PQerrorMessage(c));
}

static void case_pipeline(void) {
    PGconn *c = connect_with("");
    TRUE(PQenterPipelineMode(c));
    /* Nothing that waits for itself is possible there. */
    TRUE(PQexec(c, "SELECT 1") == NULL && PQpipelineStatus(c) == PQ_PIPELINE_ON);
    for (int number = 0; number < 100; number++) send(c, "SELECT 1");
    TRUE(PQpipelineSync(c));
    for (int number = 0; number < 100; number++) {
        NEXT(c, PGRES_TUPLES_OK);
        NO_MORE(c);
    }
    NEXT(c, PGRES_PIPELINE_SYNC);
    TRUE(PQexitPipelineMode(c));
    VALUE(c, "SELECT 2", "2");
}

static void case_pipeline_without_sync(void) {
    PGconn *c = connect_with("");
    TRUE(PQenterPipelineMode(c));
    for (int number = 0; number < 10; number++) {
        send(c, "SELECT 1");
        TRUE(PQsendFlushRequest(c));
        TRUE(PQflush(c) == 0);
        NEXT(c, PGRES_TUPLES_OK);
        NO_MORE(c);
    }
    send(c, "SELECT 1/0");
    TRUE(PQsendFlushRequest(c) && PQflush(c) == 0);
    NEXT(c, PGRES_FATAL_ERROR);
    NO_MORE(c);
    TRUE(PQpipelineSync(c));
    NEXT(c, PGRES_PIPELINE_SYNC);
    TRUE(PQexitPipelineMode(c));
}

static void case_pipeline_abort(void) {
    PGconn *c = connect_with("");
    RUN(c, "CREATE TABLE libpq_pa (a int)");
    TRUE(PQenterPipelineMode(c));
    send(c, "INSERT INTO libpq_pa VALUES (1)");
    send(c, "SELECT no_such_function()");
    send(c, "INSERT INTO libpq_pa VALUES (2)");
    TRUE(PQpipelineSync(c));
    send(c, "INSERT INTO libpq_pa VALUES (3)");
    TRUE(PQpipelineSync(c));
    NEXT(c, PGRES_COMMAND_OK);
    NO_MORE(c);
    NEXT(c, PGRES_FATAL_ERROR);
    NO_MORE(c);
    TRUE(PQpipelineStatus(c) == PQ_PIPELINE_ABORTED);
    NEXT(c, PGRES_PIPELINE_ABORTED);
    NO_MORE(c);
    NEXT(c, PGRES_PIPELINE_SYNC);
    NEXT(c, PGRES_COMMAND_OK);
    NO_MORE(c);
    NEXT(c, PGRES_PIPELINE_SYNC);
    TRUE(PQexitPipelineMode(c));
    VALUE(c, "SELECT string_agg(a::text, ',') FROM libpq_pa", "3");
}

static void case_pipeline_transaction(void) {
    PGconn *c = connect_with("");
    RUN(c, "CREATE TABLE libpq_pt (a int)");
    TRUE(PQenterPipelineMode(c));
    send(c, "BEGIN");
    send(c, "INSERT INTO libpq_pt VALUES (1)");
    TRUE(PQpipelineSync(c));
    send(c, "SELECT 1/0");
    TRUE(PQpipelineSync(c));
    send(c, "INSERT INTO libpq_pt VALUES (2)");
    TRUE(PQpipelineSync(c));
    send(c, "ROLLBACK");
    send(c, "INSERT INTO libpq_pt VALUES (3)");
    TRUE(PQpipelineSync(c));
    for (int number = 0; number < 2; number++) {
        NEXT(c, PGRES_COMMAND_OK);
        NO_MORE(c);
    }
    NEXT(c, PGRES_PIPELINE_SYNC);
    for (int number = 0; number < 2; number++) {
        NEXT(c, PGRES_FATAL_ERROR);
        NO_MORE(c);
        NEXT(c, PGRES_PIPELINE_SYNC);
    }
    for (int number = 0; number < 2; number++) {
        NEXT(c, PGRES_COMMAND_OK);
        NO_MORE(c);
    }
    NEXT(c, PGRES_PIPELINE_SYNC);
    TRUE(PQexitPipelineMode(c));
    VALUE(c, "SELECT string_agg(a::text, ',') FROM libpq_pt", "3");
}

static void case_pipeline_prepared(void) {
    PGconn *c = connect_with("");
    TRUE(PQenterPipelineMode(c));
    TRUE(PQsendPrepare(c, "p", "SELECT $1, '42', $1::numeric", 1, (const Oid[]){23}));
    TRUE(PQsendDescribePrepared(c, "p"));
    TRUE(PQpipelineSync(c));
    NEXT(c, PGRES_COMMAND_OK);
    NO_MORE(c);
    PGresult *r = expect(c, PQgetResult(c), PGRES_COMMAND_OK, __LINE__);
    TRUE(PQnfields(r) == 3 && PQftype(r, 0) == 23 && PQftype(r, 1) == 25 && PQftype(r, 2) == 1700);
    PQclear(r);
    NO_MORE(c);
    NEXT(c, PGRES_PIPELINE_SYNC);
    TRUE(PQexitPipelineMode(c));
    RUN(c, "BEGIN");
    RUN(c, "DECLARE portal_one CURSOR FOR SELECT 1");
    TRUE(PQenterPipelineMode(c) && PQsendDescribePortal(c, "portal_one") && PQpipelineSync(c));
    r = expect(c, PQgetResult(c), PGRES_COMMAND_OK, __LINE__);
    TRUE(PQftype(r, 0) == 23);
    PQclear(r);
    NO_MORE(c);
    NEXT(c, PGRES_PIPELINE_SYNC);
    TRUE(PQexitPipelineMode(c));
}

static void case_pipeline_unique_violation(void) {
    PGconn *c = connect_with("");
    RUN(c, "CREATE TABLE libpq_pu (a bigint PRIMARY KEY)");
    TRUE(PQenterPipelineMode(c));
    for (int number = 0; number < 300; number++) {
        char sql[100];
        snprintf(sql, sizeof sql, "INSERT INTO libpq_pu VALUES (%d) RETURNING a", number == 200 ? 7 : number);
        send(c, sql);
    }
    TRUE(PQpipelineSync(c));
    int given = 0, refused = 0, passed_over = 0;
    for (int number = 0; number < 300; number++) {
        PGresult *r = PQgetResult(c);
        switch (PQresultStatus(r)) {
        case PGRES_TUPLES_OK: given++; break;
        case PGRES_FATAL_ERROR: refused++; break;
        case PGRES_PIPELINE_ABORTED: passed_over++; break;
        default: FAIL("%s", PQresStatus(PQresultStatus(r)));
        }
        PQclear(r);
        NO_MORE(c);
    }
    NEXT(c, PGRES_PIPELINE_SYNC);
    TRUE(given == 200 && refused == 1 && passed_over == 99);
    TRUE(PQexitPipelineMode(c));
    VALUE(c, "SELECT count(*) FROM libpq_pu", "0");
}

static void case_pipelined_inserts(void) {
    PGconn *c = connect_with("");
    RUN(c, "CREATE TABLE libpq_pi (a int, b text)");
    TRUE(PQenterPipelineMode(c));
    TRUE(PQsendPrepare(c, "i", "INSERT INTO libpq_pi VALUES ($1, $2)", 0, NULL));
    for (int number = 0; number < 2000; number++) {
        char text[16];
        snprintf(text, sizeof text, "%d", number);
        TRUE(PQsendQueryPrepared(c, "i", 2, (const char *[]){text, "some text"}, NULL, NULL, 0));
    }
    TRUE(PQpipelineSync(c));
    for (int number = 0; number < 2001; number++) {
        NEXT(c, PGRES_COMMAND_OK);
        NO_MORE(c);
    }
    NEXT(c, PGRES_PIPELINE_SYNC);
    TRUE(PQexitPipelineMode(c));
    VALUE(c, "SELECT count(*) FROM libpq_pi", "2000");
}

static void *cancel_soon(void *cancel) {
    char error[256];
    struct timespec pause = {0, 300000000};
    nanosleep(&pause, NULL);
    return PQcancel(cancel, error, sizeof error) ? cancel : NULL;
}

static void case_cancel(void) {
    PGconn *c = connect_with("");
    PGcancel *cancel = PQgetCancel(c);
    pthread_t thread;
    pthread_create(&thread, NULL, cancel_soon, cancel);
    PGresult *r = expect(c, PQexec(c, "SELECT count(*) FROM generate_series(1, 1000000000)"), PGRES_FATAL_ERROR, __LINE__);
    EQUAL(PQresultErrorField(r, PG_DIAG_SQLSTATE), "57014");
    PQclear(r);
    pthread_join(thread, NULL);
    PQfreeCancel(cancel);
    VALUE(c, "SELECT 1", "1");
}

static char noticed[1000];

static void keep_notice(void *unused, const PGresult *r) {
    (void)unused;
    snprintf(noticed, sizeof noticed, "%s", PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY));
}

static void case_notices(void) {
    PGconn *c = connect_with("");
    PQsetNoticeReceiver(c, keep_notice, NULL);
    RUN(c, "DROP TABLE IF EXISTS libpq_none");
    EQUAL(noticed, "table \"libpq_none\" does not exist, skipping");
}

static void case_notify(void) {
    PGconn *listener = connect_with(""), *sender = connect_with("");
    RUN(listener, "LISTEN libpq_c");
    RUN(sender, "NOTIFY libpq_c, 'hello'");
    PGnotify *heard = NULL;
    for (int tries = 0; !heard && tries < 50; tries++) {
        struct pollfd wait = {PQsocket(listener), POLLIN, 0};
        poll(&wait, 1, 100);
        TRUE(PQconsumeInput(listener));
        heard = PQnotifies(listener);
    }
    TRUE(heard && heard->be_pid == PQbackendPID(sender));
    EQUAL(heard->extra, "hello");
    PQfreemem(heard);
}

static void case_large_value(void) {
    PGconn *c = connect_with("");
    int length = 5000000;
    char *value = malloc(length + 1);
    memset(value, 'x', length);
    value[length] = 0;
    PGresult *r = PQexecParams(c, "SELECT $1::text", 1, NULL, (const char *[]){value}, NULL, NULL, 0);
    free(value);
    ROWS(c, r);
    TRUE(PQgetlength(r, 0, 0) == length);
    PQclear(r);
}

static void case_advisory_locks(void) {
    PGconn *one = connect_with(""), *other = connect_with("");
    VALUE(one, "SELECT pg_advisory_lock(4711)", "");
    VALUE(other, "SELECT pg_try_advisory_lock(4711)", "f");
    VALUE(one, "SELECT pg_advisory_unlock(4711)", "t");
    VALUE(other, "SELECT pg_try_advisory_lock(4711)", "t");
}

static void case_target_session_attrs(void) {
    /* Of several nodes one leads, and the others say that they are standbys. */
    static const char *const attrs[] = {"any", "read-write", "primary", "read-only", "standby", "prefer-standby"};
    char hosts[500] = "", ports[500] = "", more[1200], all[1000];
    int count = 0;
    snprintf(all, sizeof all, "%s", getenv("EIDER_HOSTS"));
    for (char *node = strtok(all, ","); node; node = strtok(NULL, ",")) {
        char *port = strrchr(node, ':');
        *port++ = 0;
        if (count++) strcat(hosts, ","), strcat(ports, ",");
        strcat(hosts, node), strcat(ports, port);
    }
    for (int at = 0; at < 6; at++) {
        snprintf(more, sizeof more, "host=%s port=%s target_session_attrs=%s", hosts, ports, attrs[at]);
        PGconn *c = PQconnectdb(more);
        opened[opened_count++] = c;
        if (count == 1 && (at == 3 || at == 4)) {
            TRUE(PQstatus(c) == CONNECTION_BAD);
            continue;
        }
        if (PQstatus(c) != CONNECTION_OK) FAIL("%s: %s", attrs[at], PQerrorMessage(c));
        if (at > 0) EQUAL(PQparameterStatus(c, "in_hot_standby"), at > 2 && count > 1 ? "on" : "off");
        if (at > 0) VALUE(c, "SELECT pg_is_in_recovery()", at > 2 && count > 1 ? "t" : "f");
    }
}

#define CASES(run) \
    run(connect) run(unknown_database) run(parameters) run(binary) run(prepared) run(error_fields) \
    run(transaction_status) run(several_statements) run(single_row) run(cursor) run(copy_text) run(copy_csv) \
    run(copy_binary) run(copy_given_up) run(copy_where) run(pipeline) run(pipeline_without_sync) \
    run(pipeline_abort) run(pipeline_transaction) run(pipeline_prepared) run(pipeline_unique_violation) \
    run(pipelined_inserts) run(cancel) run(notices) run(notify) run(large_value) run(advisory_locks) \
    run(target_session_attrs)

static void play(const char *name, void (*run)(void)) {
    if (setjmp(failed) == 0) {
        alarm(15); /* What hangs ends the program, and that says where. */
        run();
        printf("case %s ok\n", name);
    } else {
        for (char *at = why; *at; at++) if (*at == '\n') *at = ' ';
        printf("case %s failed %s\n", name, why);
    }
    while (opened_count > 0) PQfinish(opened[--opened_count]);
    fflush(stdout);
}

int main(void) {
#define PLAY(name) play(#name, case_##name);
    CASES(PLAY)
    return 0;
}
