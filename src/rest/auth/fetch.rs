//! A small GET over HTTP/1.1: one connection, no redirect, a bounded body.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{Request, Uri, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::rest::cause::Cause;

/// No set of keys is larger, in octets.
const MOST: usize = 256 * 1024;
/// How long an address has before the next one of the same name is tried beside it (RFC 8305 §5).
const STAGGER: Duration = Duration::from_millis(250);
/// Addresses of one name that are tried, at most.
const MOST_ADDRESSES: usize = 8;

/// Why nothing was fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("the URL has no host")]
    NoHost,
    #[error("cannot connect: {0}")]
    Connect(#[source] io::Error),
    #[error("the exchange failed: {0}")]
    Exchange(#[from] hyper::Error),
    #[error("it answers {0}")]
    Status(axum::http::StatusCode),
    #[error("its answer breaks off or is larger than {MOST} octets")]
    Body,
}

impl FetchError {
    /// Whether nobody was there that may be asked, or somebody was and talked nonsense.
    pub(super) fn cause(&self) -> Cause {
        match self {
            Self::NoHost | Self::Connect(_) => Cause::KeysUnreachable,
            Self::Exchange(error) if error.is_parse() => Cause::KeysInvalid,
            Self::Exchange(_) => Cause::KeysUnreachable,
            Self::Status(_) | Self::Body => Cause::KeysInvalid,
        }
    }
}

/// Fetches what is there. How long that may take is for the caller to bound.
pub(super) async fn get(url: &Uri, tls: &Arc<ClientConfig>) -> Result<Bytes, FetchError> {
    let host = url.host().ok_or(FetchError::NoHost)?;
    let secured = url.scheme_str() == Some("https");
    let port = url.port_u16().unwrap_or(if secured { 443 } else { 80 });
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let addresses = lookup_host((bare, port)).await.map_err(FetchError::Connect)?;
    let stream = connect(addresses).await.map_err(FetchError::Connect)?;
    if !secured {
        return exchange(stream, url).await;
    }
    let name = ServerName::try_from(bare.to_owned()).map_err(|_| FetchError::NoHost)?;
    let stream = TlsConnector::from(Arc::clone(tls))
        .connect(name, stream)
        .await
        .map_err(FetchError::Connect)?;
    exchange(stream, url).await
}

/// Connects to the first address that answers. One that says nothing does not use up the time of the others.
async fn connect(addresses: impl Iterator<Item = SocketAddr>) -> io::Result<TcpStream> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "its name has no address");
    let mut attempts = JoinSet::new();
    for address in addresses.take(MOST_ADDRESSES) {
        attempts.spawn(TcpStream::connect(address));
        while let Ok(Some(ended)) = timeout(STAGGER, attempts.join_next()).await {
            match ended.map_err(io::Error::other).flatten() {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = error,
            }
        }
    }
    while let Some(ended) = attempts.join_next().await {
        match ended.map_err(io::Error::other).flatten() {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

async fn exchange<S>(stream: S, url: &Uri) -> Result<Bytes, FetchError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let target = url.path_and_query().map_or("/", |target| target.as_str());
    let host = url.authority().map_or("", |authority| authority.as_str());
    let request = Request::get(target)
        .header(header::HOST, host)
        .header(header::ACCEPT, "application/json, application/jwk-set+json")
        .body(Empty::<Bytes>::new())
        .map_err(|_| FetchError::NoHost)?;
    let response = sender.send_request(request).await?;
    if !response.status().is_success() {
        return Err(FetchError::Status(response.status()));
    }
    let body = Limited::new(response.into_body(), MOST)
        .collect()
        .await
        .map_err(|_| FetchError::Body)?;
    Ok(body.to_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use socket2::{Domain, Socket, Type};
    use tokio::net::TcpListener;

    use super::*;

    /// An address whose connections are never accepted, and what has to be kept so that it stays so.
    async fn silent() -> (SocketAddr, Socket, Vec<TcpStream>) {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        socket.bind(&any.into()).unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let mut waiting = Vec::new();
        while let Ok(Ok(stream)) = timeout(STAGGER, TcpStream::connect(address)).await {
            waiting.push(stream);
        }
        (address, socket, waiting)
    }

    #[tokio::test]
    async fn addresses_that_refuse_or_say_nothing_do_not_keep_from_one_that_answers() {
        let (silent, _socket, _waiting) = silent().await;
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refusing = closed.local_addr().unwrap();
        drop(closed);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let alive = listener.local_addr().unwrap();
        for addresses in [
            vec![alive],
            vec![refusing, alive],
            vec![silent, alive],
            vec![silent, refusing, alive],
        ] {
            let stream = connect(addresses.into_iter()).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), alive);
        }
        let error = connect([refusing].into_iter()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let error = connect([].into_iter()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
