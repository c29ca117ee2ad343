//! Access control lists: what is granted on an object, to whom and by whom (manual, "Privileges").
//!
//! They are recorded and shown, and `has_*_privilege` answers from them; nothing is enforced yet.

use std::fmt::Write as _;

use crate::model::catalog::{Catalog, Privilege};
use crate::model::pg_type::Oid;
use crate::pgdata::quote_identifier as quoted;

/// `pg_class.oid` of the catalogs whose objects have owners.
pub const CLASS_RELATION: Oid = 1259;
pub const CLASS_SCHEMA: Oid = 2615;
pub const CLASS_FUNCTION: Oid = 1255;
pub const CLASS_TYPE: Oid = 1247;
pub const CLASS_LANGUAGE: Oid = 2612;
/// Privileges on databases are those on the one that records them, with 0 for its OID.
pub const CLASS_DATABASE: Oid = 1262;

/// The letters of all privileges in the order in which they are shown, with their names.
pub const PRIVILEGES: [(char, &str); 12] = [
    ('a', "INSERT"),
    ('r', "SELECT"),
    ('w', "UPDATE"),
    ('d', "DELETE"),
    ('D', "TRUNCATE"),
    ('x', "REFERENCES"),
    ('t', "TRIGGER"),
    ('X', "EXECUTE"),
    ('U', "USAGE"),
    ('C', "CREATE"),
    ('T', "TEMPORARY"),
    ('c', "CONNECT"),
];

/// The letter of a privilege's name.
pub fn letter(name: &str) -> Option<char> {
    let name = if name == "TEMP" { "TEMPORARY" } else { name };
    PRIVILEGES.iter().find(|(_, known)| *known == name).map(|(letter, _)| *letter)
}

/// The kinds of objects that privileges are on, by `pg_default_acl.defaclobjtype` and beyond:
/// `c` columns, `d` databases, `l` languages.
///
/// What everybody has on a new object, and all that its owner has.
pub fn defaults(kind: char) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        'c' => ("", ""),
        'r' => ("", "arwdDxt"),
        's' | 'S' => ("", "rwU"),
        'd' => ("Tc", "CTc"),
        'f' => ("X", "X"),
        'l' | 'T' => ("U", "U"),
        'n' => ("", "UC"),
        't' => ("", "C"),
        'p' => ("", "sA"),
        'F' => ("", "U"),
        'L' => ("", "rw"),
        _ => return None,
    })
}

/// What one role has from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Empty: everybody.
    pub grantee: String,
    pub grantor: String,
    /// Letters, with whether it may be passed on; in the order of [`PRIVILEGES`].
    pub rights: Vec<(char, bool)>,
}

/// An access control list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Acl(pub Vec<Entry>);

impl Entry {
    fn new(grantee: &str, grantor: &str, letters: &str) -> Self {
        let mut rights: Vec<(char, bool)> = Vec::new();
        for letter in letters.chars() {
            match (letter, rights.last_mut()) {
                ('*', Some(last)) => last.1 = true,
                _ => rights.push((letter, false)),
            }
        }
        let mut entry = Self { grantee: grantee.to_owned(), grantor: grantor.to_owned(), rights };
        entry.sort();
        entry
    }

    fn sort(&mut self) {
        let place = |letter: char| PRIVILEGES.iter().position(|(known, _)| *known == letter);
        self.rights.sort_by_key(|(letter, _)| place(*letter));
    }

    pub fn letters(&self) -> String {
        let star = |on: bool| if on { "*" } else { "" };
        self.rights.iter().fold(String::new(), |mut text, (letter, option)| {
            let _ = write!(text, "{letter}{}", star(*option));
            text
        })
    }

    /// As `aclitem` is shown: `role=letters/grantor`.
    pub fn shown(&self) -> String {
        format!("{}={}/{}", quoted_role(&self.grantee), self.letters(), quoted_role(&self.grantor))
    }
}

/// The grantee, the letters and the grantor of an entry as it is shown.
pub fn parse_entry(text: &str) -> Option<(String, String, String)> {
    let (grantee, rest) = if let Some(rest) = text.strip_prefix('"') {
        let end = rest.find("\"=")?;
        (rest[..end].replace("\"\"", "\""), &rest[end + 2..])
    } else {
        let (grantee, rest) = text.split_once('=')?;
        (grantee.to_owned(), rest)
    };
    let (letters, grantor) = rest.split_once('/')?;
    let grantor = match grantor.strip_prefix('"') {
        Some(inner) => inner.trim_end_matches('"').replace("\"\"", "\""),
        None => grantor.to_owned(),
    };
    Some((grantee, letters.to_owned(), grantor))
}

fn quoted_role(name: &str) -> String {
    if name.is_empty() { String::new() } else { quoted(name).into_owned() }
}

impl Acl {
    /// What holds for a new object of this kind.
    pub fn initial(kind: char, owner: &str) -> Self {
        let (public, own) = defaults(kind).unwrap_or(("", ""));
        let mut entries = Vec::new();
        if !public.is_empty() {
            entries.push(Entry::new("", owner, public));
        }
        if !own.is_empty() {
            entries.push(Entry::new(owner, owner, own));
        }
        Self(entries)
    }

    /// What is recorded for an object; `None` where it has what new objects have.
    pub fn recorded(catalog: &Catalog, class: Oid, object: Oid, column: i32) -> Option<Self> {
        let is = |one: &&Privilege| (one.class, one.object, one.column) == (class, object, column);
        let mut found = catalog.privileges.iter().filter(is).peekable();
        found.peek()?;
        Some(Self::of(found.map(|one| (&*one.grantee, &*one.grantor, &*one.letters))))
    }

    /// From grantees, grantors and letters. An entry without letters stands for an empty list.
    pub fn of<'a>(entries: impl Iterator<Item = (&'a str, &'a str, &'a str)>) -> Self {
        let entry = |(grantee, grantor, letters)| Entry::new(grantee, grantor, letters);
        Self(entries.map(entry).filter(|entry| !entry.rights.is_empty()).collect())
    }

    pub fn grant(&mut self, grantee: &str, grantor: &str, letters: &str, option: bool) {
        let is = |entry: &&mut Entry| entry.grantee == grantee && entry.grantor == grantor;
        let entry = match self
            .0
            .iter()
            .position(|entry| entry.grantee == grantee && entry.grantor == grantor)
        {
            Some(_) => self.0.iter_mut().find(is),
            None => {
                self.0.push(Entry::new(grantee, grantor, ""));
                self.0.last_mut()
            }
        };
        let Some(entry) = entry else { return };
        for letter in letters.chars() {
            match entry.rights.iter_mut().find(|(known, _)| *known == letter) {
                Some(known) => known.1 |= option,
                None => entry.rights.push((letter, option)),
            }
        }
        entry.sort();
        self.0.retain(|entry| !entry.rights.is_empty());
    }

    pub fn revoke(&mut self, grantee: &str, letters: &str, option_only: bool) {
        for entry in self.0.iter_mut().filter(|entry| entry.grantee == grantee) {
            if option_only {
                for right in entry.rights.iter_mut().filter(|(known, _)| letters.contains(*known)) {
                    right.1 = false;
                }
            } else {
                entry.rights.retain(|(known, _)| !letters.contains(*known));
            }
        }
        self.0.retain(|entry| !entry.rights.is_empty());
    }

    /// A new owner: what the old one has and gave is the new one's (`aclnewowner`).
    pub fn change_owner(&mut self, old: &str, new: &str) {
        let mut merged = Self::default();
        for entry in &self.0 {
            let named = |name: &str| if name == old { new } else { name }.to_owned();
            let (grantee, grantor) = (named(&entry.grantee), named(&entry.grantor));
            for (letter, option) in &entry.rights {
                merged.grant(&grantee, &grantor, &letter.to_string(), *option);
            }
        }
        *self = merged;
    }

    /// Each entry as it is shown.
    pub fn shown(&self) -> Vec<String> {
        self.0.iter().map(Entry::shown).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_shown_as_postgresql_shows_them() {
        let mut acl = Acl::initial('r', "postgres");
        acl.grant("r1", "postgres", "r", false);
        assert_eq!(acl.shown(), ["postgres=arwdDxt/postgres", "r1=r/postgres"]);
        acl.grant("r1", "postgres", "aw", true);
        acl.grant("", "postgres", "r", false);
        assert_eq!(acl.shown()[1..], ["r1=a*rw*/postgres", "=r/postgres"]);
        acl.revoke("r1", "w", true);
        acl.revoke("r1", "r", false);
        assert_eq!(acl.shown()[1], "r1=a*w/postgres");
        acl.change_owner("postgres", "Other");
        assert_eq!(acl.shown()[0], "\"Other\"=arwdDxt/\"Other\"");
        acl.revoke("r1", "aw", false);
        acl.revoke("", "r", false);
        acl.revoke("Other", "arwdDxt", false);
        assert!(acl.0.is_empty());
    }
}
