//! PL/pgSQL: the text of DO blocks and of bodies of functions and procedures.
//!
//! A body is a text of its own, with its own tokens. Expressions and statements in it are SQL's; what isn't
//! supported is refused by name.

mod declare;
mod query;
mod raise;

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::cursor::Cursor;
use super::{Convert, Source, unsupported, utility, word};
use crate::model::error::{Error, SqlState};
use crate::sql::Diagnostic;
use crate::sql::ast::{
    Block, Code, CodeLine, Expr, ExprKind, Handler, Level, Loop, LoopKind, Raise,
};

/// Statements of PL/pgSQL that aren't supported, by their first word.
const REFUSED: &[&str] = &["ASSERT", "CLOSE", "COMMIT", "FETCH", "MOVE", "OPEN", "ROLLBACK"];

/// What GET DIAGNOSTICS can ask for.
const DIAGNOSTICS: &[(&str, Diagnostic)] =
    &[("ROW_COUNT", Diagnostic::RowCount), ("PG_CONTEXT", Diagnostic::Context)];

/// What GET STACKED DIAGNOSTICS can ask for.
const STACKED: &[(&str, Diagnostic)] = &[
    ("RETURNED_SQLSTATE", Diagnostic::State),
    ("MESSAGE_TEXT", Diagnostic::Message),
    ("PG_EXCEPTION_DETAIL", Diagnostic::Detail),
    ("PG_EXCEPTION_HINT", Diagnostic::Hint),
    ("PG_EXCEPTION_CONTEXT", Diagnostic::Context),
    ("SCHEMA_NAME", Diagnostic::Schema),
    ("TABLE_NAME", Diagnostic::Table),
    ("COLUMN_NAME", Diagnostic::Column),
    ("PG_DATATYPE_NAME", Diagnostic::DataType),
    ("CONSTRAINT_NAME", Diagnostic::Constraint),
];

/// Parses a body.
///
/// # Errors
/// 42601; 0A000 for what isn't supported.
pub(in crate::sql) fn parse(text: &str) -> Result<Block, Error> {
    let source = Source::new(text);
    let tokens = query::with_ranges(super::tokens(&source, text)?);
    let convert = Convert { source: &source, tokens: &tokens, end: None };
    let mut cursor = Cursor::new(&convert, &tokens);
    let block = label(&mut cursor).and_then(|label| block(&mut cursor, label));
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

/// The line of the next token.
fn line(cursor: &Cursor<'_>) -> u32 {
    cursor.tokens.get(cursor.at).map_or(0, |token| token.span.start.line as u32)
}

/// `<<label>>`, if one comes next.
fn label(cursor: &mut Cursor<'_>) -> Result<Option<String>, Error> {
    if !cursor.eat_token(&Token::ShiftLeft) {
        return Ok(None);
    }
    let name = cursor.own_name()?;
    cursor.expect_token(&Token::ShiftRight)?;
    Ok(Some(name.text))
}

fn block(cursor: &mut Cursor<'_>, label: Option<String>) -> Result<Block, Error> {
    let mut block = Block { label, line: line(cursor), ..Block::default() };
    if cursor.eat("DECLARE") {
        block.declarations = declare::declarations(cursor)?;
    }
    cursor.expect("BEGIN")?;
    block.body = cursor.nested(|cursor| statements(cursor, &["END", "EXCEPTION"]))?;
    if cursor.eat("EXCEPTION") {
        while cursor.eat("WHEN") {
            let mut conditions = vec![raise::condition(cursor)?];
            while cursor.eat("OR") {
                conditions.push(raise::condition(cursor)?);
            }
            cursor.expect("THEN")?;
            let body = cursor.nested(|cursor| statements(cursor, &["WHEN", "END"]))?;
            block.handlers.push(Handler { conditions, body });
        }
    }
    cursor.expect("END")?;
    end_label(cursor, block.label.as_deref())?;
    Ok(block)
}

/// The label behind END, if there is one.
fn end_label(cursor: &mut Cursor<'_>, label: Option<&str>) -> Result<(), Error> {
    if cursor.at_end() || cursor.peek() == Some(&Token::SemiColon) {
        return Ok(());
    }
    let name = cursor.own_name()?;
    let message = match label {
        Some(label) if label == name.text => return Ok(()),
        Some(label) => {
            format!("end label \"{}\" differs from block's label \"{label}\"", name.text)
        }
        None => format!("end label \"{}\" specified for unlabeled block", name.text),
    };
    Err(Error::user(SqlState::SYNTAX_ERROR, message))
}

/// Statements up to one of these words.
fn statements(cursor: &mut Cursor<'_>, ends: &[&str]) -> Result<Vec<CodeLine>, Error> {
    let mut all = Vec::new();
    loop {
        if ends.iter().any(|end| cursor.is_word(end)) {
            return Ok(all);
        }
        let (start, line) = (cursor.at, line(cursor));
        let code = statement(cursor)?;
        let tokens = &cursor.tokens[start..cursor.at];
        all.push(CodeLine { line, text: query::text(cursor, &code, tokens), code });
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

/// An expression up to a word, which is taken.
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
    let label = label(cursor)?;
    let first = cursor.word().unwrap_or_default();
    match first.as_str() {
        "BEGIN" | "DECLARE" => {
            let inner = block(cursor, label)?;
            end(cursor)?;
            return Ok(Code::Block(inner));
        }
        "LOOP" | "WHILE" | "FOR" | "FOREACH" => return loop_statement(cursor, label),
        _ if label.is_some() => return Err(cursor.unexpected()),
        "IF" => return if_statement(cursor),
        "CASE" => return case_statement(cursor),
        "EXIT" | "CONTINUE" => return exit(cursor),
        "RAISE" => return raise::raise(cursor),
        "GET" => return diagnostics(cursor),
        "NULL" => {
            cursor.at += 1;
            end(cursor)?;
            return Ok(Code::Null);
        }
        "RETURN" => {
            cursor.at += 1;
            return returns(cursor);
        }
        "PERFORM" => {
            cursor.at += 1;
            let tokens = until_semicolon(cursor)?;
            return query::selected(cursor, tokens).map(Code::Perform);
        }
        "EXECUTE" => {
            cursor.at += 1;
            let execute = query::execute(cursor)?;
            end(cursor)?;
            return Ok(Code::Execute(execute));
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
    query::statement(cursor, tokens)
}

fn returns(cursor: &mut Cursor<'_>) -> Result<Code, Error> {
    if cursor.eat("QUERY") {
        if cursor.eat("EXECUTE") {
            let execute = query::execute(cursor)?;
            end(cursor)?;
            return Ok(Code::Execute(crate::sql::ast::Execute { returns: true, ..execute }));
        }
        let tokens = until_semicolon(cursor)?;
        return query::query(cursor, tokens).map(Code::ReturnQuery);
    }
    let next = cursor.eat("NEXT");
    let tokens = until_semicolon(cursor)?;
    let value = if tokens.is_empty() { None } else { Some(parsed(cursor, tokens)?) };
    Ok(if next { Code::ReturnNext(value) } else { Code::Return(value) })
}

/// `name.field := value;` or with `=`.
fn assignment(cursor: &mut Cursor<'_>) -> Result<Option<Code>, Error> {
    let start = cursor.at;
    let Ok(target) = cursor.qualified_name() else {
        cursor.at = start;
        return Ok(None);
    };
    if cursor.peek() == Some(&Token::LBracket) && query::assigns_element(cursor) {
        return Err(unsupported("assigning to an element of an array in PL/pgSQL"));
    }
    if !cursor.eat_token(&Token::Assignment) && !cursor.eat_token(&Token::Eq) {
        cursor.at = start;
        return Ok(None);
    }
    let tokens = until_semicolon(cursor)?;
    Ok(Some(Code::Assign { target, value: parsed(cursor, tokens)? }))
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

/// CASE, as the IF that it is.
fn case_statement(cursor: &mut Cursor<'_>) -> Result<Code, Error> {
    let line = line(cursor);
    cursor.expect("CASE")?;
    let operand = if cursor.is_word("WHEN") {
        None
    } else {
        let tokens = tokens_until(cursor, |word| word == "WHEN");
        Some(parsed(cursor, tokens)?)
    };
    let mut branches = Vec::new();
    while cursor.eat("WHEN") {
        let condition = match &operand {
            None => expression_to(cursor, "THEN")?,
            Some(operand) => {
                let mut list = Vec::new();
                loop {
                    let tokens = tokens_until(cursor, |word| word == "THEN");
                    list.push(parsed(cursor, tokens)?);
                    if !cursor.eat_token(&Token::Comma) {
                        break;
                    }
                }
                cursor.expect("THEN")?;
                let operand = Box::new(operand.clone());
                Expr { kind: ExprKind::InList { operand, list, negated: false }, position: 0 }
            }
        };
        let body = cursor.nested(|cursor| statements(cursor, &["WHEN", "ELSE", "END"]))?;
        branches.push((condition, body));
    }
    let otherwise = if cursor.eat("ELSE") {
        cursor.nested(|cursor| statements(cursor, &["END"]))?
    } else {
        let hint = ExprKind::String("CASE statement is missing ELSE part.".to_owned());
        let raise = Raise {
            level: Level::Exception,
            format: "case not found".to_owned(),
            arguments: Vec::new(),
            state: Some(SqlState(*b"20000")),
            detail: None,
            hint: Some(Expr { kind: hint, position: 0 }),
        };
        vec![CodeLine { line, text: String::new(), code: Code::Raise(raise) }]
    };
    cursor.expect("END CASE")?;
    end(cursor)?;
    Ok(Code::If { branches, otherwise })
}

fn loop_statement(cursor: &mut Cursor<'_>, label: Option<String>) -> Result<Code, Error> {
    let kind = if cursor.eat("LOOP") {
        LoopKind::Forever
    } else if cursor.eat("WHILE") {
        LoopKind::While(expression_to(cursor, "LOOP")?)
    } else if cursor.eat("FOREACH") {
        let variable = cursor.qualified_name()?;
        if cursor.is_word("SLICE") {
            return Err(unsupported("FOREACH ... SLICE"));
        }
        cursor.expect("IN ARRAY")?;
        LoopKind::Elements { variable, array: expression_to(cursor, "LOOP")? }
    } else {
        cursor.expect("FOR")?;
        query::for_loop(cursor)?
    };
    let body = cursor.nested(|cursor| statements(cursor, &["END"]))?;
    cursor.expect("END LOOP")?;
    end_label(cursor, label.as_deref())?;
    end(cursor)?;
    Ok(Code::Loop(Loop { label, kind, body }))
}

fn exit(cursor: &mut Cursor<'_>) -> Result<Code, Error> {
    let again = cursor.next_word()? == "CONTINUE";
    let ends = cursor.is_word("WHEN") || cursor.peek() == Some(&Token::SemiColon);
    let label = if ends { None } else { Some(cursor.own_name()?.text) };
    let condition = if cursor.eat("WHEN") {
        let tokens = tokens_until(cursor, |_| false);
        Some(parsed(cursor, tokens)?)
    } else {
        None
    };
    end(cursor)?;
    Ok(Code::Exit { label, condition, again })
}

fn diagnostics(cursor: &mut Cursor<'_>) -> Result<Code, Error> {
    cursor.expect("GET")?;
    let stacked = cursor.eat("STACKED");
    if !stacked {
        cursor.eat("CURRENT");
    }
    cursor.expect("DIAGNOSTICS")?;
    let items = cursor.list(|cursor| {
        let variable = cursor.qualified_name()?;
        if !cursor.eat_token(&Token::Assignment) {
            cursor.expect_token(&Token::Eq)?;
        }
        let name = cursor.next_word()?;
        let known = if stacked { STACKED } else { DIAGNOSTICS };
        match known.iter().find(|(known, _)| *known == name) {
            Some((_, item)) => Ok((variable, *item)),
            None => {
                let message = format!("unrecognized GET DIAGNOSTICS item at or near \"{name}\"");
                Err(Error::user(SqlState::SYNTAX_ERROR, message))
            }
        }
    })?;
    end(cursor)?;
    Ok(Code::Diagnostics(items))
}
