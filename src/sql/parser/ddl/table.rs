//! CREATE TABLE.

use sqlparser::tokenizer::Token;

use super::{Parsed, constraint, piece, sequence};
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{
    ColumnDefinition, CreateTable, CreateTableAs, Definition, IdentityClause, LikeClause, Name,
    OnCommit, Persistence, TableElement,
};
use crate::sql::parser::cursor::Cursor;
use crate::sql::parser::unsupported;

/// Storage parameters that have no meaning for the stored form here. They only tune PostgreSQL's
/// own heap and vacuum, so that leaving them out changes nothing a client can see.
const HEAP_PARAMETERS: &[&str] =
    &["fillfactor", "toast_tuple_target", "parallel_workers", "user_catalog_table", "oids"];

pub(super) fn create(cursor: &mut Cursor<'_>, persistence: Persistence) -> Parsed {
    let if_not_exists = cursor.eat("IF NOT EXISTS");
    let name = cursor.qualified_name()?;
    if cursor.eat("PARTITION OF") {
        return Err(unsupported("a partitioned table"));
    }
    if cursor.eat("OF") {
        return Err(unsupported("CREATE TABLE OF"));
    }
    let listed = cursor.peek() == Some(&Token::LParen);
    if !listed || is_name_list(cursor) {
        return create_as(cursor, (name, if_not_exists), persistence);
    }
    let elements = elements(cursor)?;
    if cursor.eat("INHERITS") {
        return Err(unsupported("INHERITS"));
    }
    if cursor.eat("PARTITION BY") {
        return Err(unsupported("a partitioned table"));
    }
    let persistence = options(cursor, persistence)?;
    Ok(Definition::CreateTable(CreateTable { name, persistence, if_not_exists, elements }))
}

/// Whether the parentheses that start here hold names only, as before AS.
fn is_name_list(cursor: &mut Cursor<'_>) -> bool {
    let start = cursor.at;
    cursor.at += 1;
    let listed = cursor.names().is_ok() && cursor.eat_token(&Token::RParen);
    cursor.at = start;
    listed
}

/// USING, WITH, ON COMMIT, TABLESPACE: what stands behind the columns.
fn options(cursor: &mut Cursor<'_>, persistence: Persistence) -> Result<Persistence, Error> {
    if cursor.eat("USING") {
        let method = cursor.name()?;
        if method.text != "heap" {
            return Err(unsupported(&format!("the access method {}", method.text)));
        }
    }
    if cursor.word().as_deref() == Some("WITH")
        && cursor.tokens.get(cursor.at + 1).map(|next| &next.token) == Some(&Token::LParen)
    {
        cursor.expect("WITH")?;
        storage_parameters(cursor)?;
    }
    cursor.eat("WITHOUT OIDS");
    let mut persistence = persistence;
    if cursor.eat("ON COMMIT") {
        let action = if cursor.eat("DROP") {
            OnCommit::Drop
        } else if cursor.eat("DELETE ROWS") {
            OnCommit::DeleteRows
        } else {
            cursor.expect("PRESERVE ROWS")?;
            OnCommit::Preserve
        };
        if !matches!(persistence, Persistence::Temporary(_)) {
            return Err(Error::user(
                SqlState::INVALID_TABLE_DEFINITION,
                "ON COMMIT can only be used on temporary tables",
            ));
        }
        persistence = Persistence::Temporary(action);
    }
    if cursor.eat("TABLESPACE") {
        tablespace(&cursor.name()?)?;
    }
    Ok(persistence)
}

/// There is one place for everything, which PostgreSQL calls `pg_default`.
pub(super) fn tablespace(name: &Name) -> Result<(), Error> {
    if name.text == "pg_default" {
        return Ok(());
    }
    let message = format!("tablespace \"{}\" does not exist", name.text);
    Err(Error::user(SqlState::UNDEFINED_OBJECT, message).with_position(name.position.max(1)))
}

/// `(fillfactor = 70, ...)`.
pub(super) fn storage_parameters(cursor: &mut Cursor<'_>) -> Result<(), Error> {
    cursor.expect_token(&Token::LParen)?;
    loop {
        let name = cursor.qualified_name()?;
        let known = name.last().is_some_and(|name| {
            HEAP_PARAMETERS.contains(&name.text.as_str()) || name.text.starts_with("autovacuum_")
        });
        if !known {
            return Err(Error::user(
                SqlState::INVALID_PARAMETER_VALUE,
                format!(
                    "unrecognized parameter \"{}\"",
                    name.last().map_or("", |name| name.text.as_str())
                ),
            ));
        }
        if cursor.eat_token(&Token::Eq) {
            cursor.at += 1;
        }
        if !cursor.eat_token(&Token::Comma) {
            break;
        }
    }
    cursor.expect_token(&Token::RParen)
}

fn create_as(
    cursor: &mut Cursor<'_>,
    (name, if_not_exists): (Vec<Name>, bool),
    persistence: Persistence,
) -> Parsed {
    let columns = if cursor.eat_token(&Token::LParen) {
        let names = cursor.names()?;
        cursor.expect_token(&Token::RParen)?;
        names
    } else {
        Vec::new()
    };
    let persistence = options(cursor, persistence)?;
    cursor.expect("AS")?;
    if cursor.word().as_deref() == Some("EXECUTE") {
        return Err(unsupported("CREATE TABLE AS EXECUTE"));
    }
    let (query, text) = piece::query(cursor)?;
    let with_data = with_data(cursor);
    Ok(Definition::CreateTableAs(CreateTableAs {
        name,
        persistence,
        if_not_exists,
        columns,
        query,
        text,
        with_data,
        materialized_view: false,
    }))
}

pub(super) fn with_data(cursor: &mut Cursor<'_>) -> bool {
    let without = cursor.eat("WITH NO DATA");
    if !without {
        cursor.eat("WITH DATA");
    }
    !without
}

fn elements(cursor: &mut Cursor<'_>) -> Result<Vec<TableElement>, Error> {
    let mut elements = Vec::new();
    cursor.expect_token(&Token::LParen)?;
    if cursor.eat_token(&Token::RParen) {
        return Ok(elements);
    }
    loop {
        let element = if cursor.word().as_deref() == Some("LIKE") {
            cursor.expect("LIKE")?;
            TableElement::Like(like(cursor)?)
        } else if let Some(constraint) = constraint::table(cursor)? {
            TableElement::Constraint(constraint)
        } else {
            TableElement::Column(column(cursor)?)
        };
        elements.push(element);
        if !cursor.eat_token(&Token::Comma) {
            break;
        }
    }
    cursor.expect_token(&Token::RParen)?;
    Ok(elements)
}

fn like(cursor: &mut Cursor<'_>) -> Result<LikeClause, Error> {
    let mut clause = LikeClause {
        table: cursor.qualified_name()?,
        comments: false,
        constraints: false,
        defaults: false,
        generated: false,
        identity: false,
        indexes: false,
    };
    loop {
        let including = cursor.eat("INCLUDING");
        if !including && !cursor.eat("EXCLUDING") {
            return Ok(clause);
        }
        match cursor.next_word()?.as_str() {
            "COMMENTS" => clause.comments = including,
            "CONSTRAINTS" => clause.constraints = including,
            "DEFAULTS" => clause.defaults = including,
            "GENERATED" => clause.generated = including,
            "IDENTITY" => clause.identity = including,
            "INDEXES" => clause.indexes = including,
            // They tune a storage and a planner that aren't there.
            "STORAGE" | "COMPRESSION" | "STATISTICS" => {}
            "ALL" => {
                clause.comments = including;
                clause.constraints = including;
                clause.defaults = including;
                clause.generated = including;
                clause.identity = including;
                clause.indexes = including;
            }
            _ => {
                cursor.at -= 1;
                return Err(cursor.unexpected());
            }
        }
    }
}

/// A column's definition.
pub(super) fn column(cursor: &mut Cursor<'_>) -> Result<ColumnDefinition, Error> {
    let name = cursor.name()?;
    let mut column = ColumnDefinition {
        data_type: cursor.type_name()?,
        name,
        not_null: false,
        default: None,
        identity: None,
        generated: None,
        constraints: Vec::new(),
    };
    while column_clause(cursor, &mut column)? {}
    Ok(column)
}

/// One clause of a column's definition; false at its end.
fn column_clause(cursor: &mut Cursor<'_>, column: &mut ColumnDefinition) -> Result<bool, Error> {
    if cursor.eat("COLLATE") {
        collation(&cursor.qualified_name()?)?;
        return Ok(true);
    }
    if cursor.eat("STORAGE") || cursor.eat("COMPRESSION") {
        cursor.name()?;
        return Ok(true);
    }
    let name = if cursor.eat("CONSTRAINT") { Some(cursor.name()?) } else { None };
    if cursor.eat("NOT NULL") {
        column.not_null = true;
    } else if cursor.eat("NULL") {
    } else if cursor.eat("DEFAULT") {
        if column.default.is_some() {
            return Err(Error::user(
                SqlState::SYNTAX_ERROR,
                format!("multiple default values specified for column \"{}\"", column.name.text),
            ));
        }
        column.default = Some(piece::default(cursor)?);
    } else if cursor.eat("GENERATED") {
        generated(cursor, column)?;
    } else if let Some(constraint) = constraint::column(cursor, name.clone(), &column.name)? {
        column.constraints.push(constraint);
    } else if name.is_some() {
        return Err(cursor.unexpected());
    } else {
        return Ok(false);
    }
    Ok(true)
}

fn generated(cursor: &mut Cursor<'_>, column: &mut ColumnDefinition) -> Result<(), Error> {
    let always = cursor.eat("ALWAYS");
    if !always {
        cursor.expect("BY DEFAULT")?;
    }
    cursor.expect("AS")?;
    if cursor.eat("IDENTITY") {
        column.identity =
            Some(IdentityClause { always, options: sequence::in_parentheses(cursor)? });
        return Ok(());
    }
    column.generated = Some(piece::parenthesized(cursor)?);
    cursor.expect("STORED")?;
    if !always {
        let message = "for a generated column, GENERATED ALWAYS must be specified";
        return Err(Error::user(SqlState::SYNTAX_ERROR, message));
    }
    Ok(())
}

/// All text is ordered by code points, as these collations do.
pub(super) fn collation(name: &[Name]) -> Result<(), Error> {
    let last = name.last().map_or("", |name| name.text.as_str());
    if matches!(last, "C" | "POSIX" | "default" | "ucs_basic") {
        return Ok(());
    }
    let message = format!("collation \"{last}\" for encoding \"UTF8\" does not exist");
    let position = name.first().map_or(1, |name| name.position.max(1));
    Err(Error::user(SqlState::UNDEFINED_OBJECT, message).with_position(position))
}
