//! Utility statements, read here on sqlparser's tokens.

use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::cursor::Cursor;
use super::{Convert, ParsedStatement, parse_statement, unsupported};
use crate::model::error::{Error, SqlState};
use crate::sql::ast::{Copy, CopySource, DropKind, Statement};
use crate::sql::{
    CopyFormat, CopyOptions, FetchCount, Isolation, Parsed, SettingValue, TransactionModes,
};

/// Statements that PostgreSQL has and that aren't supported, by their first word.
const UNSUPPORTED: &[&str] = &[
    "ALTER", "CALL", "CLUSTER", "COMMENT", "CREATE", "DO", "DROP", "EXPLAIN", "GRANT", "IMPORT",
    "LISTEN", "LOAD", "LOCK", "MERGE", "NOTIFY", "REASSIGN", "REFRESH", "REINDEX", "REVOKE",
    "SECURITY", "TABLE", "UNLISTEN",
];
/// What is left to sqlparser, by the first words.
const QUERIES: &[&str] = &["SELECT", "VALUES", "WITH", "INSERT", "UPDATE", "DELETE"];

/// Parses a utility statement; `None` if it isn't one.
pub(super) fn parse(
    convert: &Convert<'_>,
    tokens: &[TokenWithSpan],
) -> Option<Result<Statement, Error>> {
    let mut cursor = Cursor { convert, tokens, at: 0 };
    if cursor.peek() == Some(&Token::LParen) {
        return None;
    }
    let Some(first) = cursor.word() else { return Some(Err(cursor.unexpected())) };
    if QUERIES.contains(&first.as_str()) {
        return None;
    }
    let statement = match first.as_str() {
        "CREATE" => create(&mut cursor)?,
        "ALTER" => alter(&mut cursor)?,
        _ => read(&mut cursor, &first),
    };
    Some(statement.and_then(|statement| {
        if !matches!(statement, Statement::Unsupported(_)) {
            cursor.expect_end()?;
        }
        Ok(statement)
    }))
}

/// CREATE: tables and indexes are sqlparser's (`None`).
fn create(cursor: &mut Cursor<'_>) -> Option<Result<Statement, Error>> {
    cursor.at = 1;
    if cursor.eat("DATABASE") {
        return Some(create_database(cursor));
    }
    if cursor.eat("SEQUENCE") {
        return Some(create_sequence(cursor));
    }
    let words: Vec<String> = (1..4)
        .filter_map(|at| cursor.tokens.get(at).and_then(|token| super::keyword(&token.token)))
        .collect();
    let table = words.iter().take(3).any(|word| word == "TABLE" || word == "INDEX");
    let other = words.first().is_none_or(|word| {
        !matches!(
            word.as_str(),
            "TABLE" | "INDEX" | "UNIQUE" | "TEMP" | "TEMPORARY" | "UNLOGGED" | "GLOBAL" | "LOCAL"
        )
    });
    if table && !other {
        return None;
    }
    Some(match words.first() {
        Some(what) => Ok(Statement::Unsupported(unsupported(&format!("CREATE {what}")))),
        None => Err(cursor.unexpected()),
    })
}

fn alter(cursor: &mut Cursor<'_>) -> Option<Result<Statement, Error>> {
    cursor.at = 1;
    match cursor.word() {
        Some(word) if word == "TABLE" => None,
        Some(word) => Some(Ok(Statement::Unsupported(unsupported(&format!("ALTER {word}"))))),
        None => Some(Err(cursor.unexpected())),
    }
}

fn read(cursor: &mut Cursor<'_>, first: &str) -> Result<Statement, Error> {
    cursor.at = 1;
    match first {
        "BEGIN" => {
            let _ = cursor.eat("WORK") || cursor.eat("TRANSACTION");
            Ok(Statement::Begin { modes: transaction_modes(cursor)? })
        }
        "START" => {
            cursor.expect("TRANSACTION")?;
            Ok(Statement::Begin { modes: transaction_modes(cursor)? })
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
        "DISCARD" => match cursor.next_word()?.as_str() {
            "ALL" => Ok(Statement::DiscardAll),
            "PLANS" | "SEQUENCES" | "TEMP" | "TEMPORARY" => {
                Err(unsupported("DISCARD of one thing only"))
            }
            _ => {
                cursor.at -= 1;
                Err(cursor.unexpected())
            }
        },
        "COPY" => copy(cursor),
        "VACUUM" => vacuum(cursor),
        "ANALYZE" | "ANALYSE" => {
            cursor.eat("VERBOSE");
            Ok(Statement::Analyze { tables: optional_tables(cursor)? })
        }
        "CHECKPOINT" => Ok(Statement::Checkpoint),
        "PREPARE" => prepare(cursor),
        "EXECUTE" => execute(cursor),
        "DEALLOCATE" => {
            cursor.eat("PREPARE");
            let name = if cursor.eat("ALL") { None } else { Some(cursor.name()?) };
            Ok(Statement::Deallocate { name })
        }
        "DECLARE" => declare(cursor),
        "FETCH" | "MOVE" => fetch(cursor, first == "MOVE"),
        "CLOSE" => {
            let name = if cursor.eat("ALL") { None } else { Some(cursor.name()?) };
            Ok(Statement::CloseCursor { name })
        }
        "DROP" => drop(cursor),
        "TRUNCATE" => truncate(cursor),
        other if UNSUPPORTED.contains(&other) => Ok(Statement::Unsupported(unsupported(other))),
        _ => {
            cursor.at = 0;
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
        return Ok(Statement::RollbackTo(cursor.name()?));
    }
    if cursor.eat("AND CHAIN") {
        return Err(unsupported("AND CHAIN"));
    }
    cursor.eat("AND NO CHAIN");
    Ok(if matches!(first, "COMMIT" | "END") { Statement::Commit } else { Statement::Rollback })
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
    if cursor.eat("READ COMMITTED") || cursor.eat("READ UNCOMMITTED") {
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
        return Err(unsupported("SET CONSTRAINTS"));
    }
    let text = |name: &str, value| Ok(Statement::Set { name: name.to_owned(), value, local });
    if cursor.eat("TIME ZONE") {
        if cursor.eat("LOCAL") || cursor.eat("DEFAULT") {
            return text("TimeZone", SettingValue::Default);
        }
        return text("TimeZone", SettingValue::Text(setting_item(cursor)?));
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
    text(&name, setting_value(cursor)?)
}

fn is_session_authorization(cursor: &Cursor<'_>) -> bool {
    cursor.tokens.get(cursor.at + 1).and_then(|token| super::keyword(&token.token)).as_deref()
        == Some("AUTHORIZATION")
}

fn setting_value(cursor: &mut Cursor<'_>) -> Result<SettingValue, Error> {
    if cursor.eat("DEFAULT") {
        return Ok(SettingValue::Default);
    }
    let mut items = vec![setting_item(cursor)?];
    while cursor.eat_token(&Token::Comma) {
        items.push(setting_item(cursor)?);
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

fn copy(cursor: &mut Cursor<'_>) -> Result<Statement, Error> {
    let mut options = CopyOptions {
        format: CopyFormat::Text,
        delimiter: b'\t',
        null: String::new(),
        header: false,
        quote: b'"',
        escape: b'"',
    };
    let mut given = GivenOptions::default();
    if cursor.eat("BINARY") {
        given.format = Some(CopyFormat::Binary);
    }
    let source = if cursor.peek() == Some(&Token::LParen) {
        let tokens = cursor.parenthesized()?;
        let query = cursor.convert.run(tokens, |parser| parser.parse_query())?;
        CopySource::Query(cursor.convert.query(&query)?)
    } else {
        let name = cursor.qualified_name()?;
        let mut columns = Vec::new();
        if cursor.eat_token(&Token::LParen) {
            columns = cursor.names()?;
            cursor.expect_token(&Token::RParen)?;
        }
        CopySource::Table { name, columns }
    };
    let from = cursor.eat("FROM");
    if !from {
        cursor.expect("TO")?;
    }
    if matches!(source, CopySource::Query(_)) && from {
        cursor.at -= 1;
        return Err(cursor.unexpected());
    }
    if !cursor.eat(if from { "STDIN" } else { "STDOUT" }) {
        return Err(match cursor.peek() {
            Some(Token::SingleQuotedString(_)) => Error::user(
                SqlState::INSUFFICIENT_PRIVILEGE,
                "COPY with a file of the server is not supported",
            )
            .with_hint("Use COPY ... FROM STDIN or COPY ... TO STDOUT, or psql's \\copy."),
            _ => cursor.unexpected(),
        });
    }
    cursor.eat("WITH");
    if cursor.eat_token(&Token::LParen) {
        loop {
            copy_option(cursor, &mut given)?;
            if !cursor.eat_token(&Token::Comma) {
                break;
            }
        }
        cursor.expect_token(&Token::RParen)?;
    } else {
        while !cursor.at_end() {
            legacy_copy_option(cursor, &mut given)?;
        }
    }
    given.apply(&mut options)?;
    Ok(Statement::Copy(Box::new(Copy { source, from, options })))
}

/// COPY's options as they were written.
#[derive(Debug, Default)]
struct GivenOptions {
    format: Option<CopyFormat>,
    delimiter: Option<String>,
    null: Option<String>,
    header: bool,
    quote: Option<String>,
    escape: Option<String>,
}

impl GivenOptions {
    fn apply(self, options: &mut CopyOptions) -> Result<(), Error> {
        options.format = self.format.unwrap_or(CopyFormat::Text);
        let csv = options.format == CopyFormat::Csv;
        if options.format == CopyFormat::Binary && (self.delimiter.is_some() || self.null.is_some())
        {
            return Err(Error::user(
                SqlState::SYNTAX_ERROR,
                "cannot specify DELIMITER or NULL in BINARY mode",
            ));
        }
        if !csv && (self.quote.is_some() || self.escape.is_some()) {
            return Err(Error::refused("COPY quote and escape are available only in CSV mode"));
        }
        if self.header && options.format == CopyFormat::Binary {
            return Err(Error::refused("cannot specify HEADER in BINARY mode"));
        }
        options.delimiter = one_byte("delimiter", self.delimiter, if csv { b',' } else { b'\t' })?;
        options.null =
            self.null.unwrap_or_else(|| if csv { String::new() } else { "\\N".to_owned() });
        options.header = self.header;
        options.quote = one_byte("quote", self.quote, b'"')?;
        options.escape = one_byte("escape", self.escape, options.quote)?;
        Ok(())
    }
}

fn one_byte(what: &str, text: Option<String>, default: u8) -> Result<u8, Error> {
    match text.as_deref().map(str::as_bytes) {
        None => Ok(default),
        Some([byte]) => Ok(*byte),
        Some(_) => Err(Error::refused(format!("COPY {what} must be a single one-byte character"))),
    }
}

fn copy_format(cursor: &Cursor<'_>, name: &str) -> Result<CopyFormat, Error> {
    match name {
        "text" => Ok(CopyFormat::Text),
        "csv" => Ok(CopyFormat::Csv),
        "binary" => Ok(CopyFormat::Binary),
        _ => Err(Error::user(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("COPY format \"{name}\" not recognized"),
        )
        .with_position(
            cursor.tokens.get(cursor.at - 1).map_or(1, |token| cursor.convert.position(token.span)),
        )),
    }
}

fn copy_option(cursor: &mut Cursor<'_>, given: &mut GivenOptions) -> Result<(), Error> {
    match cursor.next_word()?.as_str() {
        "FORMAT" => {
            let name = match cursor.peek() {
                Some(Token::Word(_)) => cursor.name()?.text,
                _ => cursor.string()?,
            };
            given.format = Some(copy_format(cursor, &name)?);
        }
        // Rows are frozen or not in PostgreSQL's own storage only; a client can't see it.
        "FREEZE" => {
            copy_flag(cursor)?;
        }
        "DELIMITER" => given.delimiter = Some(cursor.string()?),
        "NULL" => given.null = Some(cursor.string()?),
        "HEADER" => {
            if cursor.word().as_deref() == Some("MATCH") {
                return Err(unsupported("COPY HEADER MATCH"));
            }
            given.header = copy_flag(cursor)?;
        }
        "QUOTE" => given.quote = Some(cursor.string()?),
        "ESCAPE" => given.escape = Some(cursor.string()?),
        "ENCODING" => {
            let encoding = cursor.string()?;
            if !matches!(encoding.to_lowercase().replace('-', "").as_str(), "utf8" | "unicode") {
                return Err(unsupported("a COPY encoding other than UTF8"));
            }
        }
        other => return Err(unsupported(&format!("COPY option {other}"))),
    }
    Ok(())
}

/// A boolean option's value: true if there is none.
fn copy_flag(cursor: &mut Cursor<'_>) -> Result<bool, Error> {
    match cursor.peek() {
        Some(Token::Comma | Token::RParen) | None => return Ok(true),
        _ => {}
    }
    let value = match cursor.peek() {
        Some(Token::Word(_)) => cursor.next_word()?.to_lowercase(),
        Some(Token::Number(..)) => cursor.integer()?.to_string(),
        _ => cursor.string()?.to_lowercase(),
    };
    match value.as_str() {
        "true" | "on" | "1" => Ok(true),
        "false" | "off" | "0" => Ok(false),
        _ => Err(Error::user(SqlState::SYNTAX_ERROR, "a COPY option requires a Boolean value")),
    }
}

fn legacy_copy_option(cursor: &mut Cursor<'_>, given: &mut GivenOptions) -> Result<(), Error> {
    let word = cursor.next_word()?;
    match word.as_str() {
        "CSV" => given.format = Some(CopyFormat::Csv),
        "BINARY" => given.format = Some(CopyFormat::Binary),
        "HEADER" => given.header = true,
        "FREEZE" => {}
        "DELIMITER" | "DELIMITERS" | "NULL" | "QUOTE" | "ESCAPE" => {
            cursor.eat("AS");
            let value = Some(cursor.string()?);
            match word.as_str() {
                "NULL" => given.null = value,
                "QUOTE" => given.quote = value,
                "ESCAPE" => given.escape = value,
                _ => given.delimiter = value,
            }
        }
        _ => {
            cursor.at -= 1;
            return Err(cursor.unexpected());
        }
    }
    Ok(())
}

fn optional_tables(cursor: &mut Cursor<'_>) -> Result<Vec<Vec<crate::sql::ast::Name>>, Error> {
    if cursor.at_end() { Ok(Vec::new()) } else { cursor.qualified_names() }
}

fn vacuum(cursor: &mut Cursor<'_>) -> Result<Statement, Error> {
    let mut analyze = false;
    if cursor.eat_token(&Token::LParen) {
        loop {
            match cursor.next_word()?.as_str() {
                "ANALYZE" | "ANALYSE" => analyze = copy_flag(cursor)?,
                "VERBOSE" | "FREEZE" => {
                    copy_flag(cursor)?;
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

/// A statement that is part of another one.
fn inner_statement(cursor: &mut Cursor<'_>) -> Result<Box<Parsed>, Error> {
    let tokens = &cursor.tokens[cursor.at..];
    if tokens.is_empty() {
        return Err(cursor.unexpected());
    }
    let ParsedStatement { statement, parameters } = parse_statement(cursor.convert.source, tokens)?;
    cursor.at = cursor.tokens.len();
    Ok(Box::new(Parsed { statement, parameters }))
}

fn prepare(cursor: &mut Cursor<'_>) -> Result<Statement, Error> {
    if cursor.eat("TRANSACTION") {
        return Err(unsupported("two-phase commit"));
    }
    let name = cursor.name()?;
    let mut types = Vec::new();
    if cursor.peek() == Some(&Token::LParen) {
        let position =
            cursor.tokens.get(cursor.at + 1).map_or(0, |token| cursor.convert.position(token.span));
        let tokens = cursor.parenthesized()?;
        let list = cursor
            .convert
            .run(tokens, |parser| parser.parse_comma_separated(Parser::parse_data_type))?;
        types = list
            .iter()
            .map(|name| cursor.convert.type_name(name, position))
            .collect::<Result<_, _>>()?;
    }
    cursor.expect("AS")?;
    let statement = inner_statement(cursor)?;
    match statement.statement {
        Statement::Query(_)
        | Statement::Insert(_)
        | Statement::Update(_)
        | Statement::Delete(_)
        | Statement::Unsupported(_) => Ok(Statement::Prepare { name, types, statement }),
        _ => Err(Error::user(SqlState::SYNTAX_ERROR, "this statement cannot be prepared")),
    }
}

fn execute(cursor: &mut Cursor<'_>) -> Result<Statement, Error> {
    let name = cursor.name()?;
    let mut arguments = Vec::new();
    if cursor.peek() == Some(&Token::LParen) {
        let tokens = cursor.parenthesized()?;
        let list = cursor
            .convert
            .run(tokens, |parser| parser.parse_comma_separated(Parser::parse_expr))?;
        arguments = cursor.convert.exprs(&list)?;
    }
    Ok(Statement::Execute { name, arguments })
}

fn declare(cursor: &mut Cursor<'_>) -> Result<Statement, Error> {
    let name = cursor.name()?;
    if cursor.eat("BINARY") {
        return Err(unsupported("a binary cursor"));
    }
    let _ = cursor.eat("ASENSITIVE") || cursor.eat("INSENSITIVE");
    if !cursor.eat("NO SCROLL") && cursor.eat("SCROLL") {
        return Err(unsupported("a scrollable cursor"));
    }
    cursor.expect("CURSOR")?;
    let hold = cursor.eat("WITH HOLD");
    if !hold {
        cursor.eat("WITHOUT HOLD");
    }
    cursor.expect("FOR")?;
    let query = inner_statement(cursor)?;
    if !matches!(query.statement, Statement::Query(_) | Statement::Unsupported(_)) {
        return Err(Error::user(SqlState::SYNTAX_ERROR, "a cursor must be declared for a query"));
    }
    Ok(Statement::Declare { name, query, hold })
}

fn fetch(cursor: &mut Cursor<'_>, move_only: bool) -> Result<Statement, Error> {
    let backward = ["PRIOR", "FIRST", "LAST", "ABSOLUTE", "RELATIVE", "BACKWARD"];
    if cursor.word().is_some_and(|word| backward.contains(&word.as_str()))
        && cursor.tokens.len() > cursor.at + 1
    {
        return Err(unsupported("moving a cursor other than forward"));
    }
    let more = cursor.tokens.len() > cursor.at + 1;
    let count = if more
        && (cursor.eat("NEXT")
            || cursor.word().as_deref() == Some("FROM")
            || cursor.word().as_deref() == Some("IN"))
    {
        FetchCount::Next(1)
    } else if more && cursor.eat("FORWARD") {
        if cursor.eat("ALL") {
            FetchCount::All
        } else if matches!(cursor.peek(), Some(Token::Number(..))) {
            forward_count(cursor)?
        } else {
            FetchCount::Next(1)
        }
    } else if more && cursor.eat("ALL") {
        FetchCount::All
    } else if matches!(cursor.peek(), Some(Token::Number(..) | Token::Minus | Token::Plus)) {
        forward_count(cursor)?
    } else {
        FetchCount::Next(1)
    };
    let _ = cursor.eat("FROM") || cursor.eat("IN");
    Ok(Statement::Fetch { name: cursor.name()?, count, move_only })
}

fn forward_count(cursor: &mut Cursor<'_>) -> Result<FetchCount, Error> {
    let count = cursor.integer()?;
    u64::try_from(count)
        .map(FetchCount::Next)
        .map_err(|_| unsupported("moving a cursor other than forward"))
}

fn drop(cursor: &mut Cursor<'_>) -> Result<Statement, Error> {
    let what = cursor.next_word()?;
    let kind = match what.as_str() {
        "TABLE" => DropKind::Table,
        "INDEX" => {
            cursor.eat("CONCURRENTLY");
            DropKind::Index
        }
        "SEQUENCE" => DropKind::Sequence,
        "VIEW" => DropKind::View,
        "DATABASE" => return drop_database(cursor),
        _ => return Ok(Statement::Unsupported(unsupported(&format!("DROP {what}")))),
    };
    let if_exists = cursor.eat("IF EXISTS");
    let names = cursor.qualified_names()?;
    let cascade = cursor.eat("CASCADE");
    if !cascade {
        cursor.eat("RESTRICT");
    }
    Ok(Statement::Drop { kind, names, if_exists, cascade })
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

fn create_sequence(cursor: &mut Cursor<'_>) -> Result<Statement, Error> {
    let if_not_exists = cursor.eat("IF NOT EXISTS");
    let name = cursor.qualified_name()?;
    let (mut start, mut increment) = (1, 1);
    while !cursor.at_end() {
        if cursor.eat("START") {
            cursor.eat("WITH");
            start = cursor.integer()?;
        } else if cursor.eat("INCREMENT") {
            cursor.eat("BY");
            increment = cursor.integer()?;
        } else if cursor.eat("NO MINVALUE") || cursor.eat("NO MAXVALUE") || cursor.eat("NO CYCLE") {
        } else {
            let what = cursor.next_word()?;
            return Err(unsupported(&format!("CREATE SEQUENCE ... {what}")));
        }
    }
    if increment < 1 || start < 1 {
        return Err(unsupported("a descending sequence"));
    }
    Ok(Statement::CreateSequence { name, if_not_exists, start, increment })
}

fn truncate(cursor: &mut Cursor<'_>) -> Result<Statement, Error> {
    cursor.eat("TABLE");
    cursor.eat("ONLY");
    let names = cursor.qualified_names()?;
    let restart_identity = cursor.eat("RESTART IDENTITY");
    if !restart_identity {
        cursor.eat("CONTINUE IDENTITY");
    }
    let cascade = cursor.eat("CASCADE");
    if !cascade {
        cursor.eat("RESTRICT");
    }
    Ok(Statement::Truncate { names, restart_identity, cascade })
}
