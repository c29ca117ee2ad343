//! A catalog's rows as the files have them. `export` describes the format.

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::model::pg_type::Oid;

/// One catalog.
#[derive(Debug)]
pub struct Relation {
    name: &'static str,
    columns: Vec<Column>,
    /// The file without its first line.
    rows: &'static str,
}

/// A column of a catalog, in `pg_attribute`'s order.
#[derive(Debug)]
pub struct Column {
    pub name: &'static str,
    place: Place,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    /// The same in every row, as COPY writes it.
    Everywhere(&'static str),
    /// The nth field of a line.
    Field(usize),
}

/// One row.
#[derive(Debug)]
pub struct Row {
    relation: &'static Relation,
    fields: Vec<&'static str>,
}

macro_rules! files {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("rows/", $name, ".tsv")))),*]
    };
}

const FILES: &[(&str, &str)] = files! {
    "pg_aggregate" "pg_am" "pg_amop" "pg_amproc" "pg_attribute" "pg_authid" "pg_cast" "pg_class"
    "pg_collation" "pg_conversion" "pg_description" "pg_index" "pg_init_privs" "pg_language" "pg_namespace"
    "pg_opclass" "pg_operator" "pg_opfamily" "pg_proc" "pg_range" "pg_tablespace" "pg_ts_config"
    "pg_ts_dict" "pg_ts_parser" "pg_ts_template" "pg_type"
};

static RELATIONS: LazyLock<Vec<Relation>> = LazyLock::new(|| {
    let relation = |&(name, text): &(&'static str, &'static str)| {
        let (header, rows) = text.split_once('\n').unwrap_or((text, ""));
        Relation { name, columns: columns(header), rows }
    };
    FILES.iter().map(relation).collect()
});

fn columns(header: &'static str) -> Vec<Column> {
    let mut fields = 0;
    let mut columns = Vec::new();
    for cell in header.split('\t') {
        let (name, place) = if let Some((name, value)) = cell.split_once('=') {
            (name, Place::Everywhere(value))
        } else {
            fields += 1;
            (cell, Place::Field(fields - 1))
        };
        columns.push(Column { name, place });
    }
    columns
}

/// All catalogs that are here, by name.
pub fn relations() -> &'static [Relation] {
    &RELATIONS
}

/// The catalog of this name (`pg_proc`), if it is here.
pub fn relation(name: &str) -> Option<&'static Relation> {
    RELATIONS.iter().find(|relation| relation.name == name)
}

impl Relation {
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Where a column stands, from 0.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    pub fn rows(&'static self) -> impl Iterator<Item = Row> {
        let row =
            move |line: &'static str| Row { relation: self, fields: line.split('\t').collect() };
        self.rows.lines().map(row)
    }
}

impl Row {
    /// A value's text form; `None` for NULL. `at` counts the relation's columns from 0.
    pub fn text(&self, at: usize) -> Option<Cow<'static, str>> {
        let raw = self.raw(at);
        match raw {
            "\\N" => None,
            _ if raw.contains('\\') => Some(Cow::Owned(unescape(raw))),
            _ => Some(Cow::Borrowed(raw)),
        }
    }

    /// All values, in the order of the columns.
    pub fn values(&self) -> impl Iterator<Item = Option<Cow<'static, str>>> {
        (0..self.relation.columns.len()).map(|at| self.text(at))
    }

    fn raw(&self, at: usize) -> &'static str {
        match self.relation.columns[at].place {
            Place::Everywhere(value) => value,
            Place::Field(field) => self.fields.get(field).copied().unwrap_or("\\N"),
        }
    }
}

/// COPY's text format (manual, COPY).
fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut characters = raw.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some('b') => '\u{8}',
                Some('f') => '\u{c}',
                Some('v') => '\u{b}',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        });
    }
    text
}

/// Reads the columns of one relation by name, in the typed tables beside this file.
pub(super) struct Reader {
    relation: &'static Relation,
}

impl Reader {
    /// `name` is one of [`FILES`].
    pub(super) fn new(name: &str) -> Self {
        Self { relation: relation(name).expect("the typed tables read files that are there") }
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row> + use<> {
        self.relation.rows()
    }

    /// Where the column of this name stands.
    pub(super) fn at(&self, name: &str) -> usize {
        self.relation.column(name).expect("the typed tables read columns that are there")
    }
}

impl Row {
    /// As it is in the file: no NULL, no escapes.
    pub(super) fn plain(&self, at: usize) -> &'static str {
        self.raw(at)
    }

    pub(super) fn oid(&self, at: usize) -> Oid {
        self.raw(at).parse().expect("the exported rows have OIDs there")
    }

    pub(super) fn byte(&self, at: usize) -> u8 {
        self.raw(at).bytes().next().unwrap_or(0)
    }

    pub(super) fn is_true(&self, at: usize) -> bool {
        self.raw(at) == "t"
    }

    /// An `oidvector`, or an array of OIDs; empty for NULL.
    pub(super) fn oids(&self, at: usize) -> Box<[Oid]> {
        let numbers = self.raw(at).trim_matches(['{', '}']).split([' ', ',']);
        numbers.filter_map(|number| number.parse().ok()).collect()
    }
}
