//! Files that change while the daemon runs, such as certificates: when they are to be read again.
//!
//! They are looked at every two seconds, and read at once when an operator asks. What is read of them, and what happens if
//! that cannot be used, is for their owner.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// How often files are looked at.
const POLL: Duration = Duration::from_secs(2);

/// Asks for files to be read again. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Reload(Arc<Notify>);

impl Reload {
    /// Has them read at once, rather than when somebody next looks whether they have changed.
    pub fn ask(&self) {
        self.0.notify_one();
    }

    /// Waits until that is asked for.
    pub async fn asked(&self) {
        self.0.notified().await;
    }
}

/// Files that belong together.
#[derive(Debug)]
pub struct Files {
    paths: Vec<PathBuf>,
    seen: Mutex<Seen>,
}

impl Files {
    /// These files, as they look now: to be made before they are first read. Blocks.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        let seen = Mutex::new(Seen::new(stamp(&paths)));
        Self { paths, seen }
    }

    /// Whether to read them: since they have changed, or `asked`. Blocks.
    fn due(&self, asked: bool) -> bool {
        let stamp = stamp(&self.paths);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.due(stamp, asked)
    }

    /// Has them read by `read` whenever they have changed, and whenever `reload` asks, for as long as it is polled. `read`
    /// may block; `tell` is given what came of it.
    pub async fn keep_fresh<T: Send + 'static>(
        self: Arc<Self>,
        reload: Reload,
        read: impl Fn() -> T + Clone + Send + 'static,
        mut tell: impl FnMut(T),
    ) {
        loop {
            let asked = tokio::select! {
                () = reload.asked() => true,
                () = sleep(POLL) => false,
            };
            let (files, read) = (Arc::clone(&self), read.clone());
            match spawn_blocking(move || files.due(asked).then(read)).await {
                Ok(None) => {}
                Ok(Some(came_of_it)) => tell(came_of_it),
                Err(error) => tracing::error!(%error, "cannot look after files"),
            }
        }
    }
}

/// What files look like from outside: when each was changed, and how long it is.
type Stamp = Vec<Option<(SystemTime, u64)>>;

fn stamp(paths: &[PathBuf]) -> Stamp {
    let one = |path: &Path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    paths.iter().map(|path| one(path)).collect()
}

/// Which state of the files has been read, and which was there at the last look.
#[derive(Debug)]
struct Seen {
    read: Stamp,
    last: Stamp,
}

impl Seen {
    fn new(stamp: Stamp) -> Self {
        Self {
            read: stamp.clone(),
            last: stamp,
        }
    }

    /// Whether to read them. A change has to stand for two looks, since certificate and key are two files, and one
    /// without the other would be told of as a mistake.
    fn due(&mut self, stamp: Stamp, asked: bool) -> bool {
        let settled = stamp == self.last;
        let due = asked || (stamp != self.read && settled);
        if due {
            self.read.clone_from(&stamp);
        }
        self.last = stamp;
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_read_once_when_it_has_settled_and_at_once_when_asked() {
        let at = |seconds| vec![Some((SystemTime::UNIX_EPOCH + Duration::from_secs(seconds), 1)); 3];
        let mut seen = Seen::new(at(1));
        assert!(!seen.due(at(1), false));
        // The certificate, and at the next look the key.
        assert!(!seen.due(at(2), false));
        assert!(!seen.due(at(3), false));
        assert!(seen.due(at(3), false));
        assert!(!seen.due(at(3), false));
        assert!(seen.due(at(3), true));
        assert!(seen.due(at(4), true));
        assert!(!seen.due(at(4), false));
        // Gone, and back as it was: nothing to read.
        assert!(!seen.due(vec![None; 3], false));
        assert!(!seen.due(at(4), false));
    }
}
