//! SIMILAR TO's patterns as regular expressions.

use crate::model::error::{Error, SqlState};

/// The regular expression of a SIMILAR TO pattern. `escape` is the ESCAPE string: empty for none.
/// Two escaped double quotes mark the part that `substring` gives.
///
/// # Errors
/// 22025 for an escape of more than one character; 2200C for more than two separators.
pub fn similar_to_regex(pattern: &str, escape: &str) -> Result<String, Error> {
    let mut characters = escape.chars();
    let escape = characters.next();
    if characters.next().is_some() {
        return Err(Error::user(SqlState(*b"22025"), "invalid escape string")
            .with_hint("Escape string must be empty or one character."));
    }
    let mut out = String::from("^(?:");
    let mut separators = 0;
    let mut escaped = false;
    // Inside a bracket expression: how many characters of it have been seen.
    let mut bracket: Option<usize> = None;
    for c in pattern.chars() {
        if escaped {
            if c == '"' && bracket.is_none() {
                out.push_str(match separators {
                    0 => "){1,1}?(",
                    1 => "){1,1}(?:",
                    _ => {
                        return Err(Error::user(
                            SqlState(*b"2200C"),
                            "SQL regular expression may not contain more than two escape-double-quote separators",
                        ));
                    }
                });
                separators += 1;
            } else {
                out.push('\\');
                out.push(c);
            }
            escaped = false;
        } else if Some(c) == escape {
            escaped = true;
        } else if let Some(seen) = bracket {
            if c == '\\' {
                out.push('\\');
            }
            out.push(c);
            // `]` right after `[` or `[^` is itself.
            bracket = if c == ']' && seen > 0 {
                None
            } else {
                Some(seen + usize::from(c != '^' || seen > 0))
            };
        } else {
            match c {
                '[' => {
                    out.push('[');
                    bracket = Some(0);
                }
                '%' => out.push_str(".*"),
                '_' => out.push('.'),
                '(' => out.push_str("(?:"),
                '\\' | '.' | '^' | '$' => {
                    out.push('\\');
                    out.push(c);
                }
                other => out.push(other),
            }
        }
    }
    out.push_str(")$");
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::similar_to_regex;

    #[test]
    fn patterns_are_translated_as_postgresql_does() {
        // SELECT similar_to_escape(pattern, escape) in PostgreSQL 15.
        for (pattern, escape, expected) in [
            ("%(b|d)%", "\\", "^(?:.*(?:b|d).*)$"),
            ("a_c.", "\\", "^(?:a.c\\.)$"),
            ("%#\"o_b#\"%", "#", "^(?:.*){1,1}?(o.b){1,1}(?:.*)$"),
            ("[a-z]+", "\\", "^(?:[a-z]+)$"),
        ] {
            assert_eq!(similar_to_regex(pattern, escape).unwrap(), expected);
        }
    }
}
