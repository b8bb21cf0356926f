//! Signals: the first SIGTERM or SIGINT asks for an orderly stop, the second ends at once. SIGHUP asks for what can be
//! read again to be read again.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// What the operator asks for.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Finish what is under way and stop.
    pub orderly: CancellationToken,
    /// Stop now.
    pub at_once: CancellationToken,
    /// Read again what can change while the daemon runs.
    pub reload: Arc<Notify>,
}

impl Stop {
    /// Listens for SIGTERM, SIGINT and SIGHUP from here on.
    ///
    /// # Errors
    /// If the runtime cannot install signal handlers.
    pub fn on_signals() -> std::io::Result<Self> {
        let stop = Self::default();
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let mut hangup = signal(SignalKind::hangup())?;
        let reload = Arc::clone(&stop.reload);
        tokio::spawn(async move {
            while hangup.recv().await.is_some() {
                tracing::info!(
                    "SIGHUP: reading certificates and keys again and opening the audit log anew, where there are any"
                );
                reload.notify_one();
            }
        });
        let seen = stop.clone();
        tokio::spawn(async move {
            next(&mut terminate, &mut interrupt).await;
            tracing::info!("stopping; a second signal ends at once");
            seen.orderly.cancel();
            next(&mut terminate, &mut interrupt).await;
            tracing::warn!("second signal: ending at once");
            seen.at_once.cancel();
        });
        Ok(stop)
    }
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
