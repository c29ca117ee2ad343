//! `compat-tests/status.toml`: the cases that don't pass, each with its reason. It may only improve.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::environment::folder;

const HEAD: &str = "# Cases of compat-tests/CLIENT that don't pass yet, and why. Written by\n\
                    # cargo test --test compat -- --rewrite. It may only improve.\n";

/// Reasons by case, by client.
pub type Failing = BTreeMap<String, BTreeMap<String, String>>;

/// # Panics
/// If a line isn't `[client]`, `case = \"reason\"`, a comment or empty.
pub fn read() -> Failing {
    let text = std::fs::read_to_string(folder().join("status.toml")).unwrap_or_default();
    let (mut failing, mut client) = (Failing::new(), String::new());
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.trim_matches('"').clone_into(&mut client);
            continue;
        }
        let (case, reason) = line.split_once(" = ").expect("case = \"reason\"");
        let reason = reason.trim_matches('"').replace("\\\"", "\"").replace("\\\\", "\\");
        failing.entry(client.clone()).or_default().insert(case.to_owned(), reason);
    }
    failing
}

pub fn write(failing: &Failing) -> std::io::Result<()> {
    let mut text = HEAD.to_owned();
    for (client, cases) in failing.iter().filter(|(_, cases)| !cases.is_empty()) {
        writeln!(text, "\n[\"{client}\"]").expect("a String");
        for (case, reason) in cases {
            let reason = reason.replace('\\', "\\\\").replace('"', "\\\"");
            writeln!(text, "{case} = \"{reason}\"").expect("a String");
        }
    }
    std::fs::write(folder().join("status.toml"), text)
}

/// Puts the table of clients into `docs/compatibility.md`, between its marks.
pub fn write_table(counts: &BTreeMap<String, Vec<(usize, usize)>>) -> std::io::Result<()> {
    const BEGIN: &str = "<!-- clients: written by the test `compat` -->\n";
    const END: &str = "<!-- end of clients -->";
    let path = folder().with_file_name("docs/compatibility.md");
    let text = std::fs::read_to_string(&path)?;
    let (before, rest) = text.split_once(BEGIN).expect("the page has the mark");
    let (_, after) = rest.split_once(END).expect("the page has the end mark");
    let mut table =
        "| client | cases | pass at the leader | pass at a follower |\n|---|---|---|---|\n"
            .to_owned();
    for (client, places) in counts {
        write!(table, "| {client} | {} |", places.first().map_or(0, |(cases, _)| *cases))
            .expect("a String");
        for (_, passed) in places {
            write!(table, " {passed} |").expect("a String");
        }
        // The console's runs in one place only.
        if places.len() < 2 {
            table.push_str(" |");
        }
        table.push('\n');
    }
    std::fs::write(path, format!("{before}{BEGIN}{table}{END}{after}"))
}
