//! One listener with every gRPC service on it.
//!
//! ```text
//! bind ── serve ── accept ──> connection ──> call
//!             └── shutdown: no new connections, GOAWAY to the open ones, until their calls have ended
//! ```

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::pb::health_server::HealthServer;

use super::{GrpcConfig, Health, reflection};
use crate::proto::v1::admin_service_server::{AdminService, AdminServiceServer};
use crate::proto::v1::ingest_service_server::{IngestService, IngestServiceServer};
use crate::proto::v1::reachability_service_server::{ReachabilityService, ReachabilityServiceServer};

/// How much of a stream may be under way unread: room for a thousand events and more, yet a bound on what a client that
/// is pushed back can leave in our memory.
const STREAM_WINDOW: u32 = 128 * 1024;
/// The same for a whole connection. The HTTP/2 library takes half of it as the bound on what small frames cost that nobody
/// has read, which is 256 octets each, and closes the connection beyond: a stream that is pushed back must not come there,
/// however small its messages are.
const CONNECTION_WINDOW: u32 = 64 * STREAM_WINDOW;
/// Ours are a few hundred octets.
const MAX_HEADER_LIST: u32 = 16 * 1024;
/// The largest lookup message taken.
const MAX_LOOKUP_MESSAGE: usize = 1024 * 1024;
/// TCP keepalive, for networks that forget idle connections.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// What is served.
#[derive(Debug)]
pub struct Services<L, I, A> {
    /// Lookups.
    pub lookup: L,
    /// Events in.
    pub ingest: I,
    /// Provisioning.
    pub admin: A,
    /// Health of all of them.
    pub health: Health,
}

/// A bound listener that is not serving yet.
#[derive(Debug)]
pub struct GrpcServer {
    listener: TcpListener,
    address: SocketAddr,
    config: GrpcConfig,
}

/// Why serving ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The descriptors compiled in do not make a reflection service.
    #[error("server reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The server failed.
    #[error("the gRPC server: {0}")]
    Transport(#[from] tonic::transport::Error),
}

impl GrpcServer {
    /// Binds the listener; nothing is accepted before [`Self::serve`].
    pub async fn bind(config: GrpcConfig) -> io::Result<Self> {
        let listener = TcpListener::bind(config.listen).await?;
        Ok(Self {
            address: listener.local_addr()?,
            listener,
            config,
        })
    }

    /// The address bound.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`, and then until every open call has ended. Streams end when their services are told to;
    /// health watches with [`Health::end_watches`]. How long to wait for that is for the caller to bound.
    pub async fn serve<L, I, A>(
        self,
        services: Services<L, I, A>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError>
    where
        L: ReachabilityService,
        I: IngestService,
        A: AdminService,
    {
        let Self {
            listener,
            address: _,
            config,
        } = self;
        let routes = routes(&config, services)?;
        let incoming = TcpIncoming::from(listener)
            .with_nodelay(Some(true))
            .with_keepalive(Some(TCP_KEEPALIVE));
        Server::builder()
            .max_concurrent_streams(config.max_concurrent_streams)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .http2_keepalive_interval(Some(config.keepalive_interval))
            .http2_keepalive_timeout(Some(config.keepalive_timeout))
            .http2_max_header_list_size(MAX_HEADER_LIST)
            .add_routes(routes)
            .serve_with_incoming_shutdown(incoming, shutdown)
            .await?;
        Ok(())
    }
}

fn routes<L, I, A>(config: &GrpcConfig, services: Services<L, I, A>) -> Result<Routes, ServeError>
where
    L: ReachabilityService,
    I: IngestService,
    A: AdminService,
{
    let Services {
        lookup,
        ingest,
        admin,
        health,
    } = services;
    let limit = config.max_message_size;
    // The largest batch of lookups takes less than half of this; a message of nothing but empty devices takes a hundred
    // times its size in memory.
    let lookup_limit = limit.min(MAX_LOOKUP_MESSAGE);
    let mut routes =
        Routes::new(ReachabilityServiceServer::new(lookup).max_decoding_message_size(lookup_limit))
            .add_service(IngestServiceServer::new(ingest).max_decoding_message_size(limit))
            .add_service(AdminServiceServer::new(admin).max_decoding_message_size(limit))
            .add_service(HealthServer::new(health.service()));
    if config.reflection {
        routes = routes
            .add_service(reflection::v1()?)
            .add_service(reflection::v1alpha()?);
    }
    Ok(routes)
}
