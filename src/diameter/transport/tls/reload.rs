//! Certificates that change while the node runs.
//!
//! New files count for the handshakes that begin after they were read; open connections live on. Files that cannot be
//! used are told of once, and what was read before stays in use.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::pki_types::UnixTime;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tracing::{error, info, warn};

use super::credentials::{Credentials, Fault};
use crate::diameter::config::TlsConfig;
use crate::diameter::metrics;

/// How often the files are looked at.
const POLL: Duration = Duration::from_secs(2);

/// What the files look like from outside: when each was changed, and how long it is.
type Stamp = [Option<(SystemTime, u64)>; 3];

/// The credentials in use and where they come from.
#[derive(Debug)]
pub(crate) struct Source {
    files: TlsConfig,
    /// Our own identity, which the certificate should name.
    identity: String,
    current: RwLock<Arc<Credentials>>,
    seen: Mutex<Seen>,
}

impl Source {
    /// Reads the files for the first time. Blocks, for as long as three small files take.
    pub(crate) fn open(files: &TlsConfig, identity: &str) -> Result<Self, Vec<Fault>> {
        let seen = Seen::new(stamp(files));
        let credentials = Credentials::read(files)?;
        let source = Self {
            files: files.clone(),
            identity: identity.to_owned(),
            current: RwLock::new(Arc::new(credentials)),
            seen: Mutex::new(seen),
        };
        source.tell();
        Ok(source)
    }

    /// What handshakes that begin now use.
    pub(super) fn current(&self) -> Arc<Credentials> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the files again if they have changed, or in any case if `asked`. Blocks.
    fn look(&self, asked: bool) -> Option<Result<(), Vec<Fault>>> {
        let stamp = stamp(&self.files);
        let due = self
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .due(stamp, asked);
        due.then(|| {
            let fresh = Arc::new(Credentials::read(&self.files)?);
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
            Ok(())
        })
    }

    /// Shows and tells what there is to know of our own certificate.
    fn tell(&self) {
        let current = self.current();
        if let Some(end) = current.certificate.not_after() {
            metrics::certificate_ends(end);
        }
        for warning in current.warnings(&self.identity, UnixTime::now()) {
            warn!(%warning, "the Diameter certificate");
        }
    }
}

/// Looks after the files for as long as it is polled; at once whenever `asked` is notified.
pub(crate) async fn keep_fresh(source: Arc<Source>, asked: Arc<Notify>) {
    loop {
        let asked = tokio::select! {
            () = asked.notified() => true,
            () = sleep(POLL) => false,
        };
        let looking = Arc::clone(&source);
        match spawn_blocking(move || looking.look(asked)).await {
            Ok(None) => {}
            Ok(Some(Ok(()))) => {
                metrics::certificates_read(true);
                info!("Diameter certificates were read again; new connections use them");
                source.tell();
            }
            Ok(Some(Err(faults))) => {
                metrics::certificates_read(false);
                for fault in faults {
                    warn!(%fault, "Diameter certificates cannot be used; those from before stay in use");
                }
            }
            Err(error) => error!(%error, "cannot look after the Diameter certificates"),
        }
    }
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
            read: stamp,
            last: stamp,
        }
    }

    /// Whether to read them. A change has to stand for two looks, since certificate and key are two files, and one
    /// without the other would be told of as a mistake.
    fn due(&mut self, stamp: Stamp, asked: bool) -> bool {
        let settled = stamp == self.last;
        self.last = stamp;
        let due = asked || (stamp != self.read && settled);
        if due {
            self.read = stamp;
        }
        due
    }
}

fn stamp(files: &TlsConfig) -> Stamp {
    let one = |path: &Path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    [&files.certificate, &files.key, &files.authorities].map(|path| one(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_read_once_when_it_has_settled_and_at_once_when_asked() {
        let at = |seconds| [Some((SystemTime::UNIX_EPOCH + Duration::from_secs(seconds), 1)); 3];
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
        assert!(!seen.due([None; 3], false));
        assert!(!seen.due(at(4), false));
    }
}
