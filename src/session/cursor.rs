//! Cursors: DECLARE, FETCH, MOVE.
//!
//! A cursor is a portal. One without SCROLL streams its rows and goes forward only; one with SCROLL has
//! all of them in memory.

use std::sync::Arc;

use crate::model::error::{Error, SqlState};
use crate::model::value::{RowBatch, Value};
use crate::session::Session;
use crate::session::portal::{Portal, Reply, RowsTag, Rowset, State, no_portal};
use crate::session::statement::Prepared;
use crate::session::transaction::{self, Phase};
use crate::sql::{CursorOptions, FetchCount, OutputColumn};

/// The rows of a cursor that can go back, and where it stands.
///
/// Invariant: `position` is from 0 (before the first row) to one behind the last.
#[derive(Debug)]
pub(crate) struct Scroll {
    columns: Arc<[OutputColumn]>,
    rows: RowBatch,
    position: usize,
    binary: bool,
}

/// Rows to give out: places from 1, in their order.
#[derive(Debug, PartialEq)]
struct Taken {
    places: Vec<usize>,
    position: usize,
}

/// What a FETCH takes of `count` rows, standing at `position` (manual, FETCH).
fn take(position: usize, count: usize, fetch: FetchCount) -> Taken {
    let end = count + 1;
    let here = || if (1..end).contains(&position) { vec![position] } else { Vec::new() };
    // The row at a place that may lie outside, where the cursor then stands before or behind all.
    let single = |place: i128| {
        let position = place.clamp(0, end as i128) as usize;
        let places = if (1..end).contains(&position) { vec![position] } else { Vec::new() };
        Taken { places, position }
    };
    match fetch {
        FetchCount::Forward(0) | FetchCount::Backward(0) | FetchCount::Relative(0) => {
            Taken { places: here(), position }
        }
        FetchCount::Forward(rows) => {
            let wanted = position as u128 + u128::from(rows);
            let position_after = wanted.min(end as u128) as usize;
            let last = position_after.min(count);
            Taken { places: (position + 1..=last).collect(), position: position_after }
        }
        FetchCount::ForwardAll => Taken { places: (position + 1..=count).collect(), position: end },
        FetchCount::Backward(rows) => {
            let after = position.saturating_sub(usize::try_from(rows).unwrap_or(usize::MAX));
            let places = (after.max(1)..position.min(end)).rev().collect();
            Taken { places, position: after }
        }
        FetchCount::BackwardAll => {
            Taken { places: (1..position.min(end)).rev().collect(), position: 0 }
        }
        FetchCount::Absolute(place) if place < 0 => single(end as i128 + i128::from(place)),
        FetchCount::Absolute(place) => single(i128::from(place)),
        FetchCount::Relative(steps) => single(position as i128 + i128::from(steps)),
    }
}

impl Scroll {
    /// Takes over rows that have all been read.
    async fn new(mut rows: Rowset) -> Result<Self, Error> {
        rows.keep_all().await?;
        let (columns, binary) = (rows.columns(), rows.binary);
        let mut all = RowBatch { width: columns.len(), ..RowBatch::default() };
        rows.left = None;
        while let Some(batch) = rows.next().await? {
            all.rows += batch.rows;
            all.values.extend(batch.values);
        }
        Ok(Self { columns, rows: all, position: 0, binary })
    }

    pub(crate) fn columns(&self) -> Arc<[OutputColumn]> {
        Arc::clone(&self.columns)
    }

    pub(crate) fn is_binary(&self) -> bool {
        self.binary
    }

    fn fetch(&mut self, count: FetchCount) -> Rowset {
        let taken = take(self.position, self.rows.rows, count);
        self.position = taken.position;
        let width = self.rows.width;
        let mut batch = RowBatch { width, rows: taken.places.len(), values: Vec::new() };
        for place in taken.places {
            batch.values.extend_from_slice(&self.rows.values[(place - 1) * width..place * width]);
        }
        let mut rows = Rowset::memory(self.columns(), batch, RowsTag::Fetch);
        rows.binary = self.binary;
        rows
    }
}

impl Session {
    /// DECLARE name CURSOR FOR query, with the values of the query's parameters.
    pub(crate) async fn declare(
        &mut self,
        name: &str,
        query: &Arc<Prepared>,
        parameters: &[Value],
        (options, alone): (CursorOptions, bool),
    ) -> Result<Reply, Error> {
        let hold = options.hold;
        if !hold && alone && self.phase == Phase::Idle {
            return Err(transaction::only_in_block("DECLARE CURSOR"));
        }
        self.check_new_portal(name)?;
        let reply = Box::pin(self.attempt(query, parameters, alone)).await?;
        let Reply::Rows(mut rows) = reply else {
            return Err(Error::user(
                SqlState::SYNTAX_ERROR,
                "only a query can be declared as a cursor",
            ));
        };
        rows.tag = RowsTag::Fetch;
        rows.binary = options.binary;
        let state = if options.scroll == Some(true) {
            State::Scroll(Scroll::new(rows).await?)
        } else {
            if hold || rows.in_write {
                rows.keep_all().await?;
            }
            State::Suspended(rows)
        };
        let fresh = self.phase != Phase::Idle;
        let portal = Portal { state, formats: Vec::new(), hold, fresh };
        self.portals.insert(name.to_owned(), portal);
        Ok(Reply::Complete("DECLARE CURSOR".to_owned()))
    }

    /// FETCH and MOVE.
    pub(crate) async fn fetch_cursor(
        &mut self,
        name: &str,
        count: FetchCount,
        move_only: bool,
    ) -> Result<Reply, Error> {
        let portal = self.portals.get_mut(name).ok_or_else(|| no_portal(name))?;
        if let State::Scroll(scroll) = &mut portal.state {
            let mut rows = scroll.fetch(count);
            if !move_only {
                return Ok(Reply::Rows(rows));
            }
            while rows.next().await?.is_some() {}
            return Ok(Reply::Complete(format!("MOVE {}", rows.sent)));
        }
        let state = std::mem::replace(&mut portal.state, State::Done { columns: None });
        let State::Suspended(mut rows) = state else {
            portal.state = state;
            return Err(Error::user(
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("portal \"{name}\" cannot be run"),
            ));
        };
        if matches!(count, FetchCount::Forward(0) | FetchCount::Relative(0)) {
            return Ok(self.fetch_again(name, rows, move_only));
        }
        rows.before += rows.sent;
        rows.sent = 0;
        let (skip, left) = match forward_steps(rows.before, count) {
            Ok(steps) => steps,
            Err(error) => {
                portal.state = State::Suspended(rows);
                return Err(error);
            }
        };
        if skip > 0 {
            rows.left = Some(skip);
            while rows.next().await?.is_some() {}
            rows.before += rows.sent;
            rows.sent = 0;
        }
        rows.left = left;
        rows.tag = RowsTag::Fetch;
        rows.portal = Some(name.to_owned());
        if !move_only {
            // PostgreSQL has run a FETCH before it describes its rows.
            if left != Some(0) {
                rows.read_ahead().await?;
            }
            return Ok(Reply::Rows(rows));
        }
        while rows.next().await?.is_some() {}
        let tag = format!("MOVE {}", rows.sent);
        self.finish(rows).await?;
        Ok(Reply::Complete(tag))
    }
}

impl Session {
    /// FETCH 0: the row that the cursor stands on once more.
    fn fetch_again(&mut self, name: &str, rows: Rowset, move_only: bool) -> Reply {
        let last = rows.last.clone();
        let columns = rows.columns();
        let binary = rows.binary;
        if let Some(portal) = self.portals.get_mut(name) {
            portal.state = State::Suspended(rows);
        }
        if move_only {
            return Reply::Complete(format!("MOVE {}", usize::from(last.is_some())));
        }
        let width = columns.len();
        let batch = match last {
            Some(values) => RowBatch { width, rows: 1, values },
            None => RowBatch { width, ..RowBatch::default() },
        };
        let mut again = Rowset::memory(columns, batch, RowsTag::Fetch);
        again.binary = binary;
        Reply::Rows(again)
    }
}

/// Rows to pass over, then rows to give out (`None` for all), of a cursor that has given out `before`.
///
/// # Errors
/// 55000 for a step back.
fn forward_steps(before: u64, count: FetchCount) -> Result<(u64, Option<u64>), Error> {
    let backward = || {
        Err(Error::user(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "cursor can only scan forward")
            .with_hint("Declare it with SCROLL option to enable backward scan."))
    };
    match count {
        FetchCount::Forward(count) if count > 0 => Ok((0, Some(count))),
        FetchCount::ForwardAll => Ok((0, None)),
        FetchCount::Absolute(place) => match u64::try_from(place) {
            Ok(place) if place > before => Ok((place - 1 - before, Some(1))),
            _ => backward(),
        },
        FetchCount::Relative(steps) => match u64::try_from(steps) {
            Ok(steps) if steps > 0 => Ok((steps - 1, Some(1))),
            _ => backward(),
        },
        // Nothing was read yet, so there is nothing to come back to.
        FetchCount::Forward(_) | FetchCount::Backward(_) | FetchCount::BackwardAll => {
            if before == 0 { Ok((0, Some(0))) } else { backward() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_direction_moves_as_the_manual_says() {
        use FetchCount::{Absolute, Backward, BackwardAll, Forward, ForwardAll, Relative};
        for (position, fetch, places, after) in [
            (0, Forward(2), vec![1, 2], 2),
            (2, Forward(1), vec![3], 3),
            (2, Forward(5), vec![3], 4),
            (3, Forward(1), vec![], 4),
            (0, ForwardAll, vec![1, 2, 3], 4),
            (4, Backward(2), vec![3, 2], 2),
            (2, Backward(1), vec![1], 1),
            (1, Backward(1), vec![], 0),
            (4, BackwardAll, vec![3, 2, 1], 0),
            (0, BackwardAll, vec![], 0),
            (0, Absolute(3), vec![3], 3),
            (0, Absolute(9), vec![], 4),
            (0, Absolute(-1), vec![3], 3),
            (0, Absolute(-9), vec![], 0),
            (3, Absolute(0), vec![], 0),
            (2, Relative(0), vec![2], 2),
            (0, Relative(0), vec![], 0),
            (1, Relative(2), vec![3], 3),
            (3, Relative(-1), vec![2], 2),
            (2, Forward(0), vec![2], 2),
        ] {
            let taken = take(position, 3, fetch);
            assert_eq!(taken, Taken { places, position: after }, "{fetch:?} from {position}");
        }
    }

    #[test]
    fn a_cursor_that_streams_goes_forward_only() {
        use FetchCount::{Absolute, Backward, Relative};
        assert_eq!(forward_steps(2, Absolute(5)).unwrap(), (2, Some(1)));
        assert_eq!(forward_steps(2, Relative(3)).unwrap(), (2, Some(1)));
        for count in [Absolute(2), Absolute(-1), Relative(0), Backward(1)] {
            let error = forward_steps(2, count).unwrap_err();
            assert_eq!(error.state(), SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE);
        }
    }
}
