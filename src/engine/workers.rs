//! Threads for work that blocks: reads, checkpoints, files.
//!
//! A bounded queue of jobs, taken by threads that are started when they are needed, up to a limit.
//! In a simulation a job runs at once, where it is handed in.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex};

use tokio::sync::oneshot;

use crate::engine::cancel::lock;
use crate::model::error::{Error, Fault, SqlState};
use crate::platform::task;

type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    idle: usize,
    threads: usize,
    closed: bool,
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    name: &'static str,
    threads_max: usize,
    jobs_max: usize,
}

/// A pool of threads. They end when it is dropped.
pub(super) struct Workers(Arc<Shared>);

impl std::fmt::Debug for Workers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Workers").field(&self.0.name).finish()
    }
}

impl Workers {
    pub(super) fn new(name: &'static str, threads_max: usize, jobs_max: usize) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::default(),
            work: Condvar::new(),
            name,
            threads_max: threads_max.max(1),
            jobs_max,
        }))
    }

    /// Runs `job` on a thread of the pool. 53300 if too many wait.
    pub(super) fn submit(&self, job: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        if !task::may_block() {
            job();
            return Ok(());
        }
        let mut state = lock(&self.0.state);
        if state.jobs.len() >= self.0.jobs_max {
            return Err(Error::limit(SqlState::TOO_MANY_CONNECTIONS, "too many reads are waiting"));
        }
        state.jobs.push_back(Box::new(job));
        if state.idle >= state.jobs.len() || state.threads >= self.0.threads_max {
            drop(state);
            self.0.work.notify_one();
            return Ok(());
        }
        state.threads += 1;
        drop(state);
        let shared = self.0.clone();
        if let Err(error) = task::thread(self.0.name, move || shared.run()) {
            let mut state = lock(&self.0.state);
            state.threads -= 1;
            // With other threads there, the job only waits longer.
            if state.threads == 0 {
                state.jobs.pop_back();
                return Err(Error::limit(
                    SqlState::OUT_OF_MEMORY,
                    format!("start a thread: {error}"),
                ));
            }
        }
        Ok(())
    }

    /// Runs `job` and waits for what it returns.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.submit(move || drop(reply.send(job())))?;
        answer.await.map_err(|_| Error::internal("a job ended without a result"))
    }

    /// As [`Self::run`], where a failure must stop the node.
    pub(super) async fn must<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        self.run(job).await.map_err(|error| Fault::new(error.message()))?
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        lock(&self.0.state).closed = true;
        self.0.work.notify_all();
    }
}

impl Shared {
    fn run(&self) {
        let mut state = lock(&self.state);
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                job();
                state = lock(&self.state);
            } else if state.closed {
                state.threads -= 1;
                return;
            } else {
                state.idle += 1;
                state = self.work.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
                state.idle -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn jobs_beyond_the_limit_are_refused_and_a_blocked_thread_stops_no_other() {
        let workers = Workers::new("test", 2, 1);
        let (release, blocked) = std::sync::mpsc::channel::<()>();
        let (started, mut running) = tokio::sync::mpsc::channel(1);
        workers
            .submit(move || {
                started.blocking_send(()).unwrap();
                blocked.recv().unwrap();
            })
            .unwrap();
        running.recv().await.unwrap();
        assert_eq!(workers.run(|| 7).await.unwrap(), 7);
        release.send(()).unwrap();
    }
}
