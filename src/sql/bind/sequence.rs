//! `nextval`, `currval` and `setval`: which sequence is meant, and who answers.
//!
//! A sequence that a constant names is known by its stored name when the statement is compiled. Any other is looked
//! up by its OID in the recorded sequences while the statement runs.

use crate::model::catalog::Sequence;
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;
use crate::sql::bind::{Binder, at};
use crate::sql::bound::{Expr, ExprKind};
use crate::sql::types::Lowering;

/// Stands for whichever sequence: no sequence is called so.
const ANY: &str = "";

/// The sequence that a function is called with.
enum Meant<'a> {
    Known(&'a Sequence),
    /// An expression of the type regclass says it.
    Later(Expr),
    /// NULL was given.
    None,
}

impl<'a> Binder<'a> {
    fn meant_sequence(&self, argument: Option<&Expr>, position: u32) -> Result<Meant<'a>, Error> {
        let oid = match argument.map(|first| (first, &first.kind)) {
            Some((_, ExprKind::Constant(Value::Integer(oid)))) => *oid,
            Some((_, ExprKind::Constant(Value::Null))) => return Ok(Meant::None),
            Some((other, _)) => return Ok(Meant::Later(other.clone())),
            None => {
                return Err(at(Error::internal("a sequence's function has arguments"), position));
            }
        };
        let mut sequences = self.catalog.sequences.values();
        if let Some(found) = sequences.find(|sequence| i64::from(sequence.oid) == oid) {
            return Ok(Meant::Known(found));
        }
        let oid = u32::try_from(oid).unwrap_or_default();
        Err(at(
            match self.catalog.table_by_oid(oid) {
                Some(table) => Error::user(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("\"{}\" is not a sequence", table.name),
                ),
                None => Error::user(
                    SqlState::UNDEFINED_TABLE,
                    format!("could not open relation with OID {oid}"),
                ),
            },
            0,
        ))
    }

    /// A call of a function that changes or reads a sequence.
    fn sequence_call(lowering: Lowering, arguments: Vec<Expr>, position: u32) -> Expr {
        let kind = ExprKind::Call { lowering, arguments, volatile: true, strict: false };
        Expr { kind, data_type: PgType::INT8, position }
    }

    /// `nextval(regclass)`
    pub(super) fn next_value(&mut self, arguments: &[Expr], position: u32) -> Result<Expr, Error> {
        let kind = match self.meant_sequence(arguments.first(), position)? {
            Meant::None => return Ok(Expr::constant(Value::Null, PgType::INT8, position)),
            Meant::Known(sequence) => self.sequence_value(&sequence.stored, false),
            Meant::Later(oid) => {
                self.sequences.push(ANY.to_owned());
                let name = self.sequence_name(oid.clone());
                return Ok(Self::sequence_call(
                    Lowering::Call("pg_nextval"),
                    vec![name, oid],
                    position,
                ));
            }
        };
        Ok(Expr { kind, data_type: PgType::INT8, position })
    }

    /// `currval(regclass)`
    pub(super) fn current_value(
        &mut self,
        arguments: &[Expr],
        position: u32,
    ) -> Result<Expr, Error> {
        let name = match self.meant_sequence(arguments.first(), position)? {
            Meant::None => return Ok(Expr::constant(Value::Null, PgType::INT8, position)),
            Meant::Known(sequence) => sequence.stored.clone(),
            Meant::Later(oid) => {
                self.asked_sequences.push(Some(ANY.to_owned()));
                let name = self.sequence_name(oid.clone());
                return Ok(Self::sequence_call(Lowering::CurrentValue, vec![name, oid], position));
            }
        };
        self.asked_sequences.push(Some(name.clone()));
        let kind = ExprKind::TakenValue { sequence: Some(name) };
        Ok(Expr { kind, data_type: PgType::INT8, position })
    }

    /// Refuses to ask for what the statement itself takes: the session answers before it runs.
    pub(crate) fn check_asked_sequences(&self) -> Result<(), Error> {
        let takes = |asked: &Option<String>| match asked {
            Some(name) if name != ANY => {
                self.sequences.iter().any(|taken| taken == name || taken == ANY)
            }
            _ => !self.sequences.is_empty(),
        };
        if self.asked_sequences.iter().any(takes) {
            let message =
                "currval or lastval beside nextval or setval of the same sequence is not supported";
            return Err(Error::refused(message));
        }
        Ok(())
    }

    /// `setval(regclass, value[, is called])`
    pub(super) fn set_value(
        &mut self,
        mut arguments: Vec<Expr>,
        position: u32,
    ) -> Result<Expr, Error> {
        if arguments.len() == 2 {
            arguments.push(Expr::constant(Value::Integer(1), PgType::BOOL, position));
        }
        let name = match self.meant_sequence(arguments.first(), position)? {
            Meant::None => return Ok(Expr::constant(Value::Null, PgType::INT8, position)),
            Meant::Known(sequence) => {
                self.sequences.push(sequence.stored.clone());
                Expr::constant(Value::Text(sequence.stored.clone()), PgType::TEXT, position)
            }
            Meant::Later(oid) => {
                self.sequences.push(ANY.to_owned());
                arguments.push(oid.clone());
                self.sequence_name(oid)
            }
        };
        arguments[0] = name;
        Ok(Self::sequence_call(Lowering::Call("pg_setval"), arguments, position))
    }
}
