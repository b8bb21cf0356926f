//! A small GET over HTTP/1.1: one connection, no redirect, a bounded body.

use std::io;
use std::sync::Arc;

use axum::http::{Request, Uri, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// No set of keys is larger, in octets.
const MOST: usize = 256 * 1024;

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
    #[error("its answer cannot be read whole")]
    Body,
}

/// Fetches what is there. How long that may take is for the caller to bound.
pub(super) async fn get(url: &Uri, tls: &Arc<ClientConfig>) -> Result<Bytes, FetchError> {
    let host = url.host().ok_or(FetchError::NoHost)?;
    let secured = url.scheme_str() == Some("https");
    let port = url.port_u16().unwrap_or(if secured { 443 } else { 80 });
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((bare, port))
        .await
        .map_err(FetchError::Connect)?;
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
