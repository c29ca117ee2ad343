//! CREATE FUNCTION, CREATE TRIGGER, and their DROPs.

use sqlparser::tokenizer::{Span, Token};

use super::{Parsed, cascade, object, piece};
use crate::model::error::{Error, SqlState};
use crate::sql::ast::tgtype::{BEFORE, DELETE, INSERT, INSTEAD, ROW, TRUNCATE, UPDATE};
use crate::sql::ast::{
    CreateFunction, CreateTrigger, Definition, FunctionArgument, FunctionName, FunctionResult,
    Name, RoutineKind, SchemaChange, TypeName,
};
use crate::sql::parser::cursor::Cursor;
use crate::sql::parser::unsupported;

pub(super) fn create_function(
    cursor: &mut Cursor<'_>,
    or_replace: bool,
    kind: RoutineKind,
) -> Parsed {
    let mut function = CreateFunction {
        name: cursor.qualified_name()?,
        or_replace,
        kind,
        arguments: Vec::new(),
        result: None,
        language: String::new(),
        volatility: 'v',
        strict: false,
        body: String::new(),
    };
    cursor.expect_token(&Token::LParen)?;
    if !cursor.eat_token(&Token::RParen) {
        function.arguments = cursor.list(argument)?;
        cursor.expect_token(&Token::RParen)?;
    }
    if kind == RoutineKind::Function && cursor.eat("RETURNS") {
        function.result = Some(result(cursor)?);
    }
    let mut body = None;
    while !cursor.at_end() {
        if kind == RoutineKind::Procedure && OF_FUNCTIONS.iter().any(|word| cursor.is_word(word)) {
            let message = "invalid attribute in procedure definition";
            let error = Error::user(SqlState(*b"42P13"), message);
            return Err(error.with_position(cursor.position()));
        }
        option(cursor, &mut function, &mut body)?;
    }
    if function.language.is_empty() {
        if body.is_none() {
            return Err(Error::user(SqlState(*b"42P13"), "no function body specified"));
        }
        return Err(Error::user(SqlState(*b"42P13"), "no language specified"));
    }
    let Some(body) = body else {
        return Err(Error::user(SqlState(*b"42P13"), "no function body specified"));
    };
    function.body = body;
    Ok(Definition::CreateFunction(Box::new(function)))
}

/// What only a function can be said to be, by the first word.
const OF_FUNCTIONS: &[&str] = &[
    "CALLED",
    "COST",
    "IMMUTABLE",
    "LEAKPROOF",
    "NOT",
    "PARALLEL",
    "RETURNS",
    "ROWS",
    "STABLE",
    "STRICT",
    "VOLATILE",
    "WINDOW",
];

fn argument(cursor: &mut Cursor<'_>) -> Result<FunctionArgument, Error> {
    if cursor.is_word("VARIADIC") {
        return Err(unsupported("a routine's argument that is VARIADIC"));
    }
    let mode = argument_mode(cursor);
    let start = cursor.at;
    // A name before the type; what ends right behind one word is a type alone.
    let ends = |cursor: &Cursor<'_>| {
        cursor.is_word("DEFAULT")
            || matches!(cursor.peek(), Some(Token::Comma | Token::RParen | Token::Eq))
    };
    let (name, data_type) = match cursor.type_name() {
        Ok(data_type) if ends(cursor) => (None, data_type),
        _ => {
            cursor.at = start;
            let name = cursor.name()?;
            let mode = mode.or_else(|| argument_mode(cursor));
            return argument_of(cursor, mode, Some(name));
        }
    };
    argument_with(cursor, mode, name, data_type)
}

/// IN, OUT or INOUT.
fn argument_mode(cursor: &mut Cursor<'_>) -> Option<char> {
    if cursor.eat("IN OUT") || cursor.eat("INOUT") {
        Some('b')
    } else if cursor.eat("OUT") {
        Some('o')
    } else if cursor.eat("IN") {
        Some('i')
    } else {
        None
    }
}

fn argument_of(
    cursor: &mut Cursor<'_>,
    mode: Option<char>,
    name: Option<Name>,
) -> Result<FunctionArgument, Error> {
    let data_type = cursor.type_name()?;
    argument_with(cursor, mode, name, data_type)
}

fn argument_with(
    cursor: &mut Cursor<'_>,
    mode: Option<char>,
    name: Option<Name>,
    data_type: TypeName,
) -> Result<FunctionArgument, Error> {
    let mode = mode.unwrap_or('i');
    let has_default = cursor.eat("DEFAULT") || cursor.eat_token(&Token::Eq);
    let default = if has_default { Some(piece::up_to(cursor, &[])?) } else { None };
    Ok(FunctionArgument { mode, name, data_type, default })
}

fn result(cursor: &mut Cursor<'_>) -> Result<FunctionResult, Error> {
    if cursor.eat("TABLE") {
        cursor.expect_token(&Token::LParen)?;
        let columns = cursor.list(|cursor| Ok((cursor.name()?, cursor.type_name()?)))?;
        cursor.expect_token(&Token::RParen)?;
        return Ok(FunctionResult::Table(columns));
    }
    let set = cursor.eat("SETOF");
    Ok(FunctionResult::Value { data_type: cursor.type_name()?, set })
}

fn option(
    cursor: &mut Cursor<'_>,
    function: &mut CreateFunction,
    body: &mut Option<String>,
) -> Result<(), Error> {
    if cursor.eat("LANGUAGE") {
        function.language = match cursor.string() {
            Ok(text) => text.to_lowercase(),
            Err(_) => cursor.name()?.text,
        };
    } else if cursor.eat("IMMUTABLE") {
        function.volatility = 'i';
    } else if cursor.eat("STABLE") {
        function.volatility = 's';
    } else if cursor.eat("VOLATILE") {
        function.volatility = 'v';
    } else if cursor.eat("STRICT") || cursor.eat("RETURNS NULL ON NULL INPUT") {
        function.strict = true;
    } else if cursor.eat("CALLED ON NULL INPUT") {
        function.strict = false;
    } else if cursor.eat("NOT LEAKPROOF")
        || cursor.eat("LEAKPROOF")
        || cursor.eat("SECURITY INVOKER")
        || cursor.eat("EXTERNAL SECURITY INVOKER")
    {
        // What it may do is what anybody may do.
    } else if cursor.eat("SECURITY DEFINER") || cursor.eat("EXTERNAL SECURITY DEFINER") {
        return Err(unsupported("SECURITY DEFINER"));
    } else if cursor.eat("PARALLEL") {
        cursor.next_word()?;
    } else if cursor.eat("COST") || cursor.eat("ROWS") {
        cursor.integer()?;
    } else if cursor.eat("SET") {
        return Err(unsupported("SET of a function"));
    } else if cursor.eat("AS") {
        *body = Some(cursor.string()?);
        if cursor.eat_token(&Token::Comma) {
            return Err(unsupported("a function in C"));
        }
    } else if cursor.eat("RETURN") {
        let source = piece::up_to(cursor, &[])?;
        *body = Some(format!("SELECT {}", source.text));
        default_language(function);
    } else if cursor.eat("BEGIN ATOMIC") {
        *body = Some(atomic(cursor)?);
        default_language(function);
    } else {
        return Err(cursor.unexpected());
    }
    Ok(())
}

fn default_language(function: &mut CreateFunction) {
    if function.language.is_empty() {
        "sql".clone_into(&mut function.language);
    }
}

/// `BEGIN ATOMIC query; END`: the statement's tokens end at the first semicolon, so that only what has
/// none inside can be read here.
fn atomic(cursor: &mut Cursor<'_>) -> Result<String, Error> {
    let start = cursor.at;
    let end = cursor.tokens.len();
    let last = cursor.tokens.get(end.wrapping_sub(1)).map(|token| &token.token);
    let ends = last.is_some_and(|token| crate::sql::parser::word::is(token, "END"));
    if !ends || end <= start + 1 {
        return Err(unsupported("BEGIN ATOMIC with a semicolon"));
    }
    let inner = &cursor.tokens[start..end - 1];
    let inner = match inner.split_last() {
        Some((last, rest)) if last.token == Token::SemiColon => rest,
        _ => inner,
    };
    cursor.at = end;
    match (inner.first(), inner.last()) {
        (Some(first), Some(last)) => {
            Ok(cursor.convert.source.slice(Span { start: first.span.start, end: last.span.end }))
        }
        _ => Err(cursor.unexpected()),
    }
}

pub(super) fn function_name(
    cursor: &mut Cursor<'_>,
    kind: RoutineKind,
) -> Result<FunctionName, Error> {
    let name = cursor.qualified_name()?;
    let mut arguments = None;
    if cursor.eat_token(&Token::LParen) {
        let mut types = Vec::new();
        if !cursor.eat_token(&Token::RParen) {
            types = cursor.list(|cursor| Ok(argument(cursor)?.data_type))?;
            cursor.expect_token(&Token::RParen)?;
        }
        arguments = Some(types);
    }
    Ok(FunctionName { name, arguments, kind })
}

pub(super) fn alter_function(cursor: &mut Cursor<'_>, kind: RoutineKind) -> Parsed {
    let name = function_name(cursor, kind)?;
    match object::schema_change(cursor)? {
        Some(SchemaChange::Owner(owner)) => Ok(Definition::FunctionOwner { name, owner }),
        _ => Err(unsupported("ALTER FUNCTION but for OWNER TO")),
    }
}

pub(super) fn drop_function(cursor: &mut Cursor<'_>, kind: RoutineKind) -> Parsed {
    let if_exists = cursor.eat("IF EXISTS");
    let names = cursor.list(|cursor| function_name(cursor, kind))?;
    Ok(Definition::DropFunction { kind, names, if_exists, cascade: cascade(cursor) })
}

/// `INSERT OR UPDATE OF a, b`: the columns.
fn events(cursor: &mut Cursor<'_>, bits: &mut i16) -> Result<Vec<Name>, Error> {
    let mut columns = Vec::new();
    loop {
        match cursor.next_word()?.as_str() {
            "INSERT" => *bits |= INSERT,
            "DELETE" => *bits |= DELETE,
            "TRUNCATE" => *bits |= TRUNCATE,
            "UPDATE" => {
                *bits |= UPDATE;
                if cursor.eat("OF") {
                    columns = cursor.names()?;
                }
            }
            _ => {
                cursor.at -= 1;
                return Err(cursor.unexpected());
            }
        }
        if !cursor.eat("OR") {
            break;
        }
    }
    Ok(columns)
}

pub(super) fn create_trigger(cursor: &mut Cursor<'_>, or_replace: bool) -> Parsed {
    let name = cursor.name()?;
    let mut bits = 0;
    if cursor.eat("BEFORE") {
        bits |= BEFORE;
    } else if cursor.eat("INSTEAD OF") {
        bits |= INSTEAD;
    } else {
        cursor.expect("AFTER")?;
    }
    let columns = events(cursor, &mut bits)?;
    cursor.expect("ON")?;
    let table = cursor.qualified_name()?;
    for word in ["FROM", "DEFERRABLE", "NOT", "INITIALLY"] {
        if cursor.is_word(word) {
            return Err(unsupported("a constraint trigger"));
        }
    }
    if cursor.is_word("REFERENCING") {
        return Err(unsupported("REFERENCING in CREATE TRIGGER"));
    }
    if cursor.eat("FOR") {
        cursor.eat("EACH");
        if cursor.eat("ROW") {
            bits |= ROW;
        } else {
            cursor.expect("STATEMENT")?;
        }
    }
    let condition = if cursor.eat("WHEN") { Some(piece::parenthesized(cursor)?) } else { None };
    cursor.expect("EXECUTE")?;
    if !cursor.eat("FUNCTION") {
        cursor.expect("PROCEDURE")?;
    }
    let function = cursor.qualified_name()?;
    cursor.expect_token(&Token::LParen)?;
    let mut arguments = Vec::new();
    while cursor.peek() != Some(&Token::RParen) {
        arguments.push(match cursor.string() {
            Ok(text) => text,
            Err(_) => match cursor.integer() {
                Ok(number) => number.to_string(),
                Err(_) => cursor.name()?.text,
            },
        });
        if !cursor.eat_token(&Token::Comma) {
            break;
        }
    }
    cursor.expect_token(&Token::RParen)?;
    Ok(Definition::CreateTrigger(Box::new(CreateTrigger {
        name,
        or_replace,
        table,
        bits,
        columns,
        condition,
        function,
        arguments,
    })))
}

pub(super) fn drop_trigger(cursor: &mut Cursor<'_>) -> Parsed {
    let if_exists = cursor.eat("IF EXISTS");
    let name = cursor.name()?;
    cursor.expect("ON")?;
    let table = cursor.qualified_name()?;
    cascade(cursor);
    Ok(Definition::DropTrigger { name, table, if_exists })
}
