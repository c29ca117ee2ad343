//! Utility statements.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::cursor::Cursor;
use super::{Convert, copy, portal, unsupported, word};
use crate::model::error::{Error, SqlState};
use crate::pgdata::quote_identifier;
use crate::sql::ast::{ExprKind, Statement};
use crate::sql::{Discard, Isolation, SettingValue, TransactionModes};

/// Statements that PostgreSQL has and that aren't supported, by their first word.
const UNSUPPORTED: &[&str] = &["CLUSTER", "IMPORT", "LOAD", "SECURITY"];
/// What reads, or changes rows.
const QUERIES: &[&str] =
    &["SELECT", "VALUES", "WITH", "TABLE", "INSERT", "UPDATE", "DELETE", "MERGE"];

/// Parses a statement.
pub(super) fn parse(convert: &Convert<'_>, tokens: &[TokenWithSpan]) -> Result<Statement, Error> {
    let mut cursor = Cursor::new(convert, tokens);
    let statement = match cursor.word() {
        _ if cursor.peek() == Some(&Token::LParen) => cursor.query_statement(),
        None => Err(cursor.unexpected()),
        Some(first) if QUERIES.contains(&first.as_str()) => query(&mut cursor, &first),
        Some(first) => match super::ddl::parse(&mut cursor) {
            Some(definition) => definition,
            None => read(&mut cursor, &first),
        },
    };
    statement.and_then(|statement| {
        if !matches!(statement, Statement::Unsupported(_)) {
            cursor.expect_end()?;
        }
        Ok(statement)
    })
}

fn query(cursor: &mut Cursor<'_>, first: &str) -> Result<Statement, Error> {
    Ok(match first {
        "INSERT" => Statement::Insert(Box::new(cursor.insert()?)),
        "UPDATE" => Statement::Update(Box::new(cursor.update()?)),
        "DELETE" => Statement::Delete(Box::new(cursor.delete()?)),
        "MERGE" => Statement::Merge(Box::new(cursor.merge()?)),
        _ => return cursor.query_statement(),
    })
}

/// CREATE, ALTER and DROP of what isn't a definition of `ddl`.
fn other_definition(cursor: &mut Cursor<'_>, first: &str) -> Result<Statement, Error> {
    if first == "CREATE" && cursor.eat("DATABASE") {
        return create_database(cursor);
    }
    if first == "DROP" && cursor.eat("DATABASE") {
        return drop_database(cursor);
    }
    let what = cursor.next_word()?;
    Ok(Statement::Unsupported(unsupported(&format!("{first} {what}"))))
}

fn read(cursor: &mut Cursor<'_>, first: &str) -> Result<Statement, Error> {
    cursor.at = 1;
    match first {
        "BEGIN" => {
            let _ = cursor.eat("WORK") || cursor.eat("TRANSACTION");
            Ok(Statement::Begin { modes: transaction_modes(cursor)?, tag: "BEGIN" })
        }
        "START" => {
            cursor.expect("TRANSACTION")?;
            Ok(Statement::Begin { modes: transaction_modes(cursor)?, tag: "START TRANSACTION" })
        }
        "COMMIT" | "END" | "ROLLBACK" | "ABORT" => end_transaction(cursor, first),
        "SAVEPOINT" => Ok(Statement::Savepoint(cursor.name()?)),
        "RELEASE" => {
            cursor.eat("SAVEPOINT");
            Ok(Statement::Release(cursor.name()?))
        }
        "SET" => set(cursor),
        "SHOW" => Ok(Statement::Show { name: setting_name(cursor)? }),
        "RESET" => {
            if cursor.eat("ALL") {
                return Ok(Statement::Reset { name: None });
            }
            Ok(Statement::Reset { name: Some(setting_name(cursor)?) })
        }
        "DISCARD" => Ok(Statement::Discard(match cursor.next_word()?.as_str() {
            "ALL" => Discard::All,
            "PLANS" => Discard::Plans,
            "SEQUENCES" => Discard::Sequences,
            "TEMP" | "TEMPORARY" => Discard::Temporary,
            _ => {
                cursor.at -= 1;
                return Err(cursor.unexpected());
            }
        })),
        "COPY" => copy::copy(cursor),
        "VACUUM" => vacuum(cursor),
        "ANALYZE" | "ANALYSE" => {
            cursor.eat("VERBOSE");
            Ok(Statement::Analyze { tables: optional_tables(cursor)? })
        }
        "CHECKPOINT" => Ok(Statement::Checkpoint),
        "PREPARE" | "EXECUTE" | "DEALLOCATE" | "DECLARE" | "FETCH" | "MOVE" | "CLOSE" => {
            portal::read(cursor, first)
        }
        "EXPLAIN" => portal::explain(cursor),
        "LISTEN" => Ok(Statement::Listen(cursor.own_name()?)),
        "UNLISTEN" => {
            let all = cursor.eat_token(&Token::Mul);
            Ok(Statement::Unlisten(if all { None } else { Some(cursor.own_name()?) }))
        }
        "NOTIFY" => {
            let channel = cursor.own_name()?;
            let payload =
                if cursor.eat_token(&Token::Comma) { cursor.string()? } else { String::new() };
            Ok(Statement::Notify { channel, payload })
        }
        "LOCK" => lock(cursor),
        "DO" => anonymous(cursor),
        "CALL" => call(cursor),
        "CREATE" | "ALTER" | "DROP" => other_definition(cursor, first),
        other if UNSUPPORTED.contains(&other) => Ok(Statement::Unsupported(unsupported(other))),
        _ => {
            cursor.at = 0;
            Err(cursor.unexpected())
        }
    }
}

fn call(cursor: &mut Cursor<'_>) -> Result<Statement, Error> {
    let at = cursor.at;
    match cursor.expr()?.kind {
        ExprKind::Call(call) => Ok(Statement::Call(Box::new(call))),
        ExprKind::Column(_) => Err(cursor.unexpected()),
        _ => {
            cursor.at = at;
            Err(cursor.unexpected())
        }
    }
}

fn end_transaction(cursor: &mut Cursor<'_>, first: &str) -> Result<Statement, Error> {
    if cursor.eat("PREPARED") {
        return Err(unsupported("two-phase commit"));
    }
    let _ = cursor.eat("WORK") || cursor.eat("TRANSACTION");
    if first == "ROLLBACK" && cursor.eat("TO") {
        cursor.eat("SAVEPOINT");
        return Ok(Statement::RollbackTo(cursor.own_name()?));
    }
    let chain = cursor.eat("AND CHAIN");
    if !chain {
        cursor.eat("AND NO CHAIN");
    }
    Ok(if matches!(first, "COMMIT" | "END") {
        Statement::Commit { chain }
    } else {
        Statement::Rollback { chain }
    })
}

/// DO: a body in PL/pgSQL.
fn anonymous(cursor: &mut Cursor<'_>) -> Result<Statement, Error> {
    let mut body = None;
    while !cursor.at_end() {
        if cursor.eat("LANGUAGE") {
            let language = cursor.name()?;
            if language.text != "plpgsql" {
                let message = format!(
                    "language \"{}\" does not support inline code execution",
                    language.text
                );
                return Err(Error::refused(message));
            }
        } else if body.is_none() {
            body = Some(cursor.string()?);
        } else {
            return Err(cursor.unexpected());
        }
    }
    let body =
        body.ok_or_else(|| Error::user(SqlState::SYNTAX_ERROR, "no inline code specified"))?;
    Ok(Statement::Do(Box::new(super::plpgsql::parse(&body)?)))
}

/// LOCK TABLE. The modes that keep others from writing are one here: the write slot.
fn lock(cursor: &mut Cursor<'_>) -> Result<Statement, Error> {
    const MODES: [(&str, bool); 8] = [
        ("ACCESS SHARE MODE", false),
        ("ROW SHARE MODE", false),
        ("ROW EXCLUSIVE MODE", true),
        ("SHARE UPDATE EXCLUSIVE MODE", true),
        ("SHARE MODE", true),
        ("SHARE ROW EXCLUSIVE MODE", true),
        ("EXCLUSIVE MODE", true),
        ("ACCESS EXCLUSIVE MODE", true),
    ];
    cursor.eat("TABLE");
    let tables = cursor.list(|cursor| {
        let _ = cursor.eat("ONLY");
        let name = cursor.qualified_name()?;
        cursor.eat_token(&Token::Mul);
        Ok(name)
    })?;
    let mut exclusive = true;
    if cursor.eat("IN") {
        let Some((_, keeps_out)) = MODES.into_iter().find(|(words, _)| cursor.eat(words)) else {
            return Err(cursor.unexpected());
        };
        exclusive = keeps_out;
    }
    let no_wait = cursor.eat("NOWAIT");
    Ok(Statement::Lock { tables, exclusive, no_wait })
}

fn transaction_modes(cursor: &mut Cursor<'_>) -> Result<TransactionModes, Error> {
    let mut modes = TransactionModes::default();
    while !cursor.at_end() {
        if cursor.eat("ISOLATION LEVEL") {
            modes.isolation = Some(isolation(cursor)?);
        } else if cursor.eat("READ ONLY") {
            modes.read_only = Some(true);
        } else if cursor.eat("READ WRITE") {
            modes.read_only = Some(false);
        } else if cursor.eat("NOT DEFERRABLE") {
            modes.deferrable = Some(false);
        } else if cursor.eat("DEFERRABLE") {
            modes.deferrable = Some(true);
        } else {
            return Err(cursor.unexpected());
        }
        if cursor.eat_token(&Token::Comma) && cursor.at_end() {
            return Err(cursor.unexpected());
        }
    }
    Ok(modes)
}

fn isolation(cursor: &mut Cursor<'_>) -> Result<Isolation, Error> {
    if cursor.eat("READ UNCOMMITTED") {
        Ok(Isolation::ReadUncommitted)
    } else if cursor.eat("READ COMMITTED") {
        Ok(Isolation::ReadCommitted)
    } else if cursor.eat("REPEATABLE READ") {
        Ok(Isolation::RepeatableRead)
    } else if cursor.eat("SERIALIZABLE") {
        Ok(Isolation::Serializable)
    } else {
        Err(cursor.unexpected())
    }
}

/// A setting's name: dotted, or one of the several-word ones.
fn setting_name(cursor: &mut Cursor<'_>) -> Result<String, Error> {
    for (words, name) in [
        ("TIME ZONE", "TimeZone"),
        ("TRANSACTION ISOLATION LEVEL", "transaction_isolation"),
        ("SESSION AUTHORIZATION", "session_authorization"),
    ] {
        if cursor.eat(words) {
            return Ok(name.to_owned());
        }
    }
    let parts = cursor.qualified_name()?;
    Ok(parts.into_iter().map(|part| part.text).collect::<Vec<_>>().join("."))
}

fn set(cursor: &mut Cursor<'_>) -> Result<Statement, Error> {
    if cursor.eat("SESSION CHARACTERISTICS AS TRANSACTION") {
        return Ok(Statement::SetTransaction { session: true, modes: transaction_modes(cursor)? });
    }
    let local = cursor.eat("LOCAL");
    if !local && !is_session_authorization(cursor) {
        cursor.eat("SESSION");
    }
    if cursor.eat("TRANSACTION SNAPSHOT") {
        return Err(unsupported("SET TRANSACTION SNAPSHOT"));
    }
    if cursor.eat("TRANSACTION") {
        return Ok(Statement::SetTransaction { session: false, modes: transaction_modes(cursor)? });
    }
    if cursor.eat("CONSTRAINTS") {
        let names = if cursor.eat("ALL") { None } else { Some(cursor.qualified_names()?) };
        let deferred = cursor.eat("DEFERRED");
        if !deferred {
            cursor.expect("IMMEDIATE")?;
        }
        return Ok(Statement::SetConstraints { names, deferred });
    }
    let text = |name: &str, value| Ok(Statement::Set { name: name.to_owned(), value, local });
    if cursor.eat("TIME ZONE") {
        if cursor.eat("LOCAL") || cursor.eat("DEFAULT") {
            return text("TimeZone", SettingValue::Default);
        }
        return text("TimeZone", SettingValue::Text(time_zone(cursor)?));
    }
    if cursor.eat("NAMES") {
        let value = if cursor.at_end() || cursor.eat("DEFAULT") {
            SettingValue::Default
        } else {
            SettingValue::Text(cursor.string()?)
        };
        return text("client_encoding", value);
    }
    if cursor.eat("SCHEMA") {
        return text("search_path", SettingValue::Text(cursor.string()?));
    }
    if cursor.eat("ROLE") {
        return text("role", setting_value(cursor)?);
    }
    if cursor.eat("SESSION AUTHORIZATION") {
        return text("session_authorization", setting_value(cursor)?);
    }
    let name = setting_name(cursor)?;
    if !cursor.eat("TO") && !cursor.eat_token(&Token::Eq) {
        return Err(cursor.unexpected());
    }
    if name.eq_ignore_ascii_case("search_path") {
        return text(&name, setting_list(cursor, |item| quote_identifier(&item).into_owned())?);
    }
    text(&name, setting_value(cursor)?)
}

/// A zone's name, a number of hours, or an interval.
fn time_zone(cursor: &mut Cursor<'_>) -> Result<String, Error> {
    if !cursor.eat("INTERVAL") {
        return setting_item(cursor);
    }
    let position = cursor.position();
    let text = cursor.string()?;
    if cursor.eat("HOUR") && cursor.eat("TO") {
        cursor.expect("MINUTE")?;
    }
    // Its sign is the ISO one, and the zone is shown as an interval is written.
    let offset = text.trim();
    let (sign, digits) = match offset.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', offset.strip_prefix('+').unwrap_or(offset)),
    };
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "0"));
    match (hours.parse::<u32>(), minutes.parse::<u32>()) {
        (Ok(hours @ 0..=167), Ok(minutes @ 0..=59)) => {
            let shown = format!("{hours:02}:{minutes:02}");
            let posix = if sign == '-' { '+' } else { '-' };
            Ok(format!("<{sign}{shown}>{posix}{shown}"))
        }
        _ => Err(Error::user(
            SqlState::INVALID_DATETIME_FORMAT,
            format!("invalid input syntax for type interval: \"{text}\""),
        )
        .with_position(position)),
    }
}

fn is_session_authorization(cursor: &Cursor<'_>) -> bool {
    cursor.tokens.get(cursor.at + 1).and_then(|token| word::upper(&token.token)).as_deref()
        == Some("AUTHORIZATION")
}

fn setting_value(cursor: &mut Cursor<'_>) -> Result<SettingValue, Error> {
    setting_list(cursor, |item| item)
}

/// Values with commas between them, each as `form` has it.
fn setting_list(
    cursor: &mut Cursor<'_>,
    form: impl Fn(String) -> String,
) -> Result<SettingValue, Error> {
    if cursor.eat("DEFAULT") {
        return Ok(SettingValue::Default);
    }
    let mut items = vec![form(setting_item(cursor)?)];
    while cursor.eat_token(&Token::Comma) {
        items.push(form(setting_item(cursor)?));
    }
    Ok(SettingValue::Text(items.join(", ")))
}

fn setting_item(cursor: &mut Cursor<'_>) -> Result<String, Error> {
    match cursor.peek() {
        Some(Token::Word(_)) => Ok(cursor.name()?.text),
        Some(Token::Minus | Token::Plus | Token::Number(..)) => {
            let sign = if cursor.eat_token(&Token::Minus) { "-" } else { "" };
            cursor.eat_token(&Token::Plus);
            match cursor.peek() {
                Some(Token::Number(text, _)) => {
                    cursor.at += 1;
                    Ok(format!("{sign}{text}"))
                }
                _ => Err(cursor.unexpected()),
            }
        }
        _ => cursor.string(),
    }
}

fn optional_tables(cursor: &mut Cursor<'_>) -> Result<Vec<Vec<crate::sql::ast::Name>>, Error> {
    if cursor.at_end() { Ok(Vec::new()) } else { cursor.qualified_names() }
}

fn vacuum(cursor: &mut Cursor<'_>) -> Result<Statement, Error> {
    let mut analyze = false;
    if cursor.eat_token(&Token::LParen) {
        loop {
            match cursor.next_word()?.as_str() {
                "ANALYZE" | "ANALYSE" => analyze = copy::flag(cursor)?,
                "VERBOSE" | "FREEZE" => {
                    copy::flag(cursor)?;
                }
                other => return Err(unsupported(&format!("VACUUM ({other})"))),
            }
            if !cursor.eat_token(&Token::Comma) {
                break;
            }
        }
        cursor.expect_token(&Token::RParen)?;
    } else {
        if cursor.eat("FULL") {
            return Err(unsupported("VACUUM FULL"));
        }
        cursor.eat("FREEZE");
        cursor.eat("VERBOSE");
        analyze = cursor.eat("ANALYZE") || cursor.eat("ANALYSE");
    }
    Ok(Statement::Vacuum { analyze, tables: optional_tables(cursor)? })
}

fn drop_database(cursor: &mut Cursor<'_>) -> Result<Statement, Error> {
    let if_exists = cursor.eat("IF EXISTS");
    let name = cursor.name()?;
    let mut force = false;
    cursor.eat("WITH");
    if cursor.eat_token(&Token::LParen) {
        cursor.expect("FORCE")?;
        cursor.expect_token(&Token::RParen)?;
        force = true;
    }
    Ok(Statement::DropDatabase { name, if_exists, force })
}

/// CREATE DATABASE. Its options may only say what every database here is.
fn create_database(cursor: &mut Cursor<'_>) -> Result<Statement, Error> {
    let if_not_exists = cursor.eat("IF NOT EXISTS");
    let name = cursor.name()?;
    cursor.eat("WITH");
    while !cursor.at_end() {
        let option = cursor.next_word()?;
        cursor.eat_token(&Token::Eq);
        let value = setting_item(cursor)?;
        let same = match option.as_str() {
            "OWNER" => true,
            "TEMPLATE" => matches!(value.as_str(), "template0" | "template1" | "default"),
            "ENCODING" => matches!(
                value.to_lowercase().replace('-', "").as_str(),
                "utf8" | "unicode" | "default"
            ),
            "LC_COLLATE" | "LC_CTYPE" | "LOCALE" => {
                matches!(value.as_str(), "C" | "POSIX" | "C.UTF-8" | "C.utf8" | "default")
            }
            _ => false,
        };
        if !same {
            return Err(unsupported(&format!("CREATE DATABASE with {option} = {value}")));
        }
    }
    Ok(Statement::CreateDatabase { name, if_not_exists })
}
