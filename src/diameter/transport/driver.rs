//! The life of one open connection: a single task that reads, serves, writes and keeps time.
//!
//! Read in bursts, frame by frame out of one buffer; everything a burst gives rise to, and every completion that is
//! ready, goes into one write buffer and leaves in one write. Nothing is allocated per message here and no lock is
//! taken: the peer machine is asked only when the connection changes its state. In the open states its rows Rcv-Message,
//! Send-Message, Rcv-DWR and Rcv-DWA change nothing, so they are played here without asking it.
//!
//! Back-pressure: while more than `max_pending` requests wait for their answer, or the peer does not take what we write,
//! the socket is not read. The peer's silence is then our doing, and neither the watchdog nor the message timer runs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::sleep_until;
use tracing::debug;

use super::carrier::Connection;
use super::handshake::{Opened, farewell};
use super::life_log;
use super::phase::{CloseReason, Phase};
use super::{now, wall_clock};
use crate::diameter::codec::{Message, frame_length};
use crate::diameter::config::PeerMode;
use crate::diameter::metrics::{Direction, EndCounter, PeerMetrics};
use crate::diameter::node::Shared;
use crate::diameter::peer::admission::Addressing;
use crate::diameter::peer::fsm::{Action, Event};
use crate::diameter::peer::messages::{self, DisconnectCause};
use crate::diameter::peer::timer::{Timer, Timers};
use crate::diameter::peer::watchdog::{self, Watchdog};
use crate::diameter::service::{Completions, ConnectedPeer, Service, ServiceFactory};
use crate::diameter::status;
use crate::diameter::table::{Link, Signals};

/// The room a read is given: a burst of some hundred messages in one system call.
const READ_ROOM: usize = 64 * 1024;

/// Unwritten octets beyond which the peer is not read.
pub(crate) const WRITE_HIGH_WATER: usize = 256 * 1024;

/// Completions taken at a time.
const BATCH: usize = 1024;

/// A DWR that waits for its answer.
pub(super) struct Probe {
    pub(super) hop_by_hop: u32,
    pub(super) sent: Instant,
}

/// One open connection.
pub(super) struct Driver<'n, F: ServiceFactory> {
    pub(super) node: &'n Shared<F>,
    /// Before the link, so that it is dropped first: see [`Driver::end`].
    pub(super) service: F::Service,
    pub(super) link: Link,
    pub(super) peer: ConnectedPeer,
    pub(super) addressing: Addressing,
    pub(super) watchdog: Watchdog,
    pub(super) probe: Option<Probe>,
    pub(super) timers: Timers,
    pub(super) metrics: PeerMetrics,
    pub(super) end_counter: EndCounter,
    pub(super) opened: Instant,
    pub(super) phase: Phase,
    pub(super) paused: bool,
    pub(super) inbuf: BytesMut,
    pub(super) out: BytesMut,
}

/// Drives an open connection until it ends.
pub(crate) async fn run<F: ServiceFactory>(
    node: &Shared<F>,
    opened: Opened,
    connection: Connection<impl AsyncRead + Unpin, impl AsyncWrite + Unpin>,
) -> CloseReason {
    let Connection {
        mut reader,
        mut writer,
        ends,
    } = connection;
    let Opened {
        link,
        remote: capabilities,
        inbuf,
        metrics,
    } = opened;
    let peer = ConnectedPeer {
        origin_host: capabilities.origin_host,
        origin_realm: capabilities.origin_realm,
        remote: ends.remote,
        applications: capabilities.applications,
        relay: capabilities.relay,
        doubt: link.entry.record.doubt().clone(),
        copies: link.entry.mode == PeerMode::Copy,
    };
    let entry = Arc::clone(&link.entry);
    let connection = status::Connection {
        side: link.side,
        transport: ends.transport.name(),
        remote: ends.remote,
        realm: Arc::clone(&peer.origin_realm),
        applications: Arc::clone(&peer.applications),
        since: wall_clock(),
    };
    life_log::up(&peer.origin_host, &connection);
    if let Some(id) = entry.note_origin_state(capabilities.origin_state_id) {
        node.factory.restarted(&peer.origin_host, id);
    }
    metrics.octets(Direction::In, inbuf.len());
    metrics.heard(now());
    let (service, mut completions) = node.factory.open(&peer);
    let watchdog = link.lend_watchdog(|| Watchdog::new(link.entry.watchdog, node.random().next()));
    let addressing = match link.entry.mode {
        PeerMode::Copy => Addressing::Ignored,
        PeerMode::Endpoint => Addressing::Checked,
    };
    let mut driver = Driver {
        node,
        end_counter: EndCounter::new(&entry.record, connection),
        opened: now(),
        link,
        service,
        peer,
        addressing,
        watchdog,
        probe: None,
        timers: Timers::default(),
        metrics,
        phase: Phase::Open,
        paused: false,
        inbuf,
        out: BytesMut::with_capacity(READ_ROOM),
    };
    let reason = driver.drive(&mut reader, &mut writer, &mut completions).await;
    driver.end(reason);
    if reason == CloseReason::Framing {
        farewell(&mut reader, &mut writer).await;
    } else {
        let _ = tokio::time::timeout(Duration::from_millis(100), writer.shutdown()).await;
    }
    reason
}

impl<F: ServiceFactory> Driver<'_, F> {
    async fn drive(
        &mut self,
        reader: &mut (impl AsyncRead + Unpin),
        writer: &mut (impl AsyncWrite + Unpin),
        completions: &mut Completions<F::Service>,
    ) -> CloseReason {
        let signals = Arc::clone(&self.link.signals);
        let stopping = self.node.stopping.clone();
        let mut batch = Vec::with_capacity(BATCH);
        let mut completions_open = true;
        let start = now();
        self.feed_watchdog(start, watchdog::Event::ConnectionUp);
        let mut wake = start + LONG;
        let sleep = sleep_until(wake.into());
        let stop = stopping.cancelled();
        let raised = signals.raised();
        tokio::pin!(sleep, stop, raised);
        let mut stop_seen = false;

        loop {
            let present = now();
            self.serve_buffer(present);
            self.settle(present);
            // Looked at in every round: under load something else is always ready before the sleep.
            if self.timers.next().is_some_and(|due| due <= present) {
                if let Some(reason) = self.expire(present) {
                    return reason;
                }
                self.settle(present);
            }
            if let Phase::Flushing(reason) = self.phase
                && self.out.is_empty()
            {
                return reason;
            }
            // A timer that wakes us early costs less than moving it for every burst: Tw only ever moves away.
            let due = self.timers.next().unwrap_or(present + LONG);
            if due < wake || sleep.is_elapsed() {
                wake = due;
                sleep.as_mut().reset(due.into());
            }
            tokio::select! {
                biased;
                written = writer.write_buf(&mut self.out), if !self.out.is_empty() => match written {
                    Ok(0) | Err(_) => return CloseReason::Disconnected,
                    Ok(count) => {
                        self.metrics.octets(Direction::Out, count);
                        self.timers.set(Timer::Write, None);
                    }
                },
                () = &mut stop, if !stop_seen => {
                    stop_seen = true;
                    if self.phase == Phase::Open {
                        self.phase = Phase::Draining;
                        self.service.leaving(now());
                        self.timers.set(Timer::Grace, Some(now() + self.node.config.grace));
                    }
                }
                () = &mut raised => {
                    raised.set(signals.raised());
                    let flags = signals.take();
                    if flags & Signals::CLOSE != 0 {
                        return CloseReason::Superseded;
                    }
                    if flags & Signals::PROBE != 0 {
                        self.feed_watchdog(now(), watchdog::Event::Probe);
                    }
                }
                count = completions.recv_many(&mut batch, BATCH), if completions_open => {
                    completions_open = count > 0;
                    // Whoever commits a batch tells of its events one by one, and the first wakes us: let the rest
                    // come before the answers leave.
                    tokio::task::yield_now().await;
                    while batch.len() < BATCH && let Ok(completion) = completions.try_recv() {
                        batch.push(completion);
                    }
                    let present = now();
                    let from = self.out.len();
                    for completion in batch.drain(..) {
                        self.service.complete(present, completion, &mut self.out);
                    }
                    self.count_written(from);
                }
                read = reader.read_buf(&mut self.inbuf), if !self.paused => match read {
                    Ok(0) | Err(_) => return match self.phase {
                        Phase::Closing(reason) => reason,
                        _ => CloseReason::Disconnected,
                    },
                    Ok(count) => self.metrics.octets(Direction::In, count),
                },
                () = &mut sleep => {}
            }
        }
    }

    /// Serves the whole messages at the beginning of the buffer, as far as back-pressure lets it.
    fn serve_buffer(&mut self, present: Instant) {
        let mut inbuf = std::mem::take(&mut self.inbuf);
        let from = self.out.len();
        let mut served = 0usize;
        let mut rest: &[u8] = &inbuf;
        self.paused = self.holds_back();
        while !self.paused {
            let frame = match frame_length(rest, self.node.config.max_message_size) {
                Ok(Some(length)) => match rest.split_at_checked(length) {
                    Some((frame, behind)) => {
                        rest = behind;
                        frame
                    }
                    None => break,
                },
                Ok(None) => break,
                Err(error) => {
                    self.lost(present, &error);
                    self.paused = true;
                    break;
                }
            };
            if served == 0 {
                self.service.heard(present);
                self.metrics.heard(present);
            }
            served += 1;
            match Message::decode(frame) {
                Ok(message) => self.message(present, &message),
                Err(error) => self.lost(present, &error),
            }
            self.paused = self.holds_back();
        }
        let left = rest.len();
        inbuf.advance(inbuf.len() - left);
        self.inbuf = inbuf;
        if served > 0 {
            self.feed_watchdog(present, watchdog::Event::NonDwa);
            self.count_written(from);
        }
        if self.paused {
            // The silence is ours.
            self.timers.set(Timer::Message, None);
            self.watchdog.postpone(present);
            return;
        }
        let limit = present + self.node.config.message_timeout;
        match (left, served) {
            (0, _) => self.timers.set(Timer::Message, None),
            (_, 0) => self.timers.start(Timer::Message, limit),
            (_, _) => self.timers.set(Timer::Message, Some(limit)),
        }
        if self.inbuf.capacity() - left < READ_ROOM / 4 {
            self.inbuf.reserve(READ_ROOM);
        }
    }

    /// Whether the socket and what was read from it have to wait.
    fn holds_back(&self) -> bool {
        // While we drain, nothing is read but for the sake of answers that we wait for.
        !(self.phase.reads() || self.phase == Phase::Draining && self.service.asked() > 0)
            || self.out.len() >= WRITE_HIGH_WATER
            || self.service.pending() >= self.node.config.max_pending
    }

    /// Moves on whatever waits for pending answers, and brings the timers up to date.
    fn settle(&mut self, present: Instant) {
        match self.phase {
            Phase::Draining
                if self.service.pending() + self.service.asked() == 0
                    || self.timers.is_due(Timer::Grace, present) =>
            {
                self.timers.set(Timer::Grace, None);
                if self.link.handle(present, Event::Stop).contains(&Action::SndDpr) {
                    let from = self.out.len();
                    let (hop_by_hop, end_to_end) = (self.node.next_hop_by_hop(), self.node.next_end_to_end());
                    let cause = DisconnectCause::Rebooting;
                    messages::write_dpr(&mut self.out, &self.node.local, cause, hop_by_hop, end_to_end);
                    self.count_written(from);
                    self.phase = Phase::Closing(CloseReason::Stopped);
                    self.timers.set(Timer::Peer, self.link.deadline());
                    self.serve_buffer(present);
                } else {
                    self.phase = Phase::Flushing(CloseReason::Superseded);
                }
            }
            Phase::LastAnswers(reason)
                if self.service.pending() == 0 || self.timers.is_due(Timer::Grace, present) =>
            {
                self.timers.set(Timer::Grace, None);
                self.phase = Phase::Flushing(reason);
            }
            _ => {}
        }
        self.metrics.pending(self.service.pending());
        self.timers.set(Timer::Service, self.service.deadline());
        self.timers.set(Timer::Watchdog, self.watchdog.deadline());
        if self.out.is_empty() {
            self.timers.set(Timer::Write, None);
        } else {
            self.timers
                .start(Timer::Write, present + self.node.config.write_timeout);
        }
    }

    /// Plays every timer that is due.
    fn expire(&mut self, present: Instant) -> Option<CloseReason> {
        if self.timers.is_due(Timer::Write, present) {
            return Some(match self.phase {
                Phase::Flushing(reason) => reason,
                _ => CloseReason::SlowReader,
            });
        }
        if self.timers.is_due(Timer::Message, present) {
            return Some(CloseReason::SlowMessage);
        }
        if self.timers.is_due(Timer::Peer, present) {
            self.timers.set(Timer::Peer, None);
            if self.link.handle(present, Event::Timeout).contains(&Action::Error)
                && let Phase::Closing(reason) = self.phase
            {
                return Some(reason);
            }
        }
        if self.timers.is_due(Timer::Watchdog, present) {
            let actions = self.feed_watchdog(present, watchdog::Event::Tw);
            if actions.contains(&watchdog::Action::CloseConnection) {
                return Some(CloseReason::Watchdog);
            }
        }
        if self.timers.is_due(Timer::Service, present) {
            let from = self.out.len();
            self.service.expire(present, &mut self.out);
            self.count_written(from);
        }
        None
    }

    pub(super) fn feed_watchdog(&mut self, present: Instant, event: watchdog::Event) -> watchdog::Actions {
        let before = self.watchdog.state();
        let actions = self.watchdog.handle(present, event);
        for action in &actions {
            match action {
                watchdog::Action::SendDwr => {
                    let hop_by_hop = self.node.next_hop_by_hop();
                    let from = self.out.len();
                    messages::write_dwr(
                        &mut self.out,
                        &self.node.local,
                        hop_by_hop,
                        self.node.next_end_to_end(),
                    );
                    self.count_written(from);
                    self.probe = Some(Probe {
                        hop_by_hop,
                        sent: present,
                    });
                }
                watchdog::Action::Failover => self.service.trusted(present, false),
                watchdog::Action::Failback => self.service.trusted(present, true),
                // The caller closes; connecting is the dialler's.
                watchdog::Action::CloseConnection | watchdog::Action::AttemptOpen => {}
            }
        }
        if before != self.watchdog.state() {
            self.tell_watchdog(before);
            if event == watchdog::Event::ConnectionUp && self.watchdog.state() == watchdog::State::Reopen {
                self.service.trusted(present, false);
            }
            self.link.show(self.watchdog.state());
        }
        actions
    }

    /// Tells of a change of the watchdog that concerns an open connection: that it opened or ended is told elsewhere.
    fn tell_watchdog(&self, before: watchdog::State) {
        use watchdog::State;
        debug!(peer = %self.link.entry.label, state = ?self.watchdog.state(), "watchdog");
        match (before, self.watchdog.state()) {
            (_, State::Suspect) => life_log::suspect(&self.peer.origin_host),
            (State::Suspect | State::Reopen, State::Okay) => life_log::recovered(&self.peer.origin_host),
            _ => {}
        }
    }

    fn count_written(&mut self, from: usize) {
        if let Some(appended) = self.out.get(from..) {
            self.metrics.written(appended);
        }
    }

    /// Tells service, watchdog and peer machine how it ended, in this order: by the time the peer may open another
    /// connection, this one's service is gone.
    fn end(mut self, reason: CloseReason) {
        let present = now();
        if reason.in_order() {
            self.feed_watchdog(present, watchdog::Event::ConnectionClosed);
        } else {
            self.feed_watchdog(present, watchdog::Event::ConnectionDown);
        }
        let Self {
            service,
            link,
            watchdog,
            peer,
            end_counter,
            opened,
            ..
        } = self;
        end_counter.end(reason.label());
        drop(service);
        link.return_watchdog(watchdog);
        let _ = match reason {
            CloseReason::Watchdog => link.handle(present, Event::WatchdogClose),
            _ => link.gone(present),
        };
        life_log::down(
            &peer.origin_host,
            reason,
            present.saturating_duration_since(opened),
        );
    }
}

/// Longer than any timer here; the sleep of a connection that waits for nothing.
const LONG: Duration = Duration::from_secs(3600);
