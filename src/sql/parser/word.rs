//! Kinds of words (manual, appendix "SQL Key Words").

use sqlparser::tokenizer::{Token, Word};

/// Words that can't be names of columns, tables or functions.
const RESERVED: &[&str] = &[
    "ALL",
    "ANALYSE",
    "ANALYZE",
    "AND",
    "ANY",
    "ARRAY",
    "AS",
    "ASC",
    "ASYMMETRIC",
    "BOTH",
    "CASE",
    "CAST",
    "CHECK",
    "COLLATE",
    "COLUMN",
    "CONSTRAINT",
    "CREATE",
    "CURRENT_CATALOG",
    "CURRENT_DATE",
    "CURRENT_ROLE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "CURRENT_USER",
    "DEFAULT",
    "DEFERRABLE",
    "DESC",
    "DISTINCT",
    "DO",
    "ELSE",
    "END",
    "EXCEPT",
    "FALSE",
    "FETCH",
    "FOR",
    "FOREIGN",
    "FROM",
    "GRANT",
    "GROUP",
    "HAVING",
    "IN",
    "INITIALLY",
    "INTERSECT",
    "INTO",
    "LATERAL",
    "LEADING",
    "LIMIT",
    "LOCALTIME",
    "LOCALTIMESTAMP",
    "NOT",
    "NULL",
    "OFFSET",
    "ON",
    "ONLY",
    "OR",
    "ORDER",
    "PLACING",
    "PRIMARY",
    "REFERENCES",
    "RETURNING",
    "SELECT",
    "SESSION_USER",
    "SOME",
    "SYMMETRIC",
    "TABLE",
    "THEN",
    "TO",
    "TRAILING",
    "TRUE",
    "UNION",
    "UNIQUE",
    "USER",
    "USING",
    "VARIADIC",
    "WHEN",
    "WHERE",
    "WINDOW",
    "WITH",
];
/// Words that can be names of functions and types only.
const TYPE_OR_FUNCTION: &[&str] = &[
    "AUTHORIZATION",
    "BINARY",
    "COLLATION",
    "CONCURRENTLY",
    "CROSS",
    "CURRENT_SCHEMA",
    "FREEZE",
    "FULL",
    "ILIKE",
    "INNER",
    "IS",
    "ISNULL",
    "JOIN",
    "LEFT",
    "LIKE",
    "NATURAL",
    "NOTNULL",
    "OUTER",
    "OVERLAPS",
    "RIGHT",
    "SIMILAR",
    "TABLESAMPLE",
    "VERBOSE",
];
/// Words that name an output column only behind AS.
const NO_LABEL: &[&str] = &[
    "ARRAY",
    "AS",
    "CHAR",
    "CHARACTER",
    "CREATE",
    "DAY",
    "EXCEPT",
    "FETCH",
    "FILTER",
    "FOR",
    "FROM",
    "GRANT",
    "GROUP",
    "HAVING",
    "HOUR",
    "INTERSECT",
    "INTO",
    "ISNULL",
    "LIMIT",
    "MINUTE",
    "MONTH",
    "NOTNULL",
    "OFFSET",
    "ON",
    "ORDER",
    "OVER",
    "OVERLAPS",
    "PRECISION",
    "RETURNING",
    "SECOND",
    "TO",
    "UNION",
    "VARYING",
    "WHERE",
    "WINDOW",
    "WITH",
    "WITHIN",
    "WITHOUT",
    "YEAR",
];

/// Whether a token is this word, unquoted. `word` is in upper case.
pub(super) fn is(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(Word { value, quote_style: None, .. })
        if value.eq_ignore_ascii_case(word))
}

/// The upper-case text of an unquoted word.
pub(super) fn upper(token: &Token) -> Option<String> {
    match token {
        Token::Word(Word { value, quote_style: None, .. }) => Some(value.to_uppercase()),
        _ => None,
    }
}

fn is_one_of(token: &Token, words: &[&str]) -> bool {
    upper(token).is_some_and(|word| words.binary_search(&word.as_str()).is_ok())
}

pub(super) fn is_reserved(token: &Token) -> bool {
    is_one_of(token, RESERVED)
}

pub(super) fn is_type_or_function(token: &Token) -> bool {
    is_one_of(token, TYPE_OR_FUNCTION)
}

/// Whether a word may name an output column without AS before it.
pub(super) fn is_label(token: &Token) -> bool {
    matches!(token, Token::Word(_)) && !is_one_of(token, NO_LABEL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_ordered() {
        assert!(RESERVED.is_sorted());
        assert!(TYPE_OR_FUNCTION.is_sorted());
        assert!(NO_LABEL.is_sorted());
    }
}
