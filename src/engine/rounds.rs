//! Read indexes, one round for all who wait.
//!
//! A round that is under way began before a new reader came: it must not answer it. So one round
//! runs at a time, and those who come meanwhile share the next.

use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use crate::engine::cancel::lock;
use crate::model::id::LogIndex;
use crate::platform::task;

/// `None`: this round had no answer; ask again, maybe somebody else.
type Answer = Option<LogIndex>;

#[derive(Debug, Default)]
struct State {
    running: bool,
    waiting: Vec<oneshot::Sender<Answer>>,
}

/// The rounds of one node.
#[derive(Debug, Default, Clone)]
pub(super) struct ReadRounds(Arc<Mutex<State>>);

impl ReadRounds {
    /// The answer of a round that begins after this call. `ask` makes one.
    pub(super) async fn join<F, R>(&self, ask: F) -> Answer
    where
        F: Fn() -> R + Send + 'static,
        R: Future<Output = Answer> + Send + 'static,
    {
        let (sender, answer) = oneshot::channel();
        let start = {
            let mut state = lock(&self.0);
            state.waiting.push(sender);
            !std::mem::replace(&mut state.running, true)
        };
        if start {
            let state = self.0.clone();
            task::spawn(run(state, ask));
        }
        answer.await.ok().flatten()
    }
}

async fn run<F, R>(state: Arc<Mutex<State>>, ask: F)
where
    F: Fn() -> R + Send,
    R: Future<Output = Answer> + Send + 'static,
{
    loop {
        // Whoever is about to ask, too, shares the round.
        tokio::task::yield_now().await;
        let waiting = {
            let mut state = lock(&state);
            state.running = !state.waiting.is_empty();
            std::mem::take(&mut state.waiting)
        };
        if waiting.is_empty() {
            return;
        }
        let answer = ask().await;
        for reader in waiting {
            // A reader that was cancelled doesn't wait.
            let _ = reader.send(answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[tokio::test]
    async fn readers_that_come_during_a_round_share_the_next() {
        let rounds = ReadRounds::default();
        let count = Arc::new(AtomicU64::new(0));
        let gate = Arc::new(tokio::sync::Semaphore::new(0));
        let ask = || {
            let (count, gate) = (count.clone(), gate.clone());
            move || {
                let (count, gate) = (count.clone(), gate.clone());
                async move {
                    let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                    gate.acquire().await.unwrap().forget();
                    Some(LogIndex(number))
                }
            }
        };
        let first = rounds.join(ask());
        let later = async {
            while count.load(Ordering::SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
            let both = futures_util::future::join(rounds.join(ask()), rounds.join(ask()));
            let release = async {
                tokio::task::yield_now().await;
                gate.add_permits(2);
            };
            futures_util::future::join(both, release).await.0
        };
        let (first, (second, third)) = futures_util::future::join(first, later).await;
        assert_eq!(first, Some(LogIndex(1)));
        assert_eq!((second, third), (Some(LogIndex(2)), Some(LogIndex(2))));
    }
}
