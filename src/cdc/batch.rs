//! What is sent at once: changes by the transactions that made them, in the form that rqlite gives them.

use std::fmt::Write as _;

use serde_json::Value;

use crate::cdc::plan::Plan;
use crate::engine::Change;

/// Some changes, in order.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    changes: &'a [Change],
    groups: usize,
}

impl<'a> Batch<'a> {
    /// The first changes: those of at most so many transactions.
    pub(super) fn of(changes: &'a [Change], groups_max: usize) -> Self {
        let mut groups = 0;
        let mut last = None;
        let mut end = 0;
        for change in changes {
            if last != Some(change.transaction) {
                if groups == groups_max {
                    break;
                }
                groups += 1;
                last = Some(change.transaction);
            }
            end += 1;
        }
        Self { changes: &changes[..end], groups }
    }

    /// How many changes there are.
    pub(super) fn len(&self) -> usize {
        self.changes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// How many transactions it has changes of.
    pub(super) fn groups(&self) -> usize {
        self.groups
    }

    /// The position of the first change, if there is one.
    pub(super) fn first(&self) -> u64 {
        self.changes.first().map_or(0, |change| change.position)
    }

    /// The position of the last change, if there is one.
    pub(super) fn last(&self) -> u64 {
        self.changes.last().map_or(0, |change| change.position)
    }

    /// The document that is sent.
    pub(super) fn json(&self, plan: &Plan, node: &str) -> String {
        let mut out = String::from("{");
        if let Some(service) = &plan.service_id {
            let _ = write!(out, "\"service_id\":{},", Value::from(&**service));
        }
        let _ = write!(out, "\"node_id\":{},\"payload\":[", Value::from(node));
        let groups = self.changes.chunk_by(|a, b| a.transaction == b.transaction);
        for (number, group) in groups.enumerate() {
            let comma = if number > 0 { "," } else { "" };
            let (index, at) = (group[0].transaction, group[0].at);
            let _ =
                write!(out, "{comma}{{\"index\":{index},\"commit_timestamp\":{at},\"events\":[");
            for (number, change) in group.iter().enumerate() {
                out.push_str(if number > 0 { "," } else { "" });
                out.push_str(&change.json());
            }
            out.push_str("]}");
        }
        out.push_str("]}");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_has_each_transaction_once() {
        let change = |position, transaction, event: &str| {
            Change::of(position, transaction, 1_756_000_000_000 + transaction, event)
        };
        let changes = [
            change(7, 4, r#"{"op":"INSERT","table":"foo","new_row_id":2,"after":{"id":2}}"#),
            change(8, 4, r#"{"op":"DELETE","table":"foo","old_row_id":2,"before":{"id":2}}"#),
            change(9, 5, r#"{"op":"INSERT","table":"foo","new_row_id":3,"after":{"id":3}}"#),
        ];
        let batch = Batch::of(&changes, 2);
        assert_eq!((batch.len(), batch.groups(), batch.first(), batch.last()), (3, 2, 7, 9));
        let read = |text: &str| {
            let text = text.to_owned();
            Plan::parse("file", move |_| Ok(text), |_| None).unwrap()
        };
        let plan = read(r#"{"endpoint":"http://h","service_id":"s1"}"#);
        let expected = concat!(
            r#"{"service_id":"s1","node_id":"1","payload":["#,
            r#"{"index":4,"commit_timestamp":1756000000004,"events":["#,
            r#"{"position":7,"op":"INSERT","table":"foo","new_row_id":2,"after":{"id":2}},"#,
            r#"{"position":8,"op":"DELETE","table":"foo","old_row_id":2,"before":{"id":2}}]},"#,
            r#"{"index":5,"commit_timestamp":1756000000005,"events":["#,
            r#"{"position":9,"op":"INSERT","table":"foo","new_row_id":3,"after":{"id":3}}]}]}"#,
        );
        assert_eq!(batch.json(&plan, "1"), expected);
        // Not more transactions than asked for, and each whole; without a service's name it is left out.
        let first = Batch::of(&changes, 1);
        assert_eq!(first.len(), 2);
        let json = first.json(&read(r#"{"endpoint":"http://h"}"#), "n\"1");
        assert!(json.starts_with(r#"{"node_id":"n\"1","payload":[{"index":4,"#), "{json}");
    }
}
