//! The simple protocol: a text of any number of statements, one implicit transaction.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::error::Error;
use crate::session::Session;
use crate::session::portal::Reply;
use crate::session::statement::Prepared;
use crate::session::transaction::Phase;
use crate::sql;

/// The statements of a simple query that haven't run yet.
#[derive(Debug)]
pub struct Script {
    statements: VecDeque<Arc<Prepared>>,
    /// Whether the text holds one statement, which may then commit by itself.
    alone: bool,
    empty: bool,
}

impl Session {
    /// Parses a simple query. The unnamed statement goes, as in PostgreSQL.
    ///
    /// # Errors
    /// 42601; the transaction has failed then.
    pub async fn script(&mut self, text: &str) -> Result<Script, Error> {
        self.statements.remove("");
        self.portals.remove("");
        let result = self.parse_script(text);
        self.fail_on_error(result).await
    }

    fn parse_script(&mut self, text: &str) -> Result<Script, Error> {
        if let Some(prepared) = self.cache.find(text) {
            let empty = prepared.parsed.is_none();
            let statements = if empty { VecDeque::new() } else { [prepared].into() };
            return Ok(Script { statements, alone: true, empty });
        }
        let whole: Arc<str> = text.into();
        let statements: VecDeque<_> = sql::parse(text)?
            .into_iter()
            .map(|parsed| Arc::new(Prepared::new(Some(parsed), Vec::new()).with_text(&whole)))
            .collect();
        if let [only] = statements.as_slices().0 {
            self.cache.keep_text(text, only);
        }
        let alone = statements.len() == 1;
        Ok(Script { empty: statements.is_empty(), statements, alone })
    }

    /// Runs the next statement; `None` when the script is done (and what it left implicit is
    /// committed). After an `Err` the script is over and its implicit transaction rolled back.
    ///
    /// # Errors
    /// The statement's, or at the end the commit's.
    pub async fn next(&mut self, script: &mut Script) -> Result<Option<Reply>, Error> {
        if std::mem::take(&mut script.empty) {
            return Ok(Some(Reply::Empty));
        }
        if let Some(statement) = script.statements.pop_front() {
            let result = self.run(&statement, &[], script.alone).await;
            return self.fail_on_error(result).await.map(Some);
        }
        if self.phase == Phase::Implicit {
            Box::pin(self.commit()).await?;
        }
        Ok(None)
    }
}
