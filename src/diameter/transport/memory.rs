//! A pipe in memory that keeps messages apart, as SCTP does: what was written at once is read by itself, in one piece or
//! in several, and never together with the next.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Octets under way beyond which a writer waits, as with a socket's buffer.
const MOST: usize = 64 * 1024;

#[derive(Debug, Default)]
struct Pipe {
    segments: VecDeque<Bytes>,
    closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// Two ends, each with what it reads from and what it writes to.
pub(super) fn ends() -> [(Reader, Writer); 2] {
    let (there, back) = (Shared::default(), Shared::default());
    [
        (Reader(Arc::clone(&back)), Writer(Arc::clone(&there))),
        (Reader(there), Writer(back)),
    ]
}

type Shared = Arc<Mutex<Pipe>>;

fn lock(pipe: &Shared) -> MutexGuard<'_, Pipe> {
    pipe.lock().unwrap_or_else(PoisonError::into_inner)
}

fn close(pipe: &Shared) {
    let mut pipe = lock(pipe);
    pipe.closed = true;
    for waker in [pipe.reader.take(), pipe.writer.take()].into_iter().flatten() {
        waker.wake();
    }
}

/// Where messages come out.
pub(super) struct Reader(Shared);

/// Where they go in.
pub(super) struct Writer(Shared);

impl AsyncRead for Reader {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut pipe = lock(&self.0);
        let Some(segment) = pipe.segments.front_mut() else {
            if pipe.closed {
                return Poll::Ready(Ok(()));
            }
            pipe.reader = Some(context.waker().clone());
            return Poll::Pending;
        };
        buffer.put_slice(&segment.split_to(segment.len().min(buffer.remaining())));
        if !segment.has_remaining() {
            pipe.segments.pop_front();
        }
        if let Some(writer) = pipe.writer.take() {
            writer.wake();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Writer {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let mut pipe = lock(&self.0);
        if pipe.closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let under_way: usize = pipe.segments.iter().map(Bytes::len).sum();
        if under_way > 0 && under_way + octets.len() > MOST {
            pipe.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        pipe.segments.push_back(Bytes::copy_from_slice(octets));
        if let Some(reader) = pipe.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(octets.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        close(&self.0);
        Poll::Ready(Ok(()))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        close(&self.0);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        close(&self.0);
    }
}
