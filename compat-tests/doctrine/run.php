<?php
// Doctrine: PDO and the pgsql extension by themselves, DBAL with its schema manager, and the ORM with entities of a shop.

use Doctrine\Common\Collections\ArrayCollection;
use Doctrine\Common\Collections\Collection;
use Doctrine\DBAL\ArrayParameterType;
use Doctrine\DBAL\Connection;
use Doctrine\DBAL\DriverManager;
use Doctrine\DBAL\Exception as DbalException;
use Doctrine\DBAL\Exception\CheckConstraintViolationException;
use Doctrine\DBAL\Exception\DriverException;
use Doctrine\DBAL\Exception\ForeignKeyConstraintViolationException;
use Doctrine\DBAL\Exception\NotNullConstraintViolationException;
use Doctrine\DBAL\Exception\UniqueConstraintViolationException;
use Doctrine\DBAL\LockMode;
use Doctrine\DBAL\ParameterType;
use Doctrine\DBAL\Schema\Comparator;
use Doctrine\DBAL\Schema\Schema;
use Doctrine\DBAL\TransactionIsolationLevel;
use Doctrine\DBAL\Types\Types;
use Doctrine\ORM\Configuration;
use Doctrine\ORM\EntityManager;
use Doctrine\ORM\Mapping as ORM;
use Doctrine\ORM\Mapping\Driver\AttributeDriver;
use Doctrine\ORM\OptimisticLockException;
use Doctrine\ORM\Tools\Pagination\Paginator;
use Doctrine\ORM\Tools\SchemaTool;
use Doctrine\ORM\Tools\SchemaValidator;

error_reporting(E_ALL & ~E_DEPRECATED & ~E_USER_DEPRECATED);
require 'Doctrine/ORM/autoload.php';

enum Stage: string
{
    case Open = 'open';
    case Paid = 'paid';
}

#[ORM\Entity, ORM\Table(name: 'shop')]
class Shop
{
    #[ORM\Id, ORM\GeneratedValue, ORM\Column] public int $id;
    #[ORM\Column(length: 50, unique: true, options: ['comment' => 'as customers see it'])] public string $name;
    #[ORM\OneToMany(targetEntity: Product::class, mappedBy: 'shop', cascade: ['persist', 'remove'])] public Collection $products;

    public function __construct(string $name)
    {
        $this->name = $name;
        $this->products = new ArrayCollection();
    }
}

#[ORM\Entity, ORM\Table(name: 'product')]
#[ORM\Index(name: 'product_price', columns: ['price', 'name'])]
#[ORM\UniqueConstraint(name: 'name_in_shop', columns: ['name', 'shop_id'])]
class Product
{
    #[ORM\Id, ORM\GeneratedValue(strategy: 'IDENTITY'), ORM\Column(type: Types::BIGINT)] public $id;
    #[ORM\Version, ORM\Column(type: Types::INTEGER)] public int $version = 1;
    #[ORM\Column] public string $name;
    #[ORM\Column(type: Types::DECIMAL, precision: 10, scale: 2)] public string $price;
    #[ORM\Column(nullable: true)] public ?float $weight = null;
    #[ORM\Column(options: ['default' => true])] public bool $active = true;
    #[ORM\Column(length: 10, enumType: Stage::class)] public Stage $stage = Stage::Open;
    #[ORM\Column(type: Types::JSON, options: ['jsonb' => true])] public array $details = [];
    #[ORM\Column(type: Types::BLOB, nullable: true)] public $picture = null;
    #[ORM\Column(type: Types::GUID)] public string $code = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11';
    #[ORM\Column(type: Types::DATE_IMMUTABLE, nullable: true)] public ?DateTimeImmutable $day = null;
    #[ORM\Column(type: Types::DATETIMETZ_IMMUTABLE)] public DateTimeImmutable $made;
    #[ORM\ManyToOne(inversedBy: 'products'), ORM\JoinColumn(nullable: false)] public Shop $shop;
    #[ORM\ManyToMany(targetEntity: Label::class, cascade: ['persist'])] public Collection $labels;

    public function __construct(Shop $shop, string $name, string $price)
    {
        [$this->shop, $this->name, $this->price] = [$shop, $name, $price];
        $this->made = new DateTimeImmutable('2024-02-29 12:34:56+02:00');
        $this->labels = new ArrayCollection();
        $shop->products->add($this);
    }
}

#[ORM\Entity, ORM\Table(name: 'label')]
class Label
{
    #[ORM\Id, ORM\GeneratedValue, ORM\Column] public int $id;
    #[ORM\Column(unique: true)] public string $name;

    public function __construct(string $name)
    {
        $this->name = $name;
    }
}

#[ORM\Entity, ORM\InheritanceType('JOINED'), ORM\DiscriminatorColumn(name: 'kind', length: 10)]
#[ORM\DiscriminatorMap(['person' => Person::class, 'company' => Company::class])]
abstract class Customer
{
    #[ORM\Id, ORM\GeneratedValue, ORM\Column] public int $id;
    #[ORM\Column] public string $email;
}

#[ORM\Entity]
class Person extends Customer
{
    #[ORM\Column] public string $name;
}

#[ORM\Entity]
class Company extends Customer
{
    #[ORM\Column] public int $size;
}

const CLASSES = [Shop::class, Product::class, Label::class, Customer::class, Person::class, Company::class];

function url(): string
{
    return sprintf('pgsql:host=%s;port=%s;dbname=%s;sslmode=disable', getenv('PGHOST'), getenv('PGPORT'), getenv('PGDATABASE'));
}

function open(string $driver = 'pdo_pgsql'): Connection
{
    return DriverManager::getConnection(['driver' => $driver, 'host' => getenv('PGHOST'), 'port' => (int) getenv('PGPORT'), 'sslmode' => 'disable',
        'user' => getenv('PGUSER'), 'password' => '', 'dbname' => getenv('PGDATABASE'), 'charset' => 'utf8']);
}

function entities(): EntityManager
{
    static $configuration = null;
    if ($configuration === null) {
        $configuration = new Configuration();
        $configuration->setMetadataDriverImpl(new AttributeDriver([__DIR__]));
        $configuration->setProxyDir(sys_get_temp_dir());
        $configuration->setProxyNamespace('Proxies');
        $configuration->setAutoGenerateProxyClasses(Doctrine\ORM\Proxy\ProxyFactory::AUTOGENERATE_EVAL);
    }
    return new EntityManager(open(), $configuration);
}

function equal($got, $expected): void
{
    if ($got !== $expected) {
        throw new Exception(json_encode($got) . ' instead of ' . json_encode($expected));
    }
}

function failure(string $kind, callable $body): Throwable
{
    try {
        $body();
    } catch (Throwable $error) {
        if ($error instanceof $kind) {
            return $error;
        }
        throw $error;
    }
    throw new Exception('no error');
}

function metadata(EntityManager $entities): array
{
    return array_map(fn ($class) => $entities->getClassMetadata($class), CLASSES);
}

function names(EntityManager $entities, string $dql, array $parameters = []): array
{
    $query = $entities->createQuery($dql);
    foreach ($parameters as $name => $value) {
        $query->setParameter($name, $value);
    }
    return array_map(fn ($row) => is_array($row) ? $row['name'] : $row->name, $query->getResult());
}

$cases = [
    'pdo' => function () {
        $db = new PDO(url(), getenv('PGUSER'), '', [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
        equal(explode('.', $db->getAttribute(PDO::ATTR_SERVER_VERSION))[0], '15');
        $statement = $db->prepare('SELECT ?::int AS n, ?::text AS t, ?::bool AS b, ?::bytea AS d, NULL::int AS nothing, ?::numeric AS x');
        $statement->bindValue(1, 7, PDO::PARAM_INT);
        $statement->bindValue(2, "é'\\");
        $statement->bindValue(3, true, PDO::PARAM_BOOL);
        $statement->bindValue(4, "\0\xff", PDO::PARAM_LOB);
        $statement->bindValue(5, '1.50');
        $statement->execute();
        $row = $statement->fetch(PDO::FETCH_ASSOC);
        $row['d'] = bin2hex(stream_get_contents($row['d']));
        equal($row, ['n' => 7, 't' => "é'\\", 'b' => true, 'd' => '00ff', 'nothing' => null, 'x' => '1.50']);
        equal([$statement->getColumnMeta(0)['native_type'], $statement->getColumnMeta(5)['native_type']], ['int4', 'numeric']);
        $db->setAttribute(PDO::ATTR_EMULATE_PREPARES, true);
        equal($db->query('SELECT 1; SELECT 2')->fetchColumn(), 2);
        $db->setAttribute(PDO::ATTR_EMULATE_PREPARES, false);
        equal(failure(PDOException::class, fn () => $db->query('SELECT nothing'))->getCode(), '42703');
        $db->exec('CREATE TABLE pdo_rows (id serial PRIMARY KEY, name text, n int)');
        equal($db->pgsqlCopyFromArray('pdo_rows', ["10\tone\t1", "11\ttwo\t\\N"]), true);
        equal($db->pgsqlCopyToArray('pdo_rows'), ["10\tone\t1\n", "11\ttwo\t\\N\n"]);
        $db->exec("INSERT INTO pdo_rows (name) VALUES ('three')");
        equal($db->lastInsertId(), '1');
        equal($db->exec("UPDATE pdo_rows SET n = 5 WHERE id > 1"), 2);
        $cursor = $db->prepare('SELECT id FROM pdo_rows ORDER BY id', [PDO::ATTR_CURSOR => PDO::CURSOR_SCROLL]);
        $cursor->execute();
        equal([$cursor->fetchColumn(), $cursor->fetch(PDO::FETCH_NUM, PDO::FETCH_ORI_LAST), $cursor->fetch(PDO::FETCH_NUM, PDO::FETCH_ORI_PRIOR)], [1, [11], [10]]);
        $cursor->closeCursor();
        $db->exec('LISTEN news');
        $db->exec("NOTIFY news, 'hello'");
        equal(array_slice($db->pgsqlGetNotify(PDO::FETCH_NUM, 5000), 0, 1), ['news']);
        $db->exec('DROP TABLE pdo_rows');
    },
    'pgsql_extension' => function () {
        $db = pg_connect(str_replace([';', 'pgsql:'], [' ', ''], url()) . ' user=' . getenv('PGUSER'), PGSQL_CONNECT_FORCE_NEW);
        $result = pg_query_params($db, 'SELECT $1::int + 1, $2::text[]', [41, '{a,"b c"}']);
        equal(pg_fetch_row($result), ['42', '{a,"b c"}']);
        equal([pg_field_type($result, 0), pg_field_type($result, 1), pg_field_name($result, 0)], ['int4', '_text', '?column?']);
        pg_query($db, 'CREATE TABLE ext_rows (id int PRIMARY KEY, name text NOT NULL, moment timestamptz)');
        equal(pg_insert($db, 'ext_rows', ['id' => 1, 'name' => "o'ne"]) !== false, true);
        pg_update($db, 'ext_rows', ['name' => 'two'], ['id' => 1]);
        equal(pg_select($db, 'ext_rows', ['id' => 1]), [['id' => '1', 'name' => 'two', 'moment' => null]]);
        equal(array_keys(pg_meta_data($db, 'ext_rows')), ['id', 'name', 'moment']);
        pg_send_query($db, 'INSERT INTO ext_rows VALUES (1, NULL)');
        $error = pg_get_result($db);
        equal([pg_result_error_field($error, PGSQL_DIAG_SQLSTATE), pg_result_error_field($error, PGSQL_DIAG_COLUMN_NAME)], ['23502', 'name']);
        pg_prepare($db, 'byname', 'SELECT id FROM ext_rows WHERE name = $1');
        equal(pg_fetch_all_columns(pg_execute($db, 'byname', ['two'])), ['1']);
        pg_copy_from($db, 'ext_rows', ["2\tthree\t\\N\n"]);
        equal(pg_copy_to($db, 'ext_rows'), ["1\ttwo\t\\N\n", "2\tthree\t\\N\n"]);
        pg_query($db, 'DROP TABLE ext_rows');
        pg_close($db);
    },
    'dbal_types' => function () {
        foreach (['pdo_pgsql', 'pgsql'] as $driver) {
            $db = open($driver);
            $db->executeStatement('CREATE TABLE things (id int PRIMARY KEY, flag boolean, day date, moment timestamp(0), zoned timestamp(0) with time zone, clock time(0), document json, data bytea, exact numeric(12,3), double double precision, big bigint, key uuid)');
            $types = ['integer', 'boolean', 'date_immutable', 'datetime_immutable', 'datetimetz_immutable', 'time_immutable', 'json', 'binary', 'decimal', 'float', 'bigint', 'guid'];
            $values = [1, true, new DateTimeImmutable('2024-02-29'), new DateTimeImmutable('2024-02-29 12:34:56'), new DateTimeImmutable('2024-02-29 12:34:56+02:00'),
                new DateTimeImmutable('12:34:56'), ['a' => [1, null]], "\0\xff", '123456789.125', 0.1, '9007199254740993', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'];
            $columns = ['id', 'flag', 'day', 'moment', 'zoned', 'clock', 'document', 'data', 'exact', 'double', 'big', 'key'];
            equal($db->insert('things', array_combine($columns, $values), $types), 1);
            $row = $db->fetchNumeric('SELECT * FROM things');
            $read = array_map(fn ($type, $value) => $db->convertToPHPValue($value, $type), $types, $row);
            equal([$read[1], $read[2]->format('c'), $read[3]->format('c'), $read[4]->getTimestamp(), $read[6], $read[8], $read[9], (string) $read[10], $read[11]],
                [true, '2024-02-29T00:00:00+00:00', '2024-02-29T12:34:56+00:00', $values[4]->getTimestamp(), ['a' => [1, null]], '123456789.125', 0.1, '9007199254740993', $values[11]]);
            equal(bin2hex(stream_get_contents($read[7])), '00ff');
            equal($db->fetchFirstColumn('SELECT id FROM things WHERE id IN (?) AND flag = ?', [[1, 2], true], [ArrayParameterType::INTEGER, ParameterType::BOOLEAN]), [1]);
            $db->executeStatement('DROP TABLE things');
            $db->close();
        }
    },
    'dbal_schema' => function () {
        $db = open();
        $schema = new Schema();
        $parent = $schema->createTable('depots');
        $parent->addColumn('id', 'integer', ['autoincrement' => true]);
        $parent->addColumn('name', 'string', ['length' => 40, 'comment' => "what it's called"]);
        $parent->setPrimaryKey(['id']);
        $parent->addUniqueIndex(['name'], 'depots_name');
        $child = $schema->createTable('boxes');
        $child->addColumn('id', 'bigint', ['autoincrement' => true]);
        $child->addColumn('depot_id', 'integer', ['notnull' => false]);
        $child->addColumn('size', 'decimal', ['precision' => 8, 'scale' => 3, 'default' => '1.5']);
        $child->addColumn('full', 'boolean', ['default' => false]);
        $child->addColumn('made', 'datetimetz', ['default' => 'CURRENT_TIMESTAMP']);
        $child->addColumn('info', 'json', ['notnull' => false]);
        $child->setPrimaryKey(['id']);
        $child->addIndex(['size', 'full'], 'boxes_size');
        $child->addIndex(['depot_id'], 'boxes_full', [], ['where' => '("full" = true)']);
        $child->addForeignKeyConstraint('depots', ['depot_id'], ['id'], ['onDelete' => 'CASCADE'], 'boxes_depot');
        $schema->createSequence('tickets', 5, 100);
        foreach ($schema->toSql($db->getDatabasePlatform()) as $sql) {
            $db->executeStatement($sql);
        }
        $manager = $db->createSchemaManager();
        $tables = $manager->listTableNames();
        sort($tables);
        equal([$manager->tablesExist(['depots', 'boxes']), $tables], [true, ['boxes', 'depots']]);
        $table = $manager->introspectTable('boxes');
        equal([$table->getColumn('size')->getPrecision(), $table->getColumn('size')->getScale(), $table->getColumn('size')->getDefault(), $table->getColumn('id')->getAutoincrement()], [8, 3, '1.5', true]);
        $key = array_values($table->getForeignKeys())[0];
        equal([$key->getName(), $key->getForeignTableName(), $key->onDelete()], ['boxes_depot', 'depots', 'CASCADE']);
        equal([$table->getIndex('boxes_size')->getColumns(), $table->getIndex('boxes_full')->getOption('where')], [['size', 'full'], '("full" = true)']);
        equal($manager->introspectTable('depots')->getColumn('name')->getComment(), "what it's called");
        $tickets = array_values(array_filter($manager->listSequences(), fn ($one) => $one->getName() === 'tickets'));
        equal([$tickets[0]->getAllocationSize(), $tickets[0]->getInitialValue()], [5, 100]);
        equal($db->fetchOne($db->getDatabasePlatform()->getSequenceNextValSQL('tickets')), 100);
        // What is there is what was asked for; then it changes, and changes back.
        $compare = function (Schema $wanted) use ($db, $manager) {
            return $db->getDatabasePlatform()->getAlterSchemaSQL($manager->createComparator()->compareSchemas($manager->introspectSchema(), $wanted));
        };
        $schema->createNamespace('public');
        equal($compare($schema), []);
        $changed = clone $schema;
        $boxes = $changed->getTable('boxes');
        $boxes->addColumn('note', 'text', ['default' => 'none']);
        $boxes->modifyColumn('size', ['precision' => 12, 'notnull' => false, 'default' => null]);
        $boxes->dropColumn('info');
        $boxes->renameIndex('boxes_size', 'boxes_by_size');
        foreach ($compare($changed) as $sql) {
            $db->executeStatement($sql);
        }
        equal($compare($changed), []);
        foreach ($compare($schema) as $sql) {
            $db->executeStatement($sql);
        }
        equal($compare($schema), []);
        $db->executeStatement("CREATE VIEW named AS SELECT name FROM depots");
        equal(count(array_filter($manager->listViews(), fn ($view) => str_ends_with($view->getName(), 'named'))), 1);
        $db->executeStatement('DROP VIEW named');
        $manager->dropTable('boxes');
        $manager->dropTable('depots');
        $manager->dropSequence('tickets');
        equal($manager->listTableNames(), []);
        $manager->createDatabase(getenv('PGDATABASE') . '_more');
        equal(in_array(getenv('PGDATABASE') . '_more', $manager->listDatabases(), true), true);
        $manager->dropDatabase(getenv('PGDATABASE') . '_more');
        $db->close();
    },
    'orm_schema' => function () {
        $entities = entities();
        $tool = new SchemaTool($entities);
        $tool->createSchema(metadata($entities));
        equal($tool->getUpdateSchemaSql(metadata($entities), true), []);
        equal((new SchemaValidator($entities))->validateMapping(), []);
    },
    'crud' => function () {
        $entities = entities();
        $shop = new Shop('corner');
        $lamp = new Product($shop, 'lamp', '9.99');
        $lamp->details = ['watt' => 40, 'colours' => ['red', 'blue']];
        $lamp->picture = "\0\xff";
        $lamp->day = new DateTimeImmutable('2024-02-29');
        $lamp->labels->add(new Label('new'));
        $lamp->labels->add(new Label('sale'));
        $table = new Product($shop, 'Table', '120');
        $table->weight = 12.5;
        $entities->persist($shop);
        $entities->flush();
        $entities->clear();
        $again = $entities->getRepository(Product::class)->findOneBy(['name' => 'lamp']);
        equal([$again->price, $again->details['watt'], bin2hex(stream_get_contents($again->picture)), $again->day->format('Y-m-d'), $again->stage, $again->made->getTimestamp(), $again->active],
            ['9.99', 40, '00ff', '2024-02-29', Stage::Open, $lamp->made->getTimestamp(), true]);
        $again->price = '8.00';
        $again->stage = Stage::Paid;
        $again->labels->removeElement($again->labels->first());
        $entities->flush();
        $entities->clear();
        $again = $entities->find(Product::class, $again->id);
        equal([$again->version, $again->stage, count($again->labels), $again->shop->name], [2, Stage::Paid, 1, 'corner']);
        equal($entities->createQuery("UPDATE Product p SET p.weight = p.weight + 1 WHERE p.name = 'Table'")->execute(), 1);
        $label = new Label('soon gone');
        $entities->persist($label);
        $entities->flush();
        $entities->remove($label);
        $entities->flush();
        equal($entities->getRepository(Label::class)->count([]), 2);
    },
    'queries' => function () {
        $entities = entities();
        equal(names($entities, 'SELECT p FROM Product p WHERE LOWER(p.name) LIKE :like', ['like' => '%tab%']), ['Table']);
        equal(names($entities, 'SELECT p FROM Product p WHERE p.price < :top OR p.weight BETWEEN 10 AND 20 ORDER BY p.name', ['top' => 10]), ['Table', 'lamp']);
        equal(names($entities, 'SELECT p FROM Product p WHERE p.name IN (:names)', ['names' => ['lamp', 'none']]), ['lamp']);
        equal(names($entities, "SELECT p FROM Product p JOIN p.labels l WHERE l.name = 'sale'"), ['lamp']);
        equal(names($entities, 'SELECT p FROM Product p WHERE p.labels IS EMPTY'), ['Table']);
        equal(names($entities, 'SELECT p FROM Product p WHERE EXISTS (SELECT 1 FROM Label l WHERE l MEMBER OF p.labels)'), ['lamp']);
        equal(names($entities, "SELECT p FROM Product p WHERE DATE_ADD(p.day, 1, 'month') > '2024-03-01'"), ['lamp']);
        equal(names($entities, 'SELECT NEW Label(CONCAT(p.name, s.name)) FROM Product p JOIN p.shop s ORDER BY p.id'), ['lampcorner', 'Tablecorner']);
        $joined = $entities->createQuery('SELECT s, p, l FROM Shop s JOIN s.products p LEFT JOIN p.labels l ORDER BY p.name')->getSingleResult();
        equal([count($joined->products), count($joined->products[1]->labels)], [2, 1]);
        equal($entities->createQuery('SELECT COUNT(p), SUM(p.price), AVG(p.price), MAX(p.name), MIN(p.weight) FROM Product p')->getSingleResult(), [1 => 2, 2 => '128.00', 3 => '64.0000000000000000', 4 => 'lamp', 5 => '13.5']);
        equal($entities->createQuery('SELECT s.name, COUNT(p) AS n FROM Shop s JOIN s.products p GROUP BY s.id, s.name HAVING COUNT(p) > 1')->getArrayResult(), [['name' => 'corner', 'n' => 2]]);
        $pages = new Paginator($entities->createQuery('SELECT p, l FROM Product p LEFT JOIN p.labels l ORDER BY p.price DESC')->setFirstResult(1)->setMaxResults(1));
        equal([count($pages), iterator_to_array($pages)[0]->name], [2, 'lamp']);
        $builder = $entities->getConnection()->createQueryBuilder();
        equal($builder->select('name')->from('product')->where("details->>'watt' = :watt")->setParameter('watt', '40')->fetchFirstColumn(), ['lamp']);
        equal($entities->getConnection()->fetchFirstColumn('SELECT name FROM product WHERE details @> ?', ['{"watt": 40}']), ['lamp']);
    },
    'inheritance' => function () {
        $entities = entities();
        $person = new Person();
        [$person->email, $person->name] = ['anna@example.org', 'Anna'];
        $company = new Company();
        [$company->email, $company->size] = ['info@example.org', 12];
        $entities->persist($person);
        $entities->persist($company);
        $entities->flush();
        $entities->clear();
        $all = $entities->createQuery('SELECT c FROM Customer c ORDER BY c.email')->getResult();
        equal([$all[0]->name, $all[1]->size], ['Anna', 12]);
        equal($entities->createQuery('DELETE FROM Customer c WHERE c INSTANCE OF Company')->execute(), 1);
    },
    'bulk' => function () {
        $entities = entities();
        for ($at = 0; $at < 1000; $at++) {
            $entities->persist(new Label("l$at"));
        }
        $entities->flush();
        $sum = 0;
        foreach ($entities->createQuery("SELECT l FROM Label l WHERE l.name LIKE 'l%'")->toIterable() as $label) {
            $sum++;
        }
        equal($sum, 1000);
        equal($entities->createQuery("DELETE FROM Label l WHERE l.name LIKE 'l%'")->execute(), 1000);
        $db = $entities->getConnection();
        equal($db->executeStatement("INSERT INTO label (id, name) VALUES (nextval('label_id_seq'), 'sale') ON CONFLICT (name) DO UPDATE SET name = excluded.name"), 1);
        equal($entities->getRepository(Label::class)->count([]), 2);
    },
    'transactions' => function () {
        $entities = entities();
        $db = $entities->getConnection();
        $db->setNestTransactionsWithSavepoints(true);
        $db->beginTransaction();
        $db->executeStatement("INSERT INTO label (id, name) VALUES (10001, 'one')");
        $db->beginTransaction();
        failure(UniqueConstraintViolationException::class, fn () => $db->executeStatement("INSERT INTO label (id, name) VALUES (10002, 'one')"));
        $db->rollBack();
        $db->beginTransaction();
        $db->executeStatement("INSERT INTO label (id, name) VALUES (10003, 'two')");
        $db->commit();
        $db->commit();
        equal($db->fetchFirstColumn('SELECT name FROM label WHERE id > 10000 ORDER BY id'), ['one', 'two']);
        failure(DomainException::class, fn () => $db->transactional(function () use ($db) {
            $db->executeStatement('DELETE FROM product_label');
            throw new DomainException('back');
        }));
        equal($db->fetchOne('SELECT count(*) FROM product_label'), 1);
        $db->setTransactionIsolation(TransactionIsolationLevel::SERIALIZABLE);
        equal($db->fetchOne('SHOW transaction_isolation'), 'serializable');
        $db->setTransactionIsolation(TransactionIsolationLevel::READ_COMMITTED);
        $entities->wrapInTransaction(function (EntityManager $entities) {
            $lamp = $entities->createQuery("SELECT p FROM Product p WHERE p.name = 'lamp'")->setLockMode(LockMode::PESSIMISTIC_WRITE)->getSingleResult();
            $entities->lock($lamp, LockMode::PESSIMISTIC_READ);
            $lamp->price = '7.00';
        });
        $db->executeStatement('DELETE FROM label WHERE id > 10000');
    },
    'optimistic_locking' => function () {
        [$one, $two] = [entities(), entities()];
        $first = $one->getRepository(Product::class)->findOneBy(['name' => 'lamp']);
        $second = $two->getRepository(Product::class)->findOneBy(['name' => 'lamp']);
        $first->price = '6.00';
        $one->flush();
        $second->price = '5.00';
        failure(OptimisticLockException::class, fn () => $two->flush());
        failure(OptimisticLockException::class, fn () => $one->find(Product::class, $first->id, LockMode::OPTIMISTIC, 1));
    },
    'errors' => function () {
        $db = open();
        $db->executeStatement('ALTER TABLE product ADD CONSTRAINT price_not_negative CHECK (price >= 0)');
        $state = fn (string $sql) => failure(DriverException::class, fn () => $db->executeStatement($sql));
        equal($state('UPDATE product SET price = -1')->getSQLState(), '23514');
        equal($state('INSERT INTO product_label VALUES (9999, 1)') instanceof ForeignKeyConstraintViolationException, true);
        equal($state('INSERT INTO label VALUES (5, NULL)') instanceof NotNullConstraintViolationException, true);
        equal($state('SELECT nothing') instanceof DbalException\InvalidFieldNameException, true);
        equal($state('SELECT 1 FROM nothing') instanceof DbalException\TableNotFoundException, true);
        equal($state('SELECT FROM WHERE') instanceof DbalException\SyntaxErrorException, true);
        $db->executeStatement("SET statement_timeout = '100ms'");
        equal($state('SELECT count(*) FROM generate_series(1, 1000000000)')->getSQLState(), '57014');
        $wrong = DriverManager::getConnection(['dbname' => 'no_such_database'] + $db->getParams());
        equal(failure(DbalException::class, fn () => $wrong->executeQuery('SELECT 1')) instanceof DbalException\ConnectionException, true);
    },
    'orm_schema_dropped' => function () {
        $entities = entities();
        (new SchemaTool($entities))->dropSchema(metadata($entities));
        equal($entities->getConnection()->createSchemaManager()->listTableNames(), []);
    },
];

foreach ($cases as $name => $case) {
    try {
        $case();
        echo "case $name ok\n";
    } catch (Throwable $error) {
        echo "case $name failed ", preg_replace('/\s+/', ' ', get_class($error) . ': ' . $error->getMessage()), ' line ', $error->getLine(), "\n";
    }
}
