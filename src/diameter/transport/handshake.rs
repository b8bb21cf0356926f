//! Capabilities-Exchange on a fresh connection, from either side (RFC 6733 §5.3, §5.6).
//!
//! An accepted connection has a small budget of time and octets for one CER and nothing else. Only when that CER is
//! acceptable does the connection meet the peer table.

use std::sync::Arc;
use std::time::Instant;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{sleep_until, timeout, timeout_at};
use tracing::debug;

use super::carrier::{Connection, Ends};
use super::{now, tls};
use crate::diameter::codec::{Defect, Header, Message, ResultCode, answer_framing_error, frame_length};
use crate::diameter::dict::base;
use crate::diameter::metrics::{PeerMetrics, RefusalCause};
use crate::diameter::node::Shared;
use crate::diameter::peer::capabilities::{self, CeaError, Remote};
use crate::diameter::peer::fsm::{Action, Actions, Event};
use crate::diameter::service::ServiceFactory;
use crate::diameter::table::{Link, Signals};

/// A CER or CEA is a few hundred octets; nobody needs more before we know who it is.
const MAX_CAPABILITIES: usize = 16 * 1024;

/// The room a read is given.
const ROOM: usize = 4 * 1024;

/// A connection that may open.
pub(crate) struct Opened {
    pub(crate) link: Link,
    pub(crate) remote: Remote,
    /// What arrived behind the CEA or CER.
    pub(crate) inbuf: BytesMut,
    pub(crate) metrics: PeerMetrics,
}

/// What ended the wait for one whole message.
enum Wait {
    Frame(usize),
    Framing(ResultCode, Option<Header>),
    Disconnected(RefusalCause),
}

/// Waits for one whole message at the beginning of `inbuf`.
async fn frame(reader: &mut (impl AsyncRead + Unpin), inbuf: &mut BytesMut) -> Wait {
    loop {
        match frame_length(inbuf, MAX_CAPABILITIES) {
            Ok(Some(length)) if inbuf.len() >= length => return Wait::Frame(length),
            Ok(_) => {}
            Err(error) => return Wait::Framing(error.result_code(), error.header().copied()),
        }
        inbuf.reserve(ROOM);
        match reader.read_buf(inbuf).await {
            Ok(0) => return Wait::Disconnected(RefusalCause::Disconnected),
            // With TLS 1.3 whoever dialled learns only here that its certificate was refused.
            Err(error) => return Wait::Disconnected(tls::lost(&error)),
            Ok(_) => {}
        }
    }
}

/// The accepting side, from a fresh socket to an open connection. What the transport has to say first and the wait for
/// the CER share one budget of time.
pub(crate) async fn welcome<F: ServiceFactory, R, W>(
    node: &Shared<F>,
    arriving: impl Future<Output = Result<Connection<R, W>, RefusalCause>>,
) -> Result<(Opened, Connection<R, W>), RefusalCause>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let deadline = tokio::time::Instant::now() + node.config.cer_timeout;
    let mut connection = tokio::select! {
        biased;
        () = node.stopping.cancelled() => return Err(RefusalCause::Stopping),
        arrived = timeout_at(deadline, arriving) => arrived.map_err(|_| RefusalCause::Timeout)??,
    };
    let opened = respond(node, &mut connection, deadline).await?;
    Ok((opened, connection))
}

/// Waits for a CER, judges it, and answers it.
async fn respond<F: ServiceFactory>(
    node: &Shared<F>,
    connection: &mut Connection<impl AsyncRead + Unpin, impl AsyncWrite + Unpin>,
    deadline: tokio::time::Instant,
) -> Result<Opened, RefusalCause> {
    let Connection { reader, writer, ends } = connection;
    let mut inbuf = BytesMut::with_capacity(ROOM);
    let waited = tokio::select! {
        biased;
        () = node.stopping.cancelled() => return Err(RefusalCause::Stopping),
        waited = timeout_at(deadline, frame(reader, &mut inbuf)) => waited,
    };
    let length = match waited.map_err(|_| RefusalCause::Timeout)? {
        Wait::Frame(length) => length,
        Wait::Disconnected(cause) => return Err(cause),
        Wait::Framing(result_code, header) => {
            if let Some(header) = header {
                let mut out = BytesMut::new();
                answer_framing_error(&mut out, &header, &node.local.identity, result_code);
                send(node, writer, &mut out).await?;
                farewell(reader, writer).await;
            }
            return Err(RefusalCause::Protocol);
        }
    };
    let frame = inbuf.split_to(length).freeze();
    let cer = Message::decode(&frame).map_err(|_| RefusalCause::Protocol)?;
    let header = *cer.header();
    let mut out = BytesMut::new();
    if !header.flags.is_request()
        || header.command != base::COMMAND_CAPABILITIES_EXCHANGE
        || header.application != base::APPLICATION
    {
        return Err(RefusalCause::Protocol);
    }

    let verdict = judge(node, &cer, ends);
    let remote = match verdict {
        Ok(remote) => remote,
        Err((cause, defect)) => {
            debug!(%defect, "refused a capabilities exchange");
            let mut metrics = PeerMetrics::new(Arc::clone(&node.table.strangers));
            metrics.received(&header, &frame);
            capabilities::write_cea(&mut out, &node.local, &[ends.local], &header, Err(&defect));
            metrics.sent(&out);
            send(node, writer, &mut out).await?;
            farewell(reader, writer).await;
            return Err(cause);
        }
    };

    let (link, mut actions) = node.table.arrive(now(), &remote.origin_host);
    let link = link.ok_or(RefusalCause::Duplicate)?;
    let mut metrics = PeerMetrics::new(Arc::clone(&link.entry.record));
    metrics.received(&header, &frame);
    while !actions.contains(&Action::RSndCea) {
        // Our own connection to this peer is in the making; who answers on which is for the election to say. The peer
        // machine's timeout is watched by that connection, and by this one in case it is late.
        let deadline = link.deadline();
        tokio::select! {
            biased;
            () = link.signals.raised() => {
                let flags = link.signals.take();
                if flags & Signals::CLOSE != 0 {
                    return Err(RefusalCause::Duplicate);
                }
                if flags & Signals::SEND_CEA != 0 {
                    break;
                }
            }
            gone = more(reader, &mut inbuf) => if gone {
                return Err(RefusalCause::Disconnected);
            },
            () = until(deadline) => {
                actions = link.handle(now(), Event::Timeout);
                if actions.contains(&Action::RDisc) {
                    return Err(RefusalCause::Timeout);
                }
            }
        }
    }
    let local = node.local.offering(&link.entry.applications);
    capabilities::write_cea(&mut out, &local, &[ends.local], &header, Ok(()));
    metrics.sent(&out);
    send(node, writer, &mut out).await?;
    Ok(Opened {
        link,
        remote,
        inbuf,
        metrics,
    })
}

/// Who may connect, and with what. The defect goes into the CEA.
fn judge<F>(node: &Shared<F>, cer: &Message<'_>, ends: &Ends) -> Result<Remote, (RefusalCause, Defect)> {
    let unwelcome = |cause| (cause, Defect::new(ResultCode::UNKNOWN_PEER));
    let refused = |defect: Defect| {
        let cause = match defect.result_code {
            ResultCode::NO_COMMON_APPLICATION => RefusalCause::NoCommonApplication,
            _ => RefusalCause::Protocol,
        };
        (cause, defect)
    };
    let (ours, realm) = match capabilities::origin_host(cer) {
        Some(origin_host) => node.table.expected(origin_host, ends).map_err(unwelcome)?,
        // Without a readable Origin-Host the grammar is at fault, and the answer says so.
        None => (node.local.applications.clone(), None),
    };
    let remote = capabilities::read_cer(cer, &ours).map_err(refused)?;
    match realm {
        Some(realm) if !realm.eq_ignore_ascii_case(&remote.origin_realm) => {
            Err(unwelcome(RefusalCause::UnknownPeer))
        }
        _ => Ok(remote),
    }
}

/// Reads on while a CEA is held back: the peer has to be silent until then, so more than a little is a violation.
/// Returns whether the connection has to go.
async fn more(reader: &mut (impl AsyncRead + Unpin), inbuf: &mut BytesMut) -> bool {
    if inbuf.len() > MAX_CAPABILITIES {
        return true;
    }
    inbuf.reserve(ROOM);
    !matches!(reader.read_buf(inbuf).await, Ok(1..))
}

/// The initiating side: sends a CER and waits for its CEA.
pub(crate) async fn initiate<F: ServiceFactory>(
    node: &Shared<F>,
    link: Link,
    connection: &mut Connection<impl AsyncRead + Unpin, impl AsyncWrite + Unpin>,
) -> Result<Opened, RefusalCause> {
    let Connection { reader, writer, ends } = connection;
    let mut inbuf = BytesMut::with_capacity(ROOM);
    let mut out = BytesMut::new();
    let mut metrics = PeerMetrics::new(Arc::clone(&link.entry.record));

    let actions = link.handle(now(), Event::IRcvConnAck);
    if !actions.contains(&Action::ISndCer) || actions.contains(&Action::IDisc) {
        return Err(RefusalCause::Duplicate);
    }
    let hop_by_hop = node.next_hop_by_hop();
    capabilities::write_cer(
        &mut out,
        &node.local.offering(&link.entry.applications),
        &[ends.local],
        hop_by_hop,
        node.next_end_to_end(),
    );
    metrics.sent(&out);
    send(node, writer, &mut out).await?;

    let length = loop {
        let deadline = link.deadline();
        tokio::select! {
            biased;
            () = node.stopping.cancelled() => {
                let _ = link.handle(now(), Event::Stop);
                return Err(RefusalCause::Stopping);
            }
            () = link.signals.raised() => if link.signals.take() & Signals::CLOSE != 0 {
                return Err(RefusalCause::Duplicate);
            },
            waited = frame(reader, &mut inbuf) => match waited {
                Wait::Frame(length) => break length,
                Wait::Disconnected(cause) => {
                    return Err(given_up(&link.gone(now()), cause));
                }
                Wait::Framing(..) => {
                    let _ = link.handle(now(), Event::IRcvNonCea);
                    return Err(RefusalCause::Protocol);
                }
            },
            () = until(deadline) => {
                if link.handle(now(), Event::Timeout).contains(&Action::IDisc) {
                    return Err(RefusalCause::Timeout);
                }
            }
        }
    };
    let frame = inbuf.split_to(length);
    let cea = Message::decode(&frame).ok().filter(|message| {
        let header = message.header();
        !header.flags.is_request()
            && header.command == base::COMMAND_CAPABILITIES_EXCHANGE
            && header.application == base::APPLICATION
            && header.hop_by_hop == hop_by_hop
    });
    let Some(cea) = cea else {
        let _ = link.handle(now(), Event::IRcvNonCea);
        return Err(RefusalCause::Protocol);
    };
    metrics.received(cea.header(), &frame);
    let (event, outcome) = match capabilities::read_cea(&cea, &link.entry.applications) {
        Ok(remote) if link.entry.expects(&remote) => (Event::IRcvCea, Ok(remote)),
        // A peer that answers in another's name is never adopted in silence.
        Ok(_) => (Event::IRcvCeaFailed, Err(RefusalCause::UnknownPeer)),
        Err(error) => {
            debug!(peer = %link.entry.label, %error, "capabilities exchange failed");
            let cause = match error {
                // Its own CER is about to come.
                CeaError::Refused(ResultCode::ELECTION_LOST) => RefusalCause::Duplicate,
                CeaError::Refused(_) => RefusalCause::Refused,
                CeaError::Unusable(_) => RefusalCause::Protocol,
            };
            (Event::IRcvCeaFailed, Err(cause))
        }
    };
    let actions = link.handle(now(), event);
    let remote = outcome.map_err(|cause| given_up(&actions, cause))?;
    if !actions.contains(&Action::ProcessCea) {
        return Err(RefusalCause::Duplicate);
    }
    drop(cea);
    Ok(Opened {
        link,
        remote,
        inbuf,
        metrics,
    })
}

/// Why our own connection came to nothing. Whatever the peer did to it, it is no failure where the election has it that
/// the peer's connection opens instead.
fn given_up(actions: &Actions, cause: RefusalCause) -> RefusalCause {
    if actions.contains(&Action::RSndCea) {
        RefusalCause::Duplicate
    } else {
        cause
    }
}

/// Writes everything, within the time a peer is given to take it.
async fn send<F>(
    node: &Shared<F>,
    writer: &mut (impl AsyncWrite + Unpin),
    out: &mut BytesMut,
) -> Result<(), RefusalCause> {
    match timeout(node.config.write_timeout, writer.write_all_buf(out)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(RefusalCause::Disconnected),
        Err(_) => Err(RefusalCause::Timeout),
    }
}

/// Sleeps until a deadline; for ever without one.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// Ends a connection so that the last thing written still arrives: octets left unread would make the kernel reset the
/// connection and throw our answer away, so what the peer still sends is read and dropped, for a moment.
pub(crate) async fn farewell(reader: &mut (impl AsyncRead + Unpin), writer: &mut (impl AsyncWrite + Unpin)) {
    const MOMENT: std::time::Duration = std::time::Duration::from_secs(1);
    const MOST: usize = 256 * 1024;
    let drain = async {
        let mut dropped = 0;
        let mut scrap = BytesMut::with_capacity(ROOM);
        if writer.shutdown().await.is_err() {
            return;
        }
        while let Ok(count @ 1..) = reader.read_buf(&mut scrap).await {
            dropped += count;
            if dropped > MOST {
                return;
            }
            scrap.advance(count);
            scrap.reserve(ROOM);
        }
    };
    let _ = timeout(MOMENT, drain).await;
}
