//! SQLite extensions: a function and a virtual table of a library that is compiled here.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::support::{Cluster, Node, wait_for};

/// `rot13(text)`, and `series_of(n)`: a table-valued function with one column.
const SOURCE: &str = r#"
#include <sqlite3ext.h>
#include <string.h>
SQLITE_EXTENSION_INIT1

static void rot13(sqlite3_context *context, int count, sqlite3_value **values) {
    char *text = sqlite3_mprintf("%s", sqlite3_value_text(values[0]));
    for (char *at = text; *at; at++) {
        char base = *at >= 'a' && *at <= 'z' ? 'a' : *at >= 'A' && *at <= 'Z' ? 'A' : 0;
        if (base) *at = base + (*at - base + 13) % 26;
    }
    sqlite3_result_text(context, text, -1, sqlite3_free);
}

typedef struct { sqlite3_vtab base; } Table;
typedef struct { sqlite3_vtab_cursor base; int at; } Cursor;

static int connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **table, char **error) {
    *table = sqlite3_malloc(sizeof(Table));
    memset(*table, 0, sizeof(Table));
    return sqlite3_declare_vtab(db, "CREATE TABLE x (n INTEGER)");
}
static int disconnect(sqlite3_vtab *table) { sqlite3_free(table); return SQLITE_OK; }
static int best(sqlite3_vtab *table, sqlite3_index_info *info) { return SQLITE_OK; }
static int open(sqlite3_vtab *table, sqlite3_vtab_cursor **cursor) {
    *cursor = sqlite3_malloc(sizeof(Cursor));
    memset(*cursor, 0, sizeof(Cursor));
    return SQLITE_OK;
}
static int close(sqlite3_vtab_cursor *cursor) { sqlite3_free(cursor); return SQLITE_OK; }
static int filter(sqlite3_vtab_cursor *c, int n, const char *s, int argc, sqlite3_value **v) { ((Cursor *)c)->at = 1; return SQLITE_OK; }
static int next(sqlite3_vtab_cursor *c) { ((Cursor *)c)->at++; return SQLITE_OK; }
static int eof(sqlite3_vtab_cursor *c) { return ((Cursor *)c)->at > 3; }
static int column(sqlite3_vtab_cursor *c, sqlite3_context *context, int n) { sqlite3_result_int(context, ((Cursor *)c)->at); return SQLITE_OK; }
static int rowid(sqlite3_vtab_cursor *c, sqlite3_int64 *id) { *id = ((Cursor *)c)->at; return SQLITE_OK; }
static sqlite3_module three = {
    .xCreate = connect, .xConnect = connect, .xBestIndex = best, .xDisconnect = disconnect, .xDestroy = disconnect,
    .xOpen = open, .xClose = close, .xFilter = filter, .xNext = next, .xEof = eof, .xColumn = column, .xRowid = rowid,
};

int sqlite3_extension_init(sqlite3 *db, char **error, const sqlite3_api_routines *api) {
    SQLITE_EXTENSION_INIT2(api);
    int result = sqlite3_create_module(db, "three", &three, 0);
    return result ? result : sqlite3_create_function(db, "rot13", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, 0, rot13, 0, 0);
}
"#;

/// Where the SQLite that is built in has its headers: beside the sources that cargo has unpacked.
fn headers() -> PathBuf {
    let compiler = Command::new("rustc").arg("-vV").output().unwrap().stdout;
    let compiler = String::from_utf8(compiler).unwrap();
    let host = compiler.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    // Packages for other systems only haven't been downloaded.
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", host])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let sqlite = packages.iter().find(|package| package["name"] == "libsqlite3-sys").unwrap();
    Path::new(sqlite["manifest_path"].as_str().unwrap()).with_file_name("sqlite3")
}

fn compiled(directory: &Path) -> PathBuf {
    let (source, library) = (directory.join("rot13.c"), directory.join("rot13.so"));
    std::fs::write(&source, SOURCE).unwrap();
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-w", "-I"])
        .arg(headers())
        .arg("-o")
        .args([&library, &source])
        .status();
    assert!(built.unwrap().success());
    std::fs::remove_file(source).unwrap();
    library
}

#[test]
fn every_connection_has_the_functions_and_tables_of_an_extension() {
    let source = tempfile::TempDir::new().unwrap();
    let library = compiled(source.path());
    // One node has it packed.
    let packed = source.path().join("packed.tar.gz");
    let tar = Command::new("tar")
        .arg("-czf")
        .arg(&packed)
        .arg("-C")
        .args([source.path(), Path::new("rot13.so")])
        .status();
    assert!(tar.unwrap().success());
    let (library_path, packed_path) = (library.to_str().unwrap(), packed.to_str().unwrap());
    let mut cluster = Cluster::start_with(2, &["-extensions-path", library_path]);
    cluster.add(&["-extensions-path", packed_path]);
    // What runs has been copied.
    std::fs::remove_file(&library).unwrap();
    std::fs::remove_file(&packed).unwrap();
    let made = json!([
        "CREATE TABLE t (a TEXT)",
        "INSERT INTO t SELECT rot13('Uryyb')",
        "CREATE VIRTUAL TABLE v USING three",
        "INSERT INTO t SELECT n FROM v WHERE n > 1",
    ]);
    let reply = cluster.nodes[cluster.follower()].execute("/db/execute", &made);
    assert_eq!(reply["results"][3]["rows_affected"], json!(2), "{reply}");
    for node in &cluster.nodes {
        for level in ["weak", "linearizable"] {
            let query = format!("/db/query?level={level}&q=SELECT%20rot13(a)%20FROM%20t");
            let answer = node.json(&query);
            assert_eq!(
                answer["results"][0]["values"],
                json!([["Uryyb"], ["2"], ["3"]]),
                "{answer}"
            );
        }
        let extensions = node.json("/status?key=extensions");
        assert_eq!(extensions["names"], json!(["rot13.so"]));
    }
    // Clients load nothing by themselves.
    let asked = json!([format!("SELECT load_extension('{}')", library.display())]);
    let refused = cluster.nodes[0].execute("/db/query", &asked);
    assert!(refused["results"][0]["error"].is_string(), "{refused}");
    cluster.stop_and_compare();
}

#[test]
fn a_library_that_is_none_stops_the_start() {
    let directory = tempfile::TempDir::new().unwrap();
    let library = directory.path().join("none.so");
    std::fs::write(&library, "this is no library").unwrap();
    let mut node =
        Node::new(directory.path(), "1", &["-extensions-path", library.to_str().unwrap()]);
    node.start();
    wait_for("it gives up", || (!node.is_alive()).then_some(()));
    assert!(node.log().contains("none.so"), "{}", node.log());
}
