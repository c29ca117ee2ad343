//! Removes nodes that stay silent from the cluster, if the operator wants that.

use std::time::Duration;

use crate::engine::Engine;
use crate::model::id::NodeId;
use crate::model::member::Member;
use crate::platform::{clock, watch};
use crate::raft;

/// How often the leader looks, at the least; and at the most.
const LOOK_MAX: Duration = Duration::from_secs(10);
const LOOK_MIN: Duration = Duration::from_millis(100);
/// For one removal.
const REMOVE_LIMIT: Duration = Duration::from_secs(30);

/// After which silence a node goes. Zero: never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patience {
    pub(super) voters: Duration,
    pub(super) read_only: Duration,
}

impl Patience {
    /// Pause between two looks; `None` if there is nothing to look for.
    fn pause(self) -> Option<Duration> {
        let asked = [self.voters, self.read_only].into_iter().filter(|limit| !limit.is_zero());
        asked.min().map(|limit| (limit / 4).clamp(LOOK_MIN, LOOK_MAX))
    }

    /// Whether a node that has been silent for so long is to go.
    fn is_over(self, votes: bool, silence: Duration) -> bool {
        let limit = if votes { self.voters } else { self.read_only };
        !limit.is_zero() && silence >= limit
    }
}

/// Looks until `stop` changes. Only the leader hears others, and silence counts from when it began to lead.
pub(super) async fn run(
    raft: raft::Node,
    engine: Engine,
    me: NodeId,
    patience: Patience,
    mut stop: watch::Receiver<bool>,
) {
    let Some(pause) = patience.pause() else { return };
    while clock::timeout(pause, stop.changed()).await.is_err() {
        if !engine.is_leader() {
            continue;
        }
        let silent = raft.silent();
        for (member, votes) in raft.members() {
            let Some(silence) = silent.get(&member.id) else { continue };
            if member.id != me && patience.is_over(votes, *silence) {
                reap(&engine, &member, *silence).await;
            }
        }
    }
}

async fn reap(engine: &Engine, member: &Member, silence: Duration) {
    let Member { name, raft_addr, .. } = member;
    let seconds = silence.as_secs_f64();
    match engine.remove(name, REMOVE_LIMIT).await {
        Ok(()) => tracing::warn!(
            "node {name} ({raft_addr}) has not answered for {seconds:.1} s: it is no member any more"
        ),
        Err(error) => tracing::warn!(
            "node {name} ({raft_addr}) has not answered for {seconds:.1} s, and can't be removed: {error}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voters_and_others_have_limits_of_their_own() {
        let second = Duration::from_secs(1);
        let patience = Patience { voters: Duration::ZERO, read_only: 60 * second };
        assert_eq!(patience.pause(), Some(LOOK_MAX));
        assert!(!patience.is_over(true, 1000 * second));
        assert!(!patience.is_over(false, 59 * second));
        assert!(patience.is_over(false, 60 * second));
        let never = Patience { voters: Duration::ZERO, read_only: Duration::ZERO };
        assert_eq!(never.pause(), None);
        let quick = Patience { voters: second, read_only: 2 * second };
        assert_eq!(quick.pause(), Some(second / 4));
        assert!(quick.is_over(true, second) && !quick.is_over(false, second));
    }
}
