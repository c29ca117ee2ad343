//! PL/pgSQL: the text of DO blocks and function bodies.
//!
//! A body is a text of its own, with its own tokens. Variables, loops and what else needs an interpreter are
//! refused by name.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::cursor::Cursor;
use super::{Convert, Source, unsupported, utility, word};
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{Block, Code, Condition, Expr, Handler, Level, Raise, Statement};

/// Names of conditions that are caught or raised (manual, appendix "PostgreSQL Error Codes").
const CONDITIONS: &[(&str, &[u8; 5])] = &[
    ("cardinality_violation", b"21000"),
    ("check_violation", b"23514"),
    ("data_exception", b"22000"),
    ("dependent_objects_still_exist", b"2BP01"),
    ("division_by_zero", b"22012"),
    ("duplicate_alias", b"42712"),
    ("duplicate_column", b"42701"),
    ("duplicate_database", b"42P04"),
    ("duplicate_function", b"42723"),
    ("duplicate_object", b"42710"),
    ("duplicate_schema", b"42P06"),
    ("duplicate_table", b"42P07"),
    ("exclusion_violation", b"23P01"),
    ("feature_not_supported", b"0A000"),
    ("foreign_key_violation", b"23503"),
    ("insufficient_privilege", b"42501"),
    ("invalid_parameter_value", b"22023"),
    ("invalid_schema_name", b"3F000"),
    ("invalid_table_definition", b"42P16"),
    ("invalid_text_representation", b"22P02"),
    ("no_data_found", b"P0002"),
    ("not_null_violation", b"23502"),
    ("numeric_value_out_of_range", b"22003"),
    ("object_in_use", b"55006"),
    ("object_not_in_prerequisite_state", b"55000"),
    ("raise_exception", b"P0001"),
    ("string_data_right_truncation", b"22001"),
    ("syntax_error", b"42601"),
    ("undefined_column", b"42703"),
    ("undefined_function", b"42883"),
    ("undefined_object", b"42704"),
    ("undefined_table", b"42P01"),
    ("unique_violation", b"23505"),
    ("wrong_object_type", b"42809"),
];

/// Statements of PL/pgSQL that aren't supported, by their first word.
const REFUSED: &[&str] = &[
    "ASSERT", "CASE", "CLOSE", "COMMIT", "CONTINUE", "EXIT", "FETCH", "FOR", "FOREACH", "GET",
    "LOOP", "MOVE", "OPEN", "ROLLBACK", "WHILE",
];

/// Parses a body.
///
/// # Errors
/// 42601; 0A000 for what needs an interpreter.
pub(in crate::sql) fn parse(text: &str) -> Result<Block, Error> {
    let source = Source::new(text);
    let tokens = super::tokens(&source, text)?;
    let convert = Convert { source: &source, tokens: &tokens, end: None };
    let mut cursor = Cursor::new(&convert, &tokens);
    let block = block(&mut cursor);
    let block = block.and_then(|block| {
        cursor.eat_token(&Token::SemiColon);
        cursor.expect_end().map(|()| block)
    });
    // A position in the body is none in the statement that it stands in.
    block.map_err(|mut error| {
        error.fields_mut().position = None;
        error
    })
}

fn block(cursor: &mut Cursor<'_>) -> Result<Block, Error> {
    if cursor.eat("DECLARE") && !cursor.is_word("BEGIN") {
        return Err(unsupported("a variable in PL/pgSQL"));
    }
    cursor.expect("BEGIN")?;
    let body = cursor.nested(|cursor| statements(cursor, &["END", "EXCEPTION"]))?;
    let mut handlers = Vec::new();
    if cursor.eat("EXCEPTION") {
        while cursor.eat("WHEN") {
            let mut conditions = vec![condition(cursor)?];
            while cursor.eat("OR") {
                conditions.push(condition(cursor)?);
            }
            cursor.expect("THEN")?;
            let body = cursor.nested(|cursor| statements(cursor, &["WHEN", "END"]))?;
            handlers.push(Handler { conditions, body });
        }
    }
    cursor.expect("END")?;
    Ok(Block { body, handlers })
}

fn condition(cursor: &mut Cursor<'_>) -> Result<Condition, Error> {
    if cursor.eat("SQLSTATE") {
        return Ok(Condition::State(state(&cursor.string()?)?));
    }
    let name = cursor.name()?;
    match name.text.as_str() {
        "others" => Ok(Condition::Any),
        "integrity_constraint_violation" => Ok(Condition::Class(*b"23")),
        "syntax_error_or_access_rule_violation" => Ok(Condition::Class(*b"42")),
        other => named(other).map(Condition::State),
    }
}

fn named(name: &str) -> Result<SqlState, Error> {
    let known = CONDITIONS.iter().find(|(known, _)| *known == name);
    known.map(|(_, state)| SqlState(**state)).ok_or_else(|| {
        Error::user(
            SqlState::UNDEFINED_OBJECT,
            format!("unrecognized exception condition \"{name}\""),
        )
    })
}

fn state(text: &str) -> Result<SqlState, Error> {
    let valid = text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    match <[u8; 5]>::try_from(text.as_bytes()) {
        Ok(bytes) if valid => Ok(SqlState(bytes)),
        _ => Err(Error::user(SqlState::SYNTAX_ERROR, "invalid SQLSTATE code")),
    }
}

/// Statements up to one of these words.
fn statements(cursor: &mut Cursor<'_>, ends: &[&str]) -> Result<Vec<Code>, Error> {
    let mut all = Vec::new();
    loop {
        if ends.iter().any(|end| cursor.is_word(end)) {
            return Ok(all);
        }
        all.push(statement(cursor)?);
    }
}

/// The tokens of one statement, up to its semicolon, which is taken.
fn until_semicolon<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [TokenWithSpan], Error> {
    let start = cursor.at;
    while let Some(token) = cursor.peek() {
        cursor.at += 1;
        if *token == Token::SemiColon {
            return Ok(&cursor.tokens[start..cursor.at - 1]);
        }
    }
    Err(cursor.unexpected())
}

/// The tokens up to a comma or semicolon of this level, or a word that ends them.
fn tokens_until<'a>(cursor: &mut Cursor<'a>, ends: impl Fn(&str) -> bool) -> &'a [TokenWithSpan] {
    let start = cursor.at;
    let (mut depth, mut cases) = (0usize, 0usize);
    while let Some(token) = cursor.peek() {
        match token {
            Token::LParen | Token::LBracket => depth += 1,
            Token::RParen | Token::RBracket => depth = depth.saturating_sub(1),
            Token::Comma if depth == 0 => break,
            Token::SemiColon => break,
            _ => {}
        }
        match word::upper(token).as_deref() {
            Some("CASE") => cases += 1,
            Some("END") => cases = cases.saturating_sub(1),
            Some(word) if depth == 0 && cases == 0 && ends(word) => break,
            _ => {}
        }
        cursor.at += 1;
    }
    &cursor.tokens[start..cursor.at]
}

fn end(cursor: &mut Cursor<'_>) -> Result<(), Error> {
    cursor.expect_token(&Token::SemiColon)
}

/// An expression up to a word.
fn expression_to(cursor: &mut Cursor<'_>, end: &str) -> Result<Expr, Error> {
    let tokens = tokens_until(cursor, |word| word == end);
    let expr = parsed(cursor, tokens)?;
    cursor.expect(end)?;
    Ok(expr)
}

fn parsed(cursor: &Cursor<'_>, tokens: &[TokenWithSpan]) -> Result<Expr, Error> {
    if tokens.is_empty() {
        return Err(cursor.unexpected());
    }
    let mut inner = Cursor::new(cursor.convert, tokens);
    let expr = inner.expr()?;
    inner.expect_end()?;
    Ok(expr)
}

fn statement(cursor: &mut Cursor<'_>) -> Result<Code, Error> {
    let first = cursor.word().unwrap_or_default();
    match first.as_str() {
        "BEGIN" | "DECLARE" => {
            let inner = block(cursor)?;
            end(cursor)?;
            return Ok(Code::Block(inner));
        }
        "IF" => return if_statement(cursor),
        "RAISE" => return raise(cursor),
        "NULL" => {
            cursor.at += 1;
            end(cursor)?;
            return Ok(Code::Null);
        }
        "RETURN" => {
            cursor.at += 1;
            if cursor.is_word("QUERY") || cursor.is_word("NEXT") {
                return Err(unsupported("RETURN QUERY"));
            }
            let tokens = until_semicolon(cursor)?;
            let value = if tokens.is_empty() { None } else { Some(parsed(cursor, tokens)?) };
            return Ok(Code::Return(value));
        }
        "PERFORM" => {
            cursor.at += 1;
            return perform(cursor);
        }
        "EXECUTE" => {
            cursor.at += 1;
            let tokens = until_semicolon(cursor)?;
            let [only] = tokens else {
                return Err(unsupported("EXECUTE of anything but a constant"));
            };
            let Some(text) = super::literal::string_token(&only.token) else {
                return Err(unsupported("EXECUTE of anything but a constant"));
            };
            let statements = super::parse_text(&text)?;
            return Ok(Code::Execute(statements.into_iter().map(|one| one.statement).collect()));
        }
        other if REFUSED.contains(&other) => {
            return Err(unsupported(&format!("{other} in PL/pgSQL")));
        }
        _ => {}
    }
    if let Some(code) = assignment(cursor)? {
        return Ok(code);
    }
    let tokens = until_semicolon(cursor)?;
    let statement = utility::parse(cursor.convert, tokens);
    match statement {
        Err(error) if error.state() == SqlState::FEATURE_NOT_SUPPORTED => {
            Ok(Code::Sql(Box::new(Statement::Unsupported(error))))
        }
        other => Ok(Code::Sql(Box::new(other?))),
    }
}

/// `name.field := value;` or with `=`.
fn assignment(cursor: &mut Cursor<'_>) -> Result<Option<Code>, Error> {
    let start = cursor.at;
    let position = cursor.position();
    let Ok(target) = cursor.qualified_name() else {
        cursor.at = start;
        return Ok(None);
    };
    if !cursor.eat_token(&Token::Assignment) && !cursor.eat_token(&Token::Eq) {
        cursor.at = start;
        return Ok(None);
    }
    let tokens = until_semicolon(cursor)?;
    Ok(Some(Code::Assign { target, value: parsed(cursor, tokens)?, position }))
}

fn if_statement(cursor: &mut Cursor<'_>) -> Result<Code, Error> {
    cursor.expect("IF")?;
    let mut branches = Vec::new();
    let mut otherwise = Vec::new();
    loop {
        let condition = expression_to(cursor, "THEN")?;
        let ends = ["ELSIF", "ELSEIF", "ELSE", "END"];
        let body = cursor.nested(|cursor| statements(cursor, &ends))?;
        branches.push((condition, body));
        if cursor.eat("ELSIF") || cursor.eat("ELSEIF") {
            continue;
        }
        if cursor.eat("ELSE") {
            otherwise = cursor.nested(|cursor| statements(cursor, &["END"]))?;
        }
        break;
    }
    cursor.expect("END IF")?;
    end(cursor)?;
    Ok(Code::If { branches, otherwise })
}

fn perform(cursor: &mut Cursor<'_>) -> Result<Code, Error> {
    let tokens = until_semicolon(cursor)?;
    let Some(first) = tokens.first() else { return Err(cursor.unexpected()) };
    // PERFORM stands in SELECT's place.
    let mut query = Vec::with_capacity(tokens.len() + 1);
    query.push(TokenWithSpan { token: Token::make_keyword("SELECT"), span: first.span });
    query.extend(tokens.iter().cloned());
    let convert = Convert { tokens: &query, ..*cursor.convert };
    let mut inner = Cursor::new(&convert, &query);
    let parsed = inner.query()?;
    inner.expect_end()?;
    Ok(Code::Perform(Box::new(parsed)))
}

fn raise(cursor: &mut Cursor<'_>) -> Result<Code, Error> {
    cursor.expect("RAISE")?;
    let levels = ["DEBUG", "LOG", "INFO", "NOTICE", "WARNING"];
    let level = match levels.into_iter().find(|level| cursor.is_word(level)) {
        Some(level) => {
            cursor.at += 1;
            Level::Message(level)
        }
        None => {
            cursor.eat("EXCEPTION");
            Level::Exception
        }
    };
    let mut raise = Raise {
        level,
        format: String::new(),
        arguments: Vec::new(),
        state: None,
        detail: None,
        hint: None,
    };
    if cursor.peek() == Some(&Token::SemiColon) {
        return Err(unsupported("RAISE without a message"));
    }
    if cursor.eat("SQLSTATE") {
        raise.state = Some(state(&cursor.string()?)?);
    } else if let Ok(format) = cursor.string() {
        raise.format = format;
    } else if !cursor.is_word("USING") {
        let name = cursor.name()?;
        raise.state = Some(named(&name.text)?);
        raise.format = name.text;
    }
    while cursor.eat_token(&Token::Comma) {
        let tokens = tokens_until(cursor, |word| word == "USING");
        raise.arguments.push(parsed(cursor, tokens)?);
    }
    if cursor.eat("USING") {
        raise_options(cursor, &mut raise)?;
    }
    let places = raise.format.replace("%%", "").matches('%').count();
    if places != raise.arguments.len() {
        let which = if places > raise.arguments.len() { "few" } else { "many" };
        let message = format!("too {which} parameters specified for RAISE");
        return Err(Error::user(SqlState::SYNTAX_ERROR, message));
    }
    end(cursor)?;
    Ok(Code::Raise(raise))
}

fn raise_options(cursor: &mut Cursor<'_>, raise: &mut Raise) -> Result<(), Error> {
    loop {
        let option = cursor.next_word()?;
        if !cursor.eat_token(&Token::Eq) {
            cursor.expect_token(&Token::Assignment)?;
        }
        let tokens = tokens_until(cursor, |_| false);
        let value = parsed(cursor, tokens)?;
        match (option.as_str(), &value.kind) {
            ("DETAIL", _) => raise.detail = Some(value),
            ("HINT", _) => raise.hint = Some(value),
            ("MESSAGE", crate::sql::ast::ExprKind::String(text)) => {
                raise.format = text.replace('%', "%%");
            }
            ("ERRCODE", crate::sql::ast::ExprKind::String(text)) => {
                raise.state = Some(match named(text) {
                    Ok(known) => known,
                    Err(_) => state(text)?,
                });
            }
            _ => return Err(unsupported(&format!("RAISE ... USING {option}"))),
        }
        if !cursor.eat_token(&Token::Comma) {
            return Ok(());
        }
    }
}
