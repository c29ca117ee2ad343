//! Statements and queries in PL/pgSQL: INTO, EXECUTE, and FOR over them.

use sqlparser::tokenizer::{Span, Token, TokenWithSpan};

use super::{Convert, Cursor, parsed, tokens_until, utility, word};
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{Code, Execute, LoopKind, QualifiedName, Query, Statement, Targets};

/// `1..10` is read as `1.` and `.10`: the same tokens with the dots apart.
pub(super) fn with_ranges(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut all: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    for TokenWithSpan { token, span } in tokens {
        let dot = || TokenWithSpan { token: Token::Period, span };
        let touches = all.last().is_some_and(|last| last.span.end == span.start);
        match (&token, all.last_mut()) {
            (Token::Number(after, long), Some(last)) if touches && after.starts_with('.') => {
                let rest = Token::Number(after[1..].to_owned(), *long);
                match &mut last.token {
                    Token::Number(before, _) if before.ends_with('.') => {
                        before.pop();
                        all.push(dot());
                        all.push(dot());
                    }
                    Token::Period => all.push(dot()),
                    _ => {
                        all.push(TokenWithSpan { token, span });
                        continue;
                    }
                }
                all.push(TokenWithSpan { token: rest, span });
                continue;
            }
            (Token::Period, Some(last)) if touches => {
                if let Token::Number(before, _) = &mut last.token
                    && before.ends_with('.')
                {
                    before.pop();
                    all.push(dot());
                }
            }
            _ => {}
        }
        all.push(TokenWithSpan { token, span });
    }
    all
}

/// The text of what a statement gives to SQL, as messages have it; empty if it gives nothing.
pub(super) fn text(cursor: &Cursor<'_>, code: &Code, tokens: &[TokenWithSpan]) -> String {
    let tokens = match tokens.split_last() {
        Some((last, rest)) if last.token == Token::SemiColon => rest,
        _ => tokens,
    };
    let slice = |tokens: &[TokenWithSpan]| match (tokens.first(), tokens.last()) {
        (Some(first), Some(last)) => {
            cursor.convert.source.slice(Span { start: first.span.start, end: last.span.end })
        }
        _ => String::new(),
    };
    match code {
        Code::Sql(_) => slice(tokens),
        Code::Perform(_) => format!("SELECT {}", slice(tokens.get(1..).unwrap_or_default())),
        Code::ReturnQuery(_) => slice(tokens.get(2..).unwrap_or_default()),
        Code::Into(..) => match into_place(tokens) {
            Some((before, after)) => {
                let parts = [slice(&tokens[..before]), slice(&tokens[after..])];
                parts.join(" ").trim().to_owned()
            }
            None => slice(tokens),
        },
        _ => String::new(),
    }
}

/// The SELECT that PERFORM stands for.
pub(super) fn selected(cursor: &Cursor<'_>, tokens: &[TokenWithSpan]) -> Result<Box<Query>, Error> {
    let Some(first) = tokens.first() else { return Err(cursor.unexpected()) };
    let mut all = Vec::with_capacity(tokens.len() + 1);
    all.push(TokenWithSpan { token: Token::make_keyword("SELECT"), span: first.span });
    all.extend(tokens.iter().cloned());
    query(cursor, &all)
}

pub(super) fn query(cursor: &Cursor<'_>, tokens: &[TokenWithSpan]) -> Result<Box<Query>, Error> {
    let convert = Convert { tokens, ..*cursor.convert };
    let mut inner = Cursor::new(&convert, tokens);
    let parsed = inner.query()?;
    inner.expect_end()?;
    Ok(Box::new(parsed))
}

/// A statement in SQL, which may have an INTO.
pub(super) fn statement(cursor: &Cursor<'_>, tokens: &[TokenWithSpan]) -> Result<Code, Error> {
    let Some((rest, targets)) = without_into(cursor, tokens)? else {
        return Ok(Code::Sql(Box::new(sql(cursor, tokens)?)));
    };
    Ok(Code::Into(Box::new(sql(cursor, &rest)?), targets))
}

fn sql(cursor: &Cursor<'_>, tokens: &[TokenWithSpan]) -> Result<Statement, Error> {
    let convert = Convert { tokens, ..*cursor.convert };
    match utility::parse(&convert, tokens) {
        Err(error) if error.state() == SqlState::FEATURE_NOT_SUPPORTED => {
            Ok(Statement::Unsupported(error))
        }
        other => other,
    }
}

/// A statement's tokens without its INTO, and what that names. INSERT and MERGE begin with a word of that name.
fn without_into(
    cursor: &Cursor<'_>,
    tokens: &[TokenWithSpan],
) -> Result<Option<(Vec<TokenWithSpan>, Targets)>, Error> {
    let reads = ["SELECT", "WITH", "VALUES", "INSERT", "UPDATE", "DELETE"];
    let first = tokens.first().and_then(|token| word::upper(&token.token));
    if !first.is_some_and(|first| reads.contains(&first.as_str())) {
        return Ok(None);
    }
    let Some((place, _)) = into_place(tokens) else { return Ok(None) };
    let convert = Convert { tokens, ..*cursor.convert };
    let mut inner = Cursor::new(&convert, tokens);
    inner.at = place + 1;
    let targets = targets(&mut inner)?;
    let rest = tokens[..place].iter().chain(&tokens[inner.at..]).cloned().collect();
    Ok(Some((rest, targets)))
}

/// Where a statement's INTO begins, and where it ends: behind its names and commas.
fn into_place(tokens: &[TokenWithSpan]) -> Option<(usize, usize)> {
    let mut depth = 0usize;
    let place = tokens.iter().enumerate().position(|(at, token)| {
        match token.token {
            Token::LParen | Token::LBracket => depth += 1,
            Token::RParen | Token::RBracket => depth = depth.saturating_sub(1),
            _ => {}
        }
        let inserts = at > 0 && word::is(&tokens[at - 1].token, "INSERT");
        depth == 0 && word::is(&token.token, "INTO") && !inserts
    })?;
    let mut end = place + 1;
    if tokens.get(end).is_some_and(|token| word::is(&token.token, "STRICT")) {
        end += 1;
    }
    while let Some([_, next]) = tokens.get(end..end + 2)
        && matches!(next.token, Token::Comma | Token::Period)
    {
        end += 2;
    }
    Some((place, end + 1))
}

fn targets(cursor: &mut Cursor<'_>) -> Result<Targets, Error> {
    let strict = cursor.eat("STRICT");
    Ok(Targets { variables: cursor.list(Cursor::qualified_name)?, strict })
}

/// What stands behind EXECUTE, up to a semicolon or LOOP.
pub(super) fn execute(cursor: &mut Cursor<'_>) -> Result<Execute, Error> {
    let ends = |word: &str| matches!(word, "INTO" | "USING" | "LOOP");
    let tokens = tokens_until(cursor, ends);
    let text = parsed(cursor, tokens)?;
    let mut execute = Execute { text, into: None, using: Vec::new(), returns: false };
    loop {
        if execute.into.is_none() && cursor.eat("INTO") {
            execute.into = Some(targets(cursor)?);
        } else if execute.using.is_empty() && cursor.eat("USING") {
            loop {
                let tokens = tokens_until(cursor, ends);
                execute.using.push(parsed(cursor, tokens)?);
                if !cursor.eat_token(&Token::Comma) {
                    break;
                }
            }
        } else {
            return Ok(execute);
        }
    }
}

/// FOR, up to its LOOP, which is taken.
pub(super) fn for_loop(cursor: &mut Cursor<'_>) -> Result<LoopKind, Error> {
    let variables = cursor.list(Cursor::qualified_name)?;
    cursor.expect("IN")?;
    if cursor.eat("EXECUTE") {
        let execute = execute(cursor)?;
        cursor.expect("LOOP")?;
        return Ok(LoopKind::Execute { variables, execute });
    }
    let reverse = cursor.eat("REVERSE");
    let start = cursor.at;
    let tokens = loop_head(cursor)?;
    if let Some(place) = range(tokens) {
        return numbers(cursor, &variables, (tokens, place), reverse);
    }
    if reverse {
        cursor.at = start;
        return Err(cursor.unexpected());
    }
    Ok(LoopKind::Rows { variables, query: Box::new(sql(cursor, tokens)?) })
}

/// The tokens up to LOOP, which is taken.
fn loop_head<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [TokenWithSpan], Error> {
    let start = cursor.at;
    while let Some(token) = cursor.peek() {
        if *token == Token::SemiColon {
            break;
        }
        cursor.at += 1;
        if word::is(token, "LOOP") {
            return Ok(&cursor.tokens[start..cursor.at - 1]);
        }
    }
    Err(cursor.unexpected())
}

/// Where `..` stands, outside of parentheses.
fn range(tokens: &[TokenWithSpan]) -> Option<usize> {
    let mut depth = 0usize;
    tokens.windows(2).position(|pair| {
        match pair[0].token {
            Token::LParen | Token::LBracket => depth += 1,
            Token::RParen | Token::RBracket => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && pair[0].token == Token::Period && pair[1].token == Token::Period
    })
}

fn numbers(
    cursor: &Cursor<'_>,
    variables: &[QualifiedName],
    (tokens, place): (&[TokenWithSpan], usize),
    reverse: bool,
) -> Result<LoopKind, Error> {
    let [variable] = variables else {
        let message = "integer FOR loop must have only one target variable";
        return Err(Error::user(SqlState::SYNTAX_ERROR, message));
    };
    let [variable] = variable.as_slice() else { return Err(cursor.unexpected()) };
    let from = parsed(cursor, &tokens[..place])?;
    let convert = Convert { tokens, ..*cursor.convert };
    let mut inner = Cursor::new(&convert, &tokens[place + 2..]);
    let to = tokens_until(&mut inner, |word| word == "BY");
    let to = parsed(cursor, to)?;
    let step = if inner.eat("BY") {
        let rest = tokens_until(&mut inner, |_| false);
        Some(parsed(cursor, rest)?)
    } else {
        None
    };
    inner.expect_end()?;
    Ok(LoopKind::Numbers { variable: variable.text.clone(), from, to, step, reverse })
}

/// Whether `[...] :=` comes next.
pub(super) fn assigns_element(cursor: &Cursor<'_>) -> bool {
    let mut depth = 0usize;
    for token in &cursor.tokens[cursor.at..] {
        match token.token {
            Token::LBracket => depth += 1,
            Token::RBracket => depth = depth.saturating_sub(1),
            Token::Assignment | Token::Eq if depth == 0 => return true,
            _ if depth == 0 => return false,
            _ => {}
        }
    }
    false
}
