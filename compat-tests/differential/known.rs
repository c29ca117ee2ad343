//! The list of known differences, `known.txt`: statements that aren't answered as PostgreSQL answers
//! them, grouped by area and by reason. It may only shrink.
//!
//! ```text
//! [joins]
//! 0A000 LATERAL is not supported
//!     3f2a91c0 select * from t, lateral (select t.a) x
//! ```
//!
//! A statement is named by a hash of its text, with `.2` and so on where a script has it again. The
//! reasons are those that [`crate::answer::difference`] finds; one that begins with `by design:` was
//! written by hand, and is kept for its statements.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use crate::recorded;
use crate::script::Statement;

/// How much of a statement is shown, in characters.
const SHOWN: usize = 110;
const BY_DESIGN: &str = "by design:";
const HEAD: &str = "# Statements that Eider doesn't answer as PostgreSQL 15 does, by area and reason. Generated:\n\
                    # cargo test --test differential -- --rewrite [AREA...]. It may only shrink.\n";

/// What one statement is called in the list.
pub type Key = String;
/// Keys and their reasons.
pub type Area = BTreeMap<Key, String>;

#[derive(Debug, Default)]
pub struct Known {
    areas: BTreeMap<String, Area>,
}

fn path() -> PathBuf {
    recorded::folder().join("known.txt")
}

/// FNV-1a.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// The key of each statement of a script.
pub fn keys(statements: &[Statement]) -> Vec<Key> {
    let mut seen: BTreeMap<u32, usize> = BTreeMap::new();
    let key = |statement: &Statement| {
        let hash = hash(&format!("{}{:?}", statement.one_line(), statement.binds));
        let count = seen.entry(hash).or_default();
        *count += 1;
        if *count == 1 { format!("{hash:08x}") } else { format!("{hash:08x}.{count}") }
    };
    statements.iter().map(key).collect()
}

impl Known {
    /// An absent file is an empty list.
    pub fn read() -> Self {
        let text = std::fs::read_to_string(path()).unwrap_or_default();
        let mut known = Self::default();
        let (mut area, mut reason) = (String::new(), "");
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                name.clone_into(&mut area);
            } else if let Some(entry) = line.strip_prefix("    ") {
                let key = entry.split(' ').next().unwrap_or_default();
                let area = known.areas.entry(area.clone()).or_default();
                area.insert(key.to_owned(), reason.to_owned());
            } else {
                reason = line;
            }
        }
        known
    }

    pub fn area(&self, area: &str) -> Option<&Area> {
        self.areas.get(area)
    }

    /// Puts what holds now in the place of what was known, for one area. Gives what is new.
    pub fn replace(&mut self, area: &str, now: Area) -> Vec<Key> {
        let old = self.areas.remove(area).unwrap_or_default();
        let new = now.keys().filter(|key| !old.contains_key(*key)).cloned().collect();
        let kept = |(key, reason): (Key, String)| {
            let by_hand = old.get(&key).filter(|reason| reason.starts_with(BY_DESIGN));
            let reason = by_hand.cloned().unwrap_or(reason);
            (key, reason)
        };
        self.areas.insert(area.to_owned(), now.into_iter().map(kept).collect());
        new
    }

    /// Drops areas whose scripts are gone.
    pub fn retain(&mut self, areas: &[String]) {
        self.areas.retain(|area, _| areas.contains(area));
    }

    /// `statements` by area, to show them beside their keys.
    pub fn write(&self, scripts: &BTreeMap<String, Vec<Statement>>) -> std::io::Result<()> {
        let mut text = HEAD.to_owned();
        for (area, entries) in self.areas.iter().filter(|(_, entries)| !entries.is_empty()) {
            writeln!(text, "\n[{area}]").expect("a String");
            let statements = scripts.get(area).map(Vec::as_slice).unwrap_or_default();
            let shown: Vec<_> = keys(statements).into_iter().zip(statements).collect();
            let reasons: BTreeSet<_> = entries.values().collect();
            for reason in reasons {
                writeln!(text, "{reason}").expect("a String");
                for (key, statement) in &shown {
                    if entries.get(key) == Some(reason) {
                        let sql: String = statement.one_line().chars().take(SHOWN).collect();
                        writeln!(text, "    {key} {sql}").expect("a String");
                    }
                }
            }
        }
        std::fs::write(path(), text)
    }
}
