//! The rules of this source tree, as a test: who may use whom, which library lives where, and what
//! every file has. `docs/architecture.md` says why.

use std::path::{Path, PathBuf};

/// A module and the modules it may use. `model` and `platform` stand in every row that may have
/// them, so that a row is the whole truth. The rows are in the order of the layers.
const LAYERS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("platform", &["model"]),
    ("pgdata", &["model"]),
    ("datum", &["model", "pgdata"]),
    ("raftlog", &["model", "platform"]),
    ("auth", &["platform"]),
    ("tls", &[]),
    ("peer", &["model", "platform", "tls"]),
    ("catalog", &["model", "pgdata", "datum"]),
    ("sqlite", &["model", "platform", "pgdata", "datum", "catalog"]),
    ("sql", &["model", "pgdata", "datum", "catalog"]),
    ("raft", &["model", "platform", "raftlog"]),
    ("engine", &["model", "platform", "raft", "peer", "sqlite"]),
    ("session", &["model", "platform", "pgdata", "datum", "catalog", "sql", "engine"]),
    // `sql` for the columns and COPY options that a session hands out; `pg` compiles nothing.
    ("pg", &["model", "platform", "datum", "session", "engine", "sql", "auth", "tls"]),
    ("http", &["model", "platform", "engine", "auth", "tls"]),
    ("config", &[]),
    ("client", &["model", "platform", "tls"]),
    ("backup", &["model", "platform", "engine", "client", "config", "tls"]),
    ("cdc", &["model", "platform", "engine", "client", "tls"]),
    ("command", &["platform", "client", "config", "tls", "backup"]),
];
/// These may use every module: the one that puts them together, and the tests of the whole.
const ABOVE_ALL: &[&str] = &["server", "sim", "fuzz"];

/// What may stand only in files under some folders.
const HOMES: &[(&str, &[&str])] = &[
    ("openraft::", &["raft/", "sim/"]),
    ("openraft_rt", &["platform/", "sim/"]),
    ("pgwire::", &["pg/"]),
    ("axum::", &["http/"]),
    ("hyper::", &["http/", "client/"]),
    ("rusqlite::", &["sqlite/"]),
    ("regex_automata::", &["datum/regex/"]),
    ("regex_syntax::", &["datum/regex/"]),
    ("sqlparser::", &["sql/"]),
    ("ring::", &["auth/", "backup/", "tls/"]),
    ("rustls::", &["tls/"]),
    ("tokio_rustls::", &["tls/"]),
    ("stringprep::", &["auth/"]),
    ("quick_xml::", &["datum/xml.rs"]),
    ("unsafe {", &["sqlite/vfs/"]),
    ("unsafe impl", &["sqlite/vfs/"]),
    ("unsafe fn", &["sqlite/vfs/"]),
    ("unsafe extern", &["sqlite/vfs/"]),
];

/// Files of other people's names are hard to find things in.
const BANNED_NAMES: &[&str] =
    &["utils", "util", "helpers", "common", "manager", "misc", "fast_path", "v2", "unified"];

/// Lines in a file at the most.
const LINES_MAX: usize = 800;
/// Files that are longer for a reason, and may shrink but not grow.
const LONGER: &[(&str, usize)] = &[];

struct Source {
    /// From `src/` on, with `/`.
    path: String,
    text: String,
}

impl Source {
    /// The top-level module it belongs to; `None` at the root.
    fn module(&self) -> Option<&str> {
        self.path.split_once('/').map(|(module, _)| module)
    }

    /// Its lines of code, numbered from 1, without comments and whole strings.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(i, line)| (i + 1, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn walk(directory: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, extension, found);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

fn sources() -> Vec<Source> {
    let src = root().join("src");
    let mut paths = Vec::new();
    walk(&src, "rs", &mut paths);
    paths.sort();
    let source = |path: PathBuf| Source {
        path: path.strip_prefix(&src).unwrap().to_str().unwrap().replace('\\', "/"),
        text: std::fs::read_to_string(&path).unwrap(),
    };
    paths.into_iter().map(source).collect()
}

/// Fails with all complaints at once.
fn expect_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// The top-level modules that a line names after `crate::`.
fn used_modules(line: &str) -> Vec<&str> {
    let identifier = |text: &str| text.find(|c: char| !(c.is_alphanumeric() || c == '_'));
    let mut used = Vec::new();
    for (at, found) in line.match_indices("crate::") {
        let rest = &line[at + found.len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            for part in group.split(',') {
                let part = part.trim();
                let name = &part[..identifier(part).unwrap_or(part.len())];
                if depth == 0 && !name.is_empty() {
                    used.push(name);
                }
                depth += part.matches('{').count();
                depth = depth.saturating_sub(part.matches('}').count());
            }
        } else {
            used.push(&rest[..identifier(rest).unwrap_or(rest.len())]);
        }
    }
    used
}

#[test]
fn modules_use_only_what_lies_below_them() {
    // `sim` exists in tests only, which may use what tests are made of.
    let known = |name: &str| name == "server" || LAYERS.iter().any(|(module, _)| *module == name);
    let mut complaints = Vec::new();
    for source in sources() {
        let Some(module) = source.module() else { continue };
        // A test file may run what lies above it: a compiled statement on a real database, say.
        if ABOVE_ALL.contains(&module) || source.path.ends_with("_test.rs") {
            continue;
        }
        let Some((_, may_use)) = LAYERS.iter().find(|(name, _)| *name == module) else {
            complaints.push(format!("src/{}: {module} has no row in LAYERS", source.path));
            continue;
        };
        for (number, line) in source.code() {
            for used in used_modules(line) {
                if known(used) && used != module && !may_use.contains(&used) {
                    let path = &source.path;
                    complaints.push(format!("src/{path}:{number}: {module} may not use {used}"));
                }
            }
        }
    }
    expect_none(&complaints);
}

#[test]
fn each_library_is_used_in_its_home_only() {
    let mut complaints = Vec::new();
    for source in sources() {
        if source.path == "tidy.rs" {
            continue;
        }
        for (number, line) in source.code() {
            for (what, homes) in HOMES {
                let at_home = homes.iter().any(|home| source.path.starts_with(home));
                let named = line.match_indices(what).any(|(at, _)| {
                    !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_')
                });
                if named && !at_home {
                    let path = &source.path;
                    complaints.push(format!("src/{path}:{number}: {what} belongs in {homes:?}"));
                }
            }
        }
    }
    expect_none(&complaints);
}

#[test]
fn every_file_says_what_it_is_and_is_not_too_long() {
    let mut complaints = Vec::new();
    for Source { path, text } in &sources() {
        if !text.starts_with("//! ") {
            complaints.push(format!("src/{path}: it has to begin with a //! comment"));
        }
        let lines = text.lines().count();
        let listed = LONGER.iter().find(|(longer, _)| longer == path);
        match listed {
            None if lines > LINES_MAX => {
                complaints.push(format!("src/{path}: {lines} lines, {LINES_MAX} is the most"));
            }
            Some((_, most)) if lines > *most => {
                complaints.push(format!("src/{path}: it has grown from {most} to {lines} lines"));
            }
            Some((_, most)) if lines < *most => {
                complaints.push(format!("src/{path}: lower its number in LONGER to {lines}"));
            }
            _ => {}
        }
        let name = Path::new(path).file_stem().unwrap().to_str().unwrap();
        if BANNED_NAMES.contains(&name)
            || BANNED_NAMES.iter().any(|name| path.contains(&format!("{name}/")))
        {
            complaints.push(format!("src/{path}: the name says nothing"));
        }
    }
    expect_none(&complaints);
}

#[test]
fn nothing_is_left_over() {
    let left_over = [concat!("FIX", "ME"), concat!("TO", "DO"), concat!("XX", "X:")];
    let distant = concat!("super", "::super");
    let mut complaints = Vec::new();
    for Source { path, text } in &sources() {
        for (i, line) in text.lines().enumerate() {
            let number = i + 1;
            if let Some(word) = left_over.iter().find(|word| line.contains(**word)) {
                complaints.push(format!("src/{path}:{number}: {word}"));
            }
            if line.contains(distant) {
                complaints.push(format!("src/{path}:{number}: write crate::, not {distant}"));
            }
        }
    }
    expect_none(&complaints);
}

#[test]
fn the_architecture_names_every_folder() {
    let Ok(text) = std::fs::read_to_string(root().join("docs/architecture.md")) else { return };
    let mut complaints = Vec::new();
    for entry in std::fs::read_dir(root().join("src")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir()
            && !text.contains(&format!("`{name}`"))
            && !text.contains(&format!("{name}/"))
        {
            complaints.push(format!("docs/architecture.md does not name src/{name}/"));
        }
    }
    expect_none(&complaints);
}

/// The targets of `[text](target)` in a line.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut paths = vec![root().join("README.md")];
    walk(&root().join("docs"), "md", &mut paths);
    let mut complaints = Vec::new();
    for path in paths {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        let mut quoted = false;
        for (i, line) in text.lines().enumerate() {
            quoted ^= line.trim_start().starts_with("```");
            let relative = links(line)
                .filter(|link| !quoted && !link.contains(':') && !link.starts_with('#'))
                .map(|link| link.split('#').next().unwrap_or(link));
            for link in relative {
                if !path.parent().unwrap().join(link).exists() {
                    complaints.push(format!("{name}:{}: {link} is not there", i + 1));
                }
            }
        }
    }
    expect_none(&complaints);
}

#[test]
fn uses_are_found_in_every_notation() {
    assert_eq!(used_modules("use crate::raft::Node;"), ["raft"]);
    assert_eq!(
        used_modules("use crate::{http, pg::{Options, serve}, sqlite};"),
        ["http", "pg", "sqlite"]
    );
    assert_eq!(used_modules("fn f(a: crate::peer::A, b: crate::model::B)"), ["peer", "model"]);
    assert_eq!(links("see [a](b.md) and [c](d.md#e)").collect::<Vec<_>>(), ["b.md", "d.md#e"]);
}
