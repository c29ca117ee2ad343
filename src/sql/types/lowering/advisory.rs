//! Advisory locks.

use Lowering::Advisory;

use super::{Lowering, Row};
use crate::model::advisory::{AdvisoryMode, AdvisoryScope};
use crate::sql::AdvisoryAct;

const fn take(mode: AdvisoryMode, scope: AdvisoryScope, wait: bool) -> Lowering {
    Advisory(AdvisoryAct::Lock { mode, scope, wait })
}

const OWN: AdvisoryMode = AdvisoryMode::Exclusive;
const SHARED: AdvisoryMode = AdvisoryMode::Shared;
const SESSION: AdvisoryScope = AdvisoryScope::Session;
const XACT: AdvisoryScope = AdvisoryScope::Transaction;

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("pg_advisory_lock(int8)", take(OWN, SESSION, true)), ("pg_advisory_lock(int4,int4)", take(OWN, SESSION, true)),
    ("pg_advisory_lock_shared(int8)", take(SHARED, SESSION, true)), ("pg_advisory_lock_shared(int4,int4)", take(SHARED, SESSION, true)),
    ("pg_advisory_xact_lock(int8)", take(OWN, XACT, true)), ("pg_advisory_xact_lock(int4,int4)", take(OWN, XACT, true)),
    ("pg_advisory_xact_lock_shared(int8)", take(SHARED, XACT, true)), ("pg_advisory_xact_lock_shared(int4,int4)", take(SHARED, XACT, true)),
    ("pg_try_advisory_lock(int8)", take(OWN, SESSION, false)), ("pg_try_advisory_lock(int4,int4)", take(OWN, SESSION, false)),
    ("pg_try_advisory_lock_shared(int8)", take(SHARED, SESSION, false)), ("pg_try_advisory_lock_shared(int4,int4)", take(SHARED, SESSION, false)),
    ("pg_try_advisory_xact_lock(int8)", take(OWN, XACT, false)), ("pg_try_advisory_xact_lock(int4,int4)", take(OWN, XACT, false)),
    ("pg_try_advisory_xact_lock_shared(int8)", take(SHARED, XACT, false)), ("pg_try_advisory_xact_lock_shared(int4,int4)", take(SHARED, XACT, false)),
    ("pg_advisory_unlock(int8)", Advisory(AdvisoryAct::Unlock(OWN))), ("pg_advisory_unlock(int4,int4)", Advisory(AdvisoryAct::Unlock(OWN))),
    ("pg_advisory_unlock_shared(int8)", Advisory(AdvisoryAct::Unlock(SHARED))), ("pg_advisory_unlock_shared(int4,int4)", Advisory(AdvisoryAct::Unlock(SHARED))),
    ("pg_advisory_unlock_all()", Advisory(AdvisoryAct::UnlockAll)),
];
