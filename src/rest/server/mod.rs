//! The listener and its connections: HTTP/1.1, over TCP or TLS.
//!
//! ```text
//! accept ── room? ── TLS, if configured ── guard (deadlines) ── hyper ── router
//!    └── closing: no new connections; open ones end after the request under way
//! ```
//!
//! What is not HTTP at all gets hyper's bare answer (400, 414, 431), since no contract can be told from it.

pub(super) mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::config::{LimitsConfig, RestConfig};
use super::guard::{Deadlines, Guarded, Phase};
use super::handler::Rest;
use super::metrics::{Came, RestMetrics};
use crate::files::Reload;
use tls::Source;

/// The most octets of a request's head, which is also the most that is read ahead.
const MOST_HEAD: usize = 16 * 1024;
/// The most headers of a request.
const MOST_HEADERS: usize = 64;
/// How long to wait when the system gives no more sockets.
const EXHAUSTED: Duration = Duration::from_millis(50);

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remote(pub(super) SocketAddr);

/// A bound listener that is not serving yet.
#[expect(missing_debug_implementations, reason = "made once and served")]
pub struct RestServer {
    listener: TcpListener,
    address: SocketAddr,
    certificate: Option<Arc<Source>>,
    reload: Reload,
    limits: LimitsConfig,
}

/// What the connections of one listener share.
#[derive(Clone)]
struct Shared {
    router: Router,
    deadlines: Deadlines,
    metrics: Arc<RestMetrics>,
    closing: CancellationToken,
}

impl RestServer {
    /// Binds the listener; nothing is accepted before [`Self::serve`].
    ///
    /// # Errors
    /// An address that cannot be bound, or a certificate that cannot be used.
    pub async fn bind(config: &RestConfig) -> io::Result<Self> {
        let certificate = config
            .tls
            .is_on()
            .then(|| Source::open(&config.tls).map(Arc::new))
            .transpose()
            .map_err(|(key, sentence)| io::Error::other(format!("rest.tls.{key}: {sentence}")))?;
        let listener = TcpListener::bind(config.listen).await?;
        Ok(Self {
            address: listener.local_addr()?,
            listener,
            certificate,
            reload: Reload::default(),
            limits: config.limits.clone(),
        })
    }

    /// How to have the certificate read again.
    pub fn reload(&self) -> Reload {
        self.reload.clone()
    }

    /// The address bound.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `closing`, and then until every request under way is answered. How long to wait for that is for the
    /// caller to bound.
    pub async fn serve(self, rest: Arc<Rest>, closing: CancellationToken) {
        let Self {
            listener,
            address: _,
            certificate,
            reload,
            limits,
        } = self;
        let room = Arc::new(Semaphore::new(limits.connections));
        let shared = Shared {
            metrics: rest.metrics(),
            router: Arc::clone(&rest).router(),
            deadlines: Deadlines::from(&limits),
            closing: closing.clone(),
        };
        let tasks = TaskTracker::new();
        if let Some(certificate) = certificate.clone() {
            let closing = closing.clone();
            tasks.spawn(async move {
                let fresh = certificate.keep_fresh(reload);
                closing.run_until_cancelled(fresh).await;
            });
        }
        tasks.spawn(async move { rest.keep_keys(closing).await });
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = shared.closing.cancelled() => break,
            };
            let (stream, remote) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::debug!(%error, "a connection was not accepted");
                    tokio::time::sleep(EXHAUSTED).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
                // Told by its end: before its request is read, nobody knows which contract it would be answered by.
                shared.metrics.came(Came::TooMany);
                continue;
            };
            let shared = shared.clone();
            let acceptor = certificate.as_ref().map(|certificate| certificate.current());
            let handshake = limits.head_timeout;
            tasks.spawn(async move {
                let _place = place;
                secure(shared, stream, remote, acceptor, handshake).await;
            });
        }
        drop(listener);
        tasks.close();
        tasks.wait().await;
    }
}

/// The TLS handshake, where there is one.
async fn secure(
    shared: Shared,
    stream: TcpStream,
    remote: SocketAddr,
    acceptor: Option<TlsAcceptor>,
    within: Duration,
) {
    // Answers are one small write; waiting for more would only delay them.
    let _ = stream.set_nodelay(true);
    let Some(acceptor) = acceptor else {
        return connection(shared, stream, remote).await;
    };
    match tokio::time::timeout(within, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => connection(shared, stream, remote).await,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a TLS handshake failed");
            shared.metrics.came(Came::Handshake);
        }
        Err(_) => shared.metrics.came(Came::Handshake),
    }
}

async fn connection<S>(shared: Shared, stream: S, remote: SocketAddr)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let Shared {
        router,
        deadlines,
        metrics,
        closing,
    } = shared;
    metrics.came(Came::Served);
    let _open = metrics.open();
    let router = TowerToHyperService::new(router);
    let phase = Phase::default();
    let guarded = Guarded::new(stream, phase.clone(), deadlines, metrics);
    let service = service_fn(move |request: Request<Incoming>| {
        let busy = phase.busy();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Remote(remote));
        let answered = router.call(request);
        async move {
            let answered = answered.await;
            drop(busy);
            answered
        }
    });
    let mut builder = http1::Builder::new();
    builder
        .max_buf_size(MOST_HEAD)
        .max_headers(MOST_HEADERS)
        // The guard's deadlines tell a client that is idle from one that is slow.
        .header_read_timeout(None);
    let connection = builder.serve_connection(TokioIo::new(guarded), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}
