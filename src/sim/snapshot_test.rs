//! Purging, snapshots, and what a node goes on from after a restart.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::cluster::{Cluster, create, milliseconds, pages_part, until};
use crate::model::command::{Applied, Command, PagesPart};
use crate::model::id::{DatabaseId, LogIndex};
use crate::platform::task;
use crate::sim::databases::chain_after;

const BIG: DatabaseId = DatabaseId(17_000);
const PAGES: u32 = 5000;

/// A cluster whose logs stay short, on a slow network.
async fn with_short_logs() -> Cluster {
    let mut cluster = Cluster::machines(0..3).await;
    for id in 0..3 {
        cluster.stop(id).await;
        cluster.machine(id).log_bytes_max = 8 << 10;
        cluster.start(id).await;
    }
    let members = (0..3).map(super::process::member).collect();
    cluster.node(0).bootstrap(super::cluster::CLUSTER, members).await.unwrap();
    cluster.leader().await;
    cluster.settle().await;
    *cluster.net.delay.lock().unwrap() = Duration::from_millis(10);
    cluster
}

/// Makes a large database.
async fn write_database(cluster: &Cluster, pages: u32) {
    cluster.write_command(create(BIG)).await;
    for from in (1..=pages).step_by(1000) {
        let written: Vec<(u32, u64)> =
            (from..(from + 1000).min(pages + 1)).map(|page| (page, u64::from(page))).collect();
        cluster.write_pages(BIG, pages, &written).await;
    }
}

/// A cluster in which one node, which is down, has nothing of a large database, and can't get it
/// from the log any more.
async fn with_laggard() -> (Cluster, u64) {
    let mut cluster = with_short_logs().await;
    let laggard = (cluster.leader().await + 1) % 3;
    let behind = cluster.status(laggard).last_log;
    cluster.kill(laggard, None);
    write_database(&cluster, PAGES).await;
    outrun(&mut cluster, behind).await;
    snapshot_bytes(&cluster);
    (cluster, laggard)
}

/// Writes rows until the leader has purged everything that `laggard` lacks.
async fn outrun(cluster: &mut Cluster, laggard: LogIndex) {
    for _ in 0..100 {
        let leader = cluster.leader().await;
        if cluster.status(leader).purged > laggard {
            return;
        }
        for _ in 0..60 {
            cluster.write().await;
        }
        milliseconds(300).await;
    }
    panic!("the log is never purged");
}

fn snapshot_bytes(cluster: &Cluster) -> u64 {
    cluster.net.snapshot_bytes.swap(0, Ordering::Relaxed)
}

#[test]
fn a_laggard_gets_a_snapshot_and_then_only_what_differs() {
    super::run(1, async {
        let (mut cluster, laggard) = with_laggard().await;
        cluster.start(laggard).await;
        cluster.check(&[]).await;
        let whole = snapshot_bytes(&cluster);
        assert!(whole > u64::from(PAGES) * (8 + 12));
        assert_eq!(cluster.status(laggard).receiving, None);
        let installed = cluster.status(laggard).snapshot;

        let behind = cluster.status(laggard).last_log;
        cluster.kill(laggard, None);
        cluster.write_pages(BIG, PAGES, &[(8, 888)]).await;
        outrun(&mut cluster, behind).await;
        cluster.start(laggard).await;
        let files = cluster.check(&[]).await;
        assert_eq!(files[&BIG].pages[7], 888);
        assert!(cluster.status(laggard).snapshot > installed);
        // The questions carry 8 bytes a page, and the list of databases grows; pages that are
        // there already aren't sent.
        let again = snapshot_bytes(&cluster);
        assert!(again > 0 && again < whole - u64::from(PAGES) * 10, "{again} after {whole}");
    });
}

#[test]
fn a_transfer_that_breaks_goes_on_where_it_was() {
    super::run(2, async {
        let (mut cluster, laggard) = with_laggard().await;
        cluster.start(laggard).await;
        let arrived = || cluster.status(laggard).receiving.is_some_and(|(now, all)| now * 2 > all);
        until(30, arrived).await;
        cluster.net.isolate(laggard);
        let half = snapshot_bytes(&cluster);
        milliseconds(100).await;
        assert_eq!(cluster.status(laggard).receiving, None);
        cluster.net.heal();
        cluster.check(&[]).await;
        // All questions are asked again, but what had come isn't sent again.
        let rest = snapshot_bytes(&cluster);
        let pages = u64::from(PAGES) * 12;
        assert!(half > pages / 2 && rest < half + pages / 2, "{half}, then {rest}");
    });
}

#[test]
fn a_process_that_dies_during_a_transfer_installs_nothing_half() {
    for seed in 0..6 {
        super::run(seed, async move {
            let (mut cluster, laggard) = with_laggard().await;
            cluster.start(laggard).await;
            until(30, || cluster.status(laggard).receiving.is_some()).await;
            milliseconds(seed * 30).await;
            cluster.kill(laggard, Some(seed));
            let row = cluster.write().await;
            cluster.start(laggard).await;
            cluster.check(&[row]).await;
        });
    }
}

#[test]
fn one_snapshot_is_enough_however_slow() {
    super::run(4, async {
        let (mut cluster, laggard) = with_laggard().await;
        *cluster.net.delay.lock().unwrap() = Duration::from_millis(100);
        cluster.start(laggard).await;
        until(30, || cluster.status(laggard).receiving.is_some()).await;
        let (mut seen, mut rows) = ((0, 0), 0);
        for _ in 0..60 {
            // Progress never goes back: there is no second transfer.
            let now = cluster.status(laggard).receiving.unwrap_or(seen);
            assert!(now.0 >= seen.0, "{seen:?}, then {now:?}");
            seen = now;
            let Some((leader, fence)) = cluster.ready() else { break };
            // More than the log may hold, while the transfer lasts.
            while cluster.status(laggard).receiving.is_some() && rows < 200 {
                rows += 1;
                let (_, command) = cluster.row();
                let node = cluster.node(leader).clone();
                task::spawn(async move { drop(node.propose(command, fence).await) });
                if rows % 12 == 0 {
                    break;
                }
            }
            milliseconds(100).await;
        }
        assert!(rows > 80, "{rows}");
        cluster.check(&[]).await;
    });
}

#[test]
fn a_restart_goes_on_from_the_checkpoint() {
    for seed in 0..4 {
        super::run(seed, async move {
            let mut cluster = with_short_logs().await;
            write_database(&cluster, 100).await;
            let leader = cluster.leader().await;
            outrun(&mut cluster, LogIndex(50)).await;
            let mut rows = Vec::new();
            for _ in 0..20 {
                rows.push(cluster.write().await);
            }
            let snapshot = cluster.status(leader).snapshot;
            if seed % 2 == 0 {
                cluster.databases(leader).write_back();
            }
            cluster.kill(leader, Some(seed));
            cluster.start(leader).await;
            assert!(cluster.status(leader).snapshot >= snapshot);
            cluster.check(&rows).await;
        });
    }
}

#[test]
fn what_was_only_applied_again_is_not_durable() {
    super::run(1, async {
        let mut cluster = Cluster::new(3).await;
        let rows = [cluster.write().await, cluster.write().await];
        cluster.settle().await;
        for round in 0..2 {
            cluster.kill(1, Some(round));
            cluster.start(1).await;
            // Shown to openraft as a snapshot, this would let it purge the only copy.
            assert_eq!(cluster.status(1).snapshot, LogIndex(0));
            assert!(cluster.status(1).applied > LogIndex(0));
        }
        cluster.check(&rows).await;
    });
}

/// Two parts of one transaction.
fn two_parts(cluster: &Cluster, leader: u64) -> [PagesPart; 2] {
    let base = cluster.databases(leader).files()[&BIG].position;
    let first = PagesPart { last: false, ..pages_part(BIG, base, 100, &[(1, 11), (2, 22)]) };
    let second = PagesPart { part: 1, ..pages_part(BIG, base, 100, &[(3, 33)]) };
    let chain = chain_after(base.chain, &[&first.pages[..], &second.pages[..]].concat());
    [PagesPart { chain, ..first }, PagesPart { chain, ..second }]
}

#[test]
fn an_open_transaction_is_never_cut_in_half() {
    for seed in 0..4 {
        super::run(seed, async move {
            let mut cluster = with_short_logs().await;
            write_database(&cluster, 100).await;
            let leader = cluster.leader().await;
            let (restarted, laggard) = ((leader + 1) % 3, (leader + 2) % 3);
            cluster.settle().await;
            let behind = cluster.status(laggard).last_log;
            cluster.kill(laggard, None);
            outrun(&mut cluster, behind).await;
            let [first, second] = two_parts(&cluster, leader);
            cluster.write_command(Command::Pages(first)).await;
            let open_at = cluster.status(leader).applied;
            for _ in 0..300 {
                cluster.write().await;
            }
            // A checkpoint, a restart and a snapshot, all in the middle of it.
            milliseconds(1000).await;
            assert!(cluster.status(leader).snapshot < open_at);
            cluster.kill(restarted, Some(seed));
            cluster.start(laggard).await;
            cluster.start(restarted).await;
            cluster.settle().await;
            assert_eq!(cluster.write_command(Command::Pages(second)).await, Applied::Done);
            let files = cluster.check(&[]).await;
            assert_eq!(files[&BIG].pages[..3], [11, 22, 33]);
            outrun(&mut cluster, open_at).await;
        });
    }
}
