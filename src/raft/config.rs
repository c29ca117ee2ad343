//! openraft's settings.

use openraft::{Config, SnapshotPolicy};

use crate::model::error::Fault;
use crate::platform::mutant::mutant;
use crate::raft::Timing;

/// Settings for `timing`. What is not named keeps openraft's default.
///
/// # Errors
/// If the timers contradict each other.
pub(super) fn config(timing: &Timing) -> Result<Config, Fault> {
    let milliseconds = |duration: std::time::Duration| duration.as_millis() as u64;
    let election_timeout_max = milliseconds(timing.election_timeout_max);
    let config = Config {
        cluster_name: "eider".to_owned(),
        heartbeat_interval: milliseconds(timing.heartbeat),
        election_timeout_min: milliseconds(timing.election_timeout_min),
        election_timeout_max,
        // A node that was cut off must not disturb the others when it comes back.
        enable_pre_vote: Some(true),
        // A leader without a quorum falls silent for a while, so that others can elect one even if
        // it still reaches some of them. At least the lease and the longest election timeout.
        quorum_loss_probe_interval: Some(2 * election_timeout_max),
        // Both are driven by bytes, in `purge.rs`.
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: u64::MAX / 2,
        // The log store limits the bytes of a batch.
        max_payload_entries: 1024,
        max_append_entries: Some(4096),
        api_batch_linger_ms: 0,
        broadcast_submitted_on_append: Some(true),
        // The transfer itself watches its progress.
        install_snapshot_timeout: 600_000,
        // A leader that comes back in its old term may have lost entries that its followers have,
        // and would give their ids to others. It must be elected again.
        enable_leader_restore: Some(mutant("leader-restored")),
        // No node ever forgets what it acknowledged and stays a member.
        allow_log_reversion: None,
        ..Config::default()
    };
    config.validate().map_err(|error| Fault::new(format!("Raft timers: {error}")))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn timing() -> Timing {
        Timing {
            heartbeat: Duration::from_millis(300),
            election_timeout_min: Duration::from_millis(1500),
            election_timeout_max: Duration::from_secs(3),
        }
    }

    #[test]
    fn a_leader_never_resumes_its_term_after_a_restart() {
        assert_eq!(config(&timing()).unwrap().enable_leader_restore, Some(false));
    }

    #[test]
    fn logs_never_go_back_and_pre_votes_are_asked() {
        let config = config(&timing()).unwrap();
        assert_eq!(config.allow_log_reversion, None);
        assert_eq!(config.enable_pre_vote, Some(true));
        assert_eq!(config.quorum_loss_probe_interval, Some(6000));
        assert!(matches!(config.snapshot_policy, SnapshotPolicy::Never));
    }

    #[test]
    fn contradicting_timers_are_refused() {
        let timing = Timing { heartbeat: Duration::from_secs(4), ..timing() };
        assert!(config(&timing).is_err());
    }
}
