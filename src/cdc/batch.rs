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
