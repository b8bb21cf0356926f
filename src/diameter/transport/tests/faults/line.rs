//! One connection to a real driver over memory, with gauges on both of the driver's ends.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, ReadHalf, WriteHalf,
};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::super::far_end::{Fixture, cer, ulr};
use super::plan::{IDENTITY, Plan};
use super::{LONG_ENOUGH, PROBE};
use crate::diameter::codec::Header;
use crate::diameter::config::Transport;
use crate::diameter::dict::s6a::APPLICATION as S6A;
use crate::diameter::peer::timer::Random;
use crate::diameter::transport::carrier::{Connection, Ends};

/// Half a connection that keeps the greatest room it was given to read into, or the most octets it was asked to write.
struct Gauged<T> {
    inner: T,
    most: Arc<AtomicUsize>,
}

impl<T: AsyncRead + Unpin> AsyncRead for Gauged<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        self.most.fetch_max(buf.remaining(), Ordering::SeqCst);
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Gauged<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.most.fetch_max(octets.len(), Ordering::SeqCst);
        Pin::new(&mut self.inner).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// What the far end has heard.
#[derive(Default)]
struct Heard {
    answers: Mutex<Vec<Header>>,
    ended: AtomicBool,
}

/// The far end, open.
pub(super) struct Line {
    writer: WriteHalf<DuplexStream>,
    reading: JoinHandle<()>,
    serving: JoinHandle<()>,
    heard: Arc<Heard>,
    read: Arc<AtomicUsize>,
    written: Arc<AtomicUsize>,
    deaf: Duration,
}

impl Line {
    pub(super) async fn open(fixture: &Fixture, plan: &Plan) -> Self {
        let (near, far) = tokio::io::duplex(plan.pipe);
        let (reader, writer) = tokio::io::split(near);
        let (read, written) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let remote = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let connection = Connection {
            reader: Gauged {
                inner: reader,
                most: Arc::clone(&read),
            },
            writer: Gauged {
                inner: writer,
                most: Arc::clone(&written),
            },
            ends: Ends {
                transport: Transport::Tcp,
                local: remote.ip(),
                remote,
                certificate: None,
            },
        };
        let node = fixture.memory.clone();
        let serving = tokio::spawn(async move {
            let opened = node.serve(remote, std::future::ready(Ok(connection))).await;
            assert!(opened.is_ok(), "the capabilities exchange is sound: {opened:?}");
        });
        let (reader, writer) = tokio::io::split(far);
        let heard = Arc::<Heard>::default();
        let reading = tokio::spawn(hear(reader, Arc::clone(&heard), plan.deaf));
        let mut line = Self {
            writer,
            reading,
            serving,
            heard,
            read,
            written,
            deaf: plan.deaf,
        };
        line.writer.write_all(&cer(IDENTITY, S6A)).await.unwrap();
        while line.answered().is_empty() {
            sleep(Duration::from_millis(1)).await;
        }
        line
    }

    /// Hands the plan's octets over, piece by piece, until they are all taken or the driver has gone.
    pub(super) async fn send(&mut self, random: &mut Random, plan: &Plan) {
        let handing_over = async {
            let mut rest = &plan.octets[..];
            while !rest.is_empty() {
                let most = rest.len() as u64;
                let length = match plan.piece {
                    0 => 1 + random.below(most) as usize,
                    piece => piece.min(rest.len()),
                };
                let (piece, behind) = rest.split_at(length);
                rest = behind;
                if self.writer.write_all(piece).await.is_err() {
                    return;
                }
                match random.below(8) {
                    0 => sleep(Duration::from_millis(random.below(20))).await,
                    1..=3 => tokio::task::yield_now().await,
                    _ => {}
                }
            }
        };
        timeout(LONG_ENOUGH, handing_over)
            .await
            .expect("the driver takes what is sent, or goes");
        sleep(self.deaf).await;
    }

    /// Whether a sound request is answered; if none is, the connection has to end.
    pub(super) async fn serves_on_or_ends(&mut self) -> bool {
        for probe in PROBE..PROBE + 20 {
            let mut request = ulr();
            request[12..16].copy_from_slice(&probe.to_be_bytes());
            if self.writer.write_all(&request).await.is_err() {
                break;
            }
            sleep(Duration::from_secs(1)).await;
            if self.answered().iter().any(|answer| answer.hop_by_hop >= PROBE) {
                return true;
            }
        }
        self.ends_within(LONG_ENOUGH).await;
        false
    }

    /// Waits for the driver to end the connection.
    pub(super) async fn ends_within(&self, time: Duration) {
        let ended = async {
            while !self.heard.ended.load(Ordering::SeqCst) {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(time, ended)
            .await
            .expect("the connection is neither served nor ended");
    }

    /// The headers of all answers so far, in their order.
    pub(super) fn answered(&self) -> Vec<Header> {
        self.heard.answers.lock().unwrap().clone()
    }

    /// Hangs up. The driver has to end, and not by a panic. Returns the greatest room it offered to read into, and the
    /// most octets it wanted to write at once.
    pub(super) async fn close(self) -> (usize, usize) {
        drop(self.writer);
        self.reading.abort();
        let _ = self.reading.await;
        timeout(LONG_ENOUGH, self.serving)
            .await
            .expect("the driver ends with its connection")
            .expect("the driver does not panic");
        (
            self.read.load(Ordering::SeqCst),
            self.written.load(Ordering::SeqCst),
        )
    }
}

/// Takes messages apart until the end. Behind the first, the CEA, it hears nothing for a while.
async fn hear(mut reader: ReadHalf<DuplexStream>, heard: Arc<Heard>, deaf: Duration) {
    let mut buffer = BytesMut::new();
    let mut first = true;
    loop {
        while let Some(header) = Header::read(&buffer)
            && buffer.len() >= header.length as usize
        {
            assert!(
                header.version == 1 && header.length >= 20,
                "what is sent is sound: {header:?}"
            );
            let _ = buffer.split_to(header.length as usize);
            if !header.flags.is_request() {
                heard.answers.lock().unwrap().push(header);
            }
            if std::mem::take(&mut first) {
                sleep(deaf).await;
            }
        }
        match reader.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    heard.ended.store(true, Ordering::SeqCst);
}
