//! A value that many watch: tokio's, or in unit tests one whose waiters are woken in the order in which
//! they began to wait. (tokio's wakes them in an order that differs from run to run, and a simulation
//! must not.)

#[cfg(not(test))]
pub use tokio::sync::watch::{Receiver, Sender, channel};

#[cfg(test)]
pub use simulated::{Receiver, Sender, channel};

#[cfg(test)]
mod simulated {
    use std::ops::Deref;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

    use tokio::sync::Notify;

    #[derive(Debug)]
    struct Shared<T> {
        /// The value, its version, and whether the sender is gone.
        state: Mutex<(T, u64, bool)>,
        changed: Notify,
        receivers: AtomicUsize,
    }

    impl<T> Shared<T> {
        fn lock(&self) -> MutexGuard<'_, (T, u64, bool)> {
            self.state.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    #[derive(Debug)]
    pub struct Sender<T>(Arc<Shared<T>>);

    #[derive(Debug)]
    pub struct Receiver<T> {
        shared: Arc<Shared<T>>,
        seen: u64,
    }

    /// The sender is gone.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct RecvError;

    impl std::fmt::Display for RecvError {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("the sender is gone")
        }
    }

    impl std::error::Error for RecvError {}

    #[derive(Debug)]
    pub struct Ref<'a, T>(MutexGuard<'a, (T, u64, bool)>);

    impl<T> Deref for Ref<'_, T> {
        type Target = T;
        fn deref(&self) -> &T {
            &self.0.0
        }
    }

    pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
        let sender = Sender::new(value);
        let receiver = sender.subscribe();
        (sender, receiver)
    }

    impl<T> Sender<T> {
        pub fn new(value: T) -> Self {
            Self(Arc::new(Shared {
                state: Mutex::new((value, 0, false)),
                changed: Notify::new(),
                receivers: AtomicUsize::new(0),
            }))
        }

        pub fn subscribe(&self) -> Receiver<T> {
            self.0.receivers.fetch_add(1, Ordering::Relaxed);
            Receiver { shared: self.0.clone(), seen: self.0.lock().1 }
        }

        pub fn borrow(&self) -> Ref<'_, T> {
            Ref(self.0.lock())
        }

        pub fn send_if_modified(&self, modify: impl FnOnce(&mut T) -> bool) -> bool {
            let mut state = self.0.lock();
            let modified = modify(&mut state.0);
            if modified {
                state.1 += 1;
                drop(state);
                self.0.changed.notify_waiters();
            }
            modified
        }

        pub fn send_modify(&self, modify: impl FnOnce(&mut T)) {
            self.send_if_modified(|value| {
                modify(value);
                true
            });
        }

        pub fn send_replace(&self, value: T) -> T {
            let mut old = Some(value);
            self.send_modify(|present| {
                let new = old.take().expect("it is called once");
                old = Some(std::mem::replace(present, new));
            });
            old.expect("it was replaced")
        }

        /// Fails if nobody watches.
        pub fn send(&self, value: T) -> Result<(), T> {
            if self.0.receivers.load(Ordering::Relaxed) == 0 {
                return Err(value);
            }
            drop(self.send_replace(value));
            Ok(())
        }
    }

    impl<T> Drop for Sender<T> {
        fn drop(&mut self) {
            self.0.lock().2 = true;
            self.0.changed.notify_waiters();
        }
    }

    impl<T> Clone for Receiver<T> {
        fn clone(&self) -> Self {
            self.shared.receivers.fetch_add(1, Ordering::Relaxed);
            Self { shared: self.shared.clone(), seen: self.seen }
        }
    }

    impl<T> Drop for Receiver<T> {
        fn drop(&mut self) {
            self.shared.receivers.fetch_sub(1, Ordering::Relaxed);
        }
    }

    impl<T> Receiver<T> {
        pub fn borrow(&self) -> Ref<'_, T> {
            Ref(self.shared.lock())
        }

        pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
            let state = self.shared.lock();
            self.seen = state.1;
            Ref(state)
        }

        pub fn has_changed(&self) -> Result<bool, RecvError> {
            let state = self.shared.lock();
            if state.2 { Err(RecvError) } else { Ok(state.1 != self.seen) }
        }

        pub async fn changed(&mut self) -> Result<(), RecvError> {
            loop {
                let notified = self.shared.changed.notified();
                {
                    let state = self.shared.lock();
                    if state.1 != self.seen {
                        self.seen = state.1;
                        return Ok(());
                    }
                    if state.2 {
                        return Err(RecvError);
                    }
                }
                notified.await;
            }
        }

        pub async fn wait_for(
            &mut self,
            mut holds: impl FnMut(&T) -> bool,
        ) -> Result<Ref<'_, T>, RecvError> {
            loop {
                let closed = {
                    let state = self.shared.lock();
                    self.seen = state.1;
                    if holds(&state.0) {
                        break;
                    }
                    state.2
                };
                if closed {
                    return Err(RecvError);
                }
                // The end of the sender is seen above, after a last look at the value.
                let _ = self.changed().await;
            }
            Ok(Ref(self.shared.lock()))
        }
    }
}
