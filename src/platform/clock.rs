//! Monotonic time, wall-clock time, and waiting.
//!
//! In unit tests, code outside a tokio runtime is taken to run in the simulated one.

use std::time::Duration;

use openraft_rt::AsyncRuntime;

/// A moment on this process's monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(Duration);

impl Instant {
    /// Time from `earlier` to this moment; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }

    /// Time left until this moment; zero if it is past.
    pub fn remaining(self) -> Duration {
        self.since(now())
    }
}

/// The deadline of a wait ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

#[cfg(test)]
fn simulated() -> bool {
    tokio::runtime::Handle::try_current().is_err() && super::task::in_simulation()
}

/// The present moment.
pub fn now() -> Instant {
    #[cfg(test)]
    if simulated() {
        return Instant(super::task::simulated_now());
    }
    Instant(real_now())
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
fn real_now() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant as StdInstant;
    static START: OnceLock<StdInstant> = OnceLock::new();
    START.get_or_init(StdInstant::now).elapsed()
}

/// Wall-clock time since 1970-01-01 00:00 UTC. It may jump; never measure with it.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
pub fn wall() -> Duration {
    #[cfg(test)]
    if simulated() {
        // From 2026-01-01 00:00 UTC on.
        return Duration::from_hours(490_896) + super::task::simulated_now();
    }
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}

/// Blocks this thread, which must be one that may wait: SQLite's, while a client asks for it.
pub fn block(duration: Duration) {
    std::thread::sleep(duration);
}

/// Waits for `duration`.
pub async fn sleep(duration: Duration) {
    #[cfg(test)]
    if simulated() {
        super::runtime::Runtime::sleep(duration).await;
        return;
    }
    openraft_rt_tokio::TokioRuntime::sleep(duration).await;
}

/// Waits until `moment`.
pub async fn sleep_until(moment: Instant) {
    sleep(moment.remaining()).await;
}

/// Runs `future` for `duration` at the most.
pub async fn timeout<T>(duration: Duration, future: impl Future<Output = T>) -> Result<T, Elapsed> {
    let mut future = std::pin::pin!(future);
    let mut sleep = std::pin::pin!(sleep(duration));
    std::future::poll_fn(|context| {
        use std::task::Poll;
        if let Poll::Ready(value) = future.as_mut().poll(context) {
            return Poll::Ready(Ok(value));
        }
        sleep.as_mut().poll(context).map(|()| Err(Elapsed))
    })
    .await
}
