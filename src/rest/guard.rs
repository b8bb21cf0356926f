//! A connection that does not wait for slow clients for ever.
//!
//! ```text
//!            first octet of a head            head complete
//!  Waiting ─────────────────────────> Head ────────────────> Busy ──┐
//!     ^  idle_timeout                   head_timeout                │ response made
//!     └─────────────────────────────────────────────────────────────┘
//! ```
//!
//! The body has its own time, in the handler, since its lateness has an answer in every contract. A write that makes no
//! progress is bounded in every phase.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::config::LimitsConfig;
use super::metrics::{RestMetrics, Slow};

const WAITING: u8 = 0;
const HEAD: u8 = 1;
const BUSY: u8 = 2;

/// What a connection is doing, shared by its two ends: the socket, and whoever answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Phase(Arc<AtomicU8>);

impl Phase {
    /// A head is complete; its request is being answered until the result is dropped.
    pub(super) fn busy(&self) -> Busy {
        self.0.store(BUSY, Ordering::Relaxed);
        Busy(self.clone())
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Busy(Phase);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.0.store(WAITING, Ordering::Relaxed);
    }
}

/// How long what may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadlines {
    idle: Duration,
    head: Duration,
    write: Duration,
}

impl From<&LimitsConfig> for Deadlines {
    fn from(limits: &LimitsConfig) -> Self {
        Self {
            idle: limits.idle_timeout,
            head: limits.head_timeout,
            write: limits.write_timeout,
        }
    }
}

/// A stream whose other end has to keep up.
#[derive(Debug)]
pub(super) struct Guarded<S> {
    stream: S,
    phase: Phase,
    deadlines: Deadlines,
    metrics: Arc<RestMetrics>,
    /// When the head under way began.
    head_begun: Instant,
    reading: Pin<Box<Sleep>>,
    /// The phase that `reading` is set for.
    set_for: Option<u8>,
    /// Only while a write makes no progress.
    writing: Option<Pin<Box<Sleep>>>,
}

impl<S> Guarded<S> {
    pub(super) fn new(stream: S, phase: Phase, deadlines: Deadlines, metrics: Arc<RestMetrics>) -> Self {
        let now = Instant::now();
        Self {
            stream,
            phase,
            deadlines,
            metrics,
            head_begun: now,
            reading: Box::pin(sleep_until(now + deadlines.idle)),
            set_for: None,
            writing: None,
        }
    }

    /// Nothing came. Fails if something should have by now.
    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let phase = self.phase.0.load(Ordering::Relaxed);
        if self.set_for != Some(phase) {
            self.set_for = Some(phase);
            let deadline = match phase {
                WAITING => Instant::now() + self.deadlines.idle,
                _ => self.head_begun + self.deadlines.head,
            };
            if phase != BUSY {
                self.reading.as_mut().reset(deadline);
            }
        }
        if phase == BUSY || self.reading.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        let slow = if phase == WAITING { Slow::Idle } else { Slow::Head };
        self.metrics.cut(slow);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Passes on how a write went. Fails if it has made no progress for too long.
    fn written<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.writing = None;
            return written;
        }
        let deadline = self.deadlines.write;
        let writing = self
            .writing
            .get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + deadline)));
        if writing.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.metrics.cut(Slow::Reading);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        match Pin::new(&mut this.stream).poll_read(context, buffer) {
            Poll::Pending => this.poll_late(context),
            ready => {
                let begins =
                    this.phase
                        .0
                        .compare_exchange(WAITING, HEAD, Ordering::Relaxed, Ordering::Relaxed);
                if begins.is_ok() {
                    this.head_begun = Instant::now();
                }
                ready
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, octets);
        self.written(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, octets);
        self.written(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.written(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.written(context, shut)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::timeout;

    use super::*;

    const DEADLINES: Deadlines = Deadlines {
        idle: Duration::from_secs(60),
        head: Duration::from_secs(10),
        write: Duration::from_secs(5),
    };

    fn guarded() -> (Guarded<DuplexStream>, DuplexStream, Phase) {
        let (near, far) = duplex(64);
        let phase = Phase::default();
        let guarded = Guarded::new(near, phase.clone(), DEADLINES, Arc::new(RestMetrics::new()));
        (guarded, far, phase)
    }

    async fn cut_after(guarded: &mut Guarded<DuplexStream>) -> Duration {
        let begun = Instant::now();
        let error = guarded.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        begun.elapsed()
    }

    fn about(seconds: u64, took: Duration) {
        let least = Duration::from_secs(seconds);
        assert!(
            (least..least + Duration::from_millis(10)).contains(&took),
            "{took:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_a_request_is_cut_after_the_idle_time() {
        let (mut guarded, _far, _) = guarded();
        about(60, cut_after(&mut guarded).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_its_time_from_its_first_octet_and_no_octet_prolongs_it() {
        let (mut guarded, mut far, _) = guarded();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(30)).await;
            loop {
                let _ = far.write_u8(b'x').await;
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
        });
        guarded.read_u8().await.unwrap();
        let begun = Instant::now();
        while let Ok(octet) = guarded.read_u8().await {
            assert_eq!(octet, b'x');
        }
        about(10, begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn while_a_request_is_answered_nothing_is_cut_and_after_it_the_idle_time_begins() {
        let (mut guarded, mut far, phase) = guarded();
        far.write_u8(b'x').await.unwrap();
        guarded.read_u8().await.unwrap();
        let busy = phase.busy();
        let waited = timeout(Duration::from_secs(3600), guarded.read_u8()).await;
        assert!(waited.is_err(), "{waited:?}");
        drop(busy);
        about(60, cut_after(&mut guarded).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_cut() {
        let (mut guarded, _far, phase) = guarded();
        let _busy = phase.busy();
        let begun = Instant::now();
        let error = guarded.write_all(&[0; 1000]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        about(5, begun.elapsed());
    }
}
