//! The peer table (RFC 6733 §2.6): one entry per peer identity, with its state machine and watchdog.
//!
//! A peer has at most two connections, each driven by its own task; the entry is where the two meet. Its lock is taken
//! when a connection comes, opens or goes, never for a message. What one connection's event asks of the other reaches
//! it as a [`Signals`] flag, which cannot queue up.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::config::{DiameterConfig, Initiate, PeerMode, Transport};
use super::metrics::{self, PeerState, PeerStateGauge, RefusalCause};
use super::peer::fsm::{Action, Actions, Event, Fsm, Side, State, Timeouts};
use super::peer::watchdog::{self, Watchdog};
use super::record::Record;
use super::transport::carrier::Ends;
use super::transport::life_log;

/// The metrics label of every peer that is not configured.
pub(crate) const UNKNOWN: &str = "unknown";

/// What a connection is asked to do by its peer's other connection. Raising a flag twice is as good as once.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    flags: AtomicU8,
    notify: Notify,
}

impl Signals {
    /// Close without a word.
    pub(crate) const CLOSE: u8 = 1;
    /// Answer the CER that is being held back: the election has gone your way.
    pub(crate) const SEND_CEA: u8 = 2;
    /// Ask the peer for a sign of life at once.
    pub(crate) const PROBE: u8 = 4;

    fn raise(&self, flag: u8) {
        self.flags.fetch_or(flag, Ordering::AcqRel);
        self.notify.notify_one();
    }

    /// The flags raised since the last call.
    pub(crate) fn take(&self) -> u8 {
        self.flags.swap(0, Ordering::AcqRel)
    }

    /// Completes once a flag has been raised that nobody has been woken for. Safe to drop and call again.
    pub(crate) async fn raised(&self) {
        self.notify.notified().await;
    }
}

/// One peer.
pub(crate) struct PeerEntry {
    /// Origin-Host in lower case; empty for a peer that is dialled whatever its name.
    pub(crate) identity: Arc<str>,
    /// Its name in metrics.
    pub(crate) label: Arc<str>,
    /// The Origin-Realm it has to name.
    pub(crate) realm: Option<String>,
    /// The realms whose nodes it may speak for; empty means any.
    pub(crate) origin_realms: Box<[Box<str>]>,
    /// How its messages are to be read.
    pub(crate) mode: PeerMode,
    /// What has to carry them; a peer that is not configured may come by any transport.
    pub(crate) transport: Option<Transport>,
    initiator: Initiate,
    /// Twinit of RFC 3539.
    pub(crate) watchdog: Duration,
    /// Tc of RFC 6733.
    pub(crate) reconnect: Duration,
    /// The applications it may use.
    pub(crate) applications: Arc<[u32]>,
    /// What is remembered of it for those who look on.
    pub(crate) record: Arc<Record>,
    configured: bool,
    inner: Mutex<Inner>,
}

struct Inner {
    fsm: Fsm,
    /// Lent to the open connection.
    watchdog: Option<Watchdog>,
    initiator: Option<Arc<Signals>>,
    responder: Option<Arc<Signals>>,
    gauge: PeerStateGauge,
}

impl Inner {
    fn link(&mut self, side: Side) -> &mut Option<Arc<Signals>> {
        match side {
            Side::Initiator => &mut self.initiator,
            Side::Responder => &mut self.responder,
        }
    }

    /// Plays an event and tells the side that did not cause it what it has to do.
    fn play(&mut self, now: Instant, event: Event, cause: Side) -> Actions {
        let actions = self.fsm.handle(now, event);
        for action in &actions {
            let (side, flag) = match action {
                Action::IDisc => (Side::Initiator, Signals::CLOSE),
                Action::RDisc => (Side::Responder, Signals::CLOSE),
                Action::RSndCea => (Side::Responder, Signals::SEND_CEA),
                Action::Probe => match self.fsm.state().open() {
                    Some(side) => (side, Signals::PROBE),
                    None => continue,
                },
                _ => continue,
            };
            let link = self.link(side);
            // The newcomer of R-Conn-CER asks for the probe of the one that stands, even on the same side.
            if (side != cause || flag == Signals::PROBE)
                && let Some(signals) = link
            {
                signals.raise(flag);
            }
            if flag == Signals::CLOSE {
                *link = None;
            }
        }
        self.gauge.set(match self.fsm.state() {
            State::Closed => PeerState::Closed,
            State::IOpen | State::ROpen => PeerState::Open,
            State::Closing { .. } => PeerState::Closing,
            _ => PeerState::Connecting,
        });
        actions
    }
}

impl PeerEntry {
    /// The peer told its Origin-State-Id, in a message of its own. Returns it if it means that the peer lost its state.
    #[must_use = "others may have relied on what the peer lost"]
    pub(crate) fn note_origin_state(&self, id: Option<u32>) -> Option<u32> {
        let id = id?;
        let restart = self.record.origin_state(id)?;
        life_log::restarted(&self.identity, id, restart);
        Some(id)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Start: the connection that is about to be made, or `None` while there is another one.
    pub(crate) fn start(self: &Arc<Self>, now: Instant) -> Option<Link> {
        let mut inner = self.lock();
        let actions = inner.play(now, Event::Start, Side::Initiator);
        if actions.is_empty() {
            return None;
        }
        let signals = Arc::<Signals>::default();
        inner.initiator = Some(Arc::clone(&signals));
        Some(Link {
            entry: Arc::clone(self),
            side: Side::Initiator,
            signals,
            table: None,
        })
    }

    fn arrive(self: &Arc<Self>, now: Instant, table: &Arc<PeerTable>) -> (Option<Link>, Actions) {
        let mut inner = self.lock();
        let actions = inner.play(now, Event::RConnCer, Side::Responder);
        if !actions.contains(&Action::RAccept) {
            return (None, actions);
        }
        let signals = Arc::<Signals>::default();
        inner.responder = Some(Arc::clone(&signals));
        let link = Link {
            entry: Arc::clone(self),
            side: Side::Responder,
            signals,
            table: (!self.configured).then(|| Arc::clone(table)),
        };
        (Some(link), actions)
    }
}

/// One connection's hold on its peer. Dropping it tells the machine that the connection is gone.
pub(crate) struct Link {
    pub(crate) entry: Arc<PeerEntry>,
    pub(crate) side: Side,
    pub(crate) signals: Arc<Signals>,
    /// Where the entry of a peer that is not configured has to be forgotten.
    table: Option<Arc<PeerTable>>,
}

impl Link {
    /// Plays an event of this connection; nothing happens if the peer has let go of the connection already.
    pub(crate) fn handle(&self, now: Instant, event: Event) -> Actions {
        let mut inner = self.entry.lock();
        let ours = inner
            .link(self.side)
            .as_ref()
            .is_some_and(|signals| Arc::ptr_eq(signals, &self.signals));
        if ours {
            inner.play(now, event, self.side)
        } else {
            Actions::new()
        }
    }

    /// Plays the event that the connection is gone.
    pub(crate) fn gone(&self, now: Instant) -> Actions {
        self.handle(
            now,
            match self.side {
                Side::Initiator => Event::IPeerDisc,
                Side::Responder => Event::RPeerDisc,
            },
        )
    }

    /// When the peer machine wants its timeout played.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.entry.lock().fsm.deadline()
    }

    /// The peer's watchdog, for the time that the connection is open.
    pub(crate) fn lend_watchdog(&self, fresh: impl FnOnce() -> Watchdog) -> Watchdog {
        self.entry.lock().watchdog.take().unwrap_or_else(fresh)
    }

    /// Gives it back, so that the next connection knows how this one ended.
    pub(crate) fn return_watchdog(&self, watchdog: Watchdog) {
        self.entry.lock().watchdog = Some(watchdog);
    }

    /// Shows the watchdog's state of an open connection.
    pub(crate) fn show(&self, state: watchdog::State) {
        let mut inner = self.entry.lock();
        if inner.fsm.state().open() == Some(self.side) {
            inner.gauge.set(match state {
                watchdog::State::Suspect => PeerState::Suspect,
                watchdog::State::Reopen => PeerState::Reopen,
                _ => PeerState::Open,
            });
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let now = tokio::time::Instant::now().into_std();
        let _ = self.gone(now);
        // An attempt that was given up before the transport answered is no disconnection in the table's words.
        if self.side == Side::Initiator {
            let _ = self.handle(now, Event::IRcvConnNack);
        }
        if let Some(table) = &self.table {
            table.release(&self.entry.identity);
        }
    }
}

/// All peers of one node.
pub(crate) struct PeerTable {
    identity: Arc<str>,
    timeouts: Timeouts,
    ours: Arc<[u32]>,
    accept_unknown: bool,
    watchdog: Duration,
    reconnect: Duration,
    /// The record of all peers that are not configured.
    pub(crate) strangers: Arc<Record>,
    peers: Mutex<HashMap<Arc<str>, Arc<PeerEntry>>>,
}

impl PeerTable {
    /// The configured peers, all closed.
    pub(crate) fn new(config: &DiameterConfig, ours: Arc<[u32]>) -> Self {
        let timeouts = Timeouts {
            connect: config.connect_timeout,
            capabilities: config.cer_timeout,
            closing: config.disconnect_timeout,
        };
        let identity = Arc::<str>::from(config.identity.to_ascii_lowercase());
        let mut peers = HashMap::with_capacity(config.peers.len());
        for peer in &config.peers {
            let name = Arc::<str>::from(peer.identity.to_ascii_lowercase());
            let allowed = peer.application_ids();
            let applications: Arc<[u32]> = ours.iter().copied().filter(|id| allowed.contains(id)).collect();
            metrics::expect_peer(&name, &applications, peer);
            let record = Arc::new(Record::new(Arc::clone(&name)));
            let entry = PeerEntry {
                label: Arc::clone(&name),
                realm: peer.realm.clone(),
                origin_realms: peer
                    .origin_realms
                    .iter()
                    .map(|realm| realm.as_str().into())
                    .collect(),
                mode: peer.mode,
                transport: Some(peer.transport),
                initiator: peer.initiator(),
                watchdog: peer.watchdog.unwrap_or(config.watchdog),
                reconnect: peer.reconnect.unwrap_or(config.reconnect),
                applications,
                configured: true,
                inner: Mutex::new(Inner::new(&identity, &name, &record, timeouts)),
                record,
                identity: Arc::clone(&name),
            };
            peers.insert(name, Arc::new(entry));
        }
        metrics::expect_refusals();
        Self {
            identity,
            timeouts,
            ours,
            accept_unknown: config.accept_unknown_peers,
            watchdog: config.watchdog,
            reconnect: config.reconnect,
            strangers: Arc::new(Record::shared(UNKNOWN.into())),
            peers: Mutex::new(peers),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<PeerEntry>>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The configured entry of a peer.
    pub(crate) fn configured(&self, identity: &str) -> Option<Arc<PeerEntry>> {
        self.lock().get(identity.to_ascii_lowercase().as_str()).cloned()
    }

    /// The applications that a peer of that Origin-Host may use and the realm it has to name, if it may connect in the
    /// way it does.
    pub(crate) fn expected(
        &self,
        origin_host: &str,
        ends: &Ends,
    ) -> Result<(Arc<[u32]>, Option<String>), RefusalCause> {
        let entry = self.configured(origin_host);
        match &entry {
            Some(entry)
                if entry
                    .transport
                    .is_some_and(|transport| transport != ends.transport) =>
            {
                return Err(RefusalCause::WrongTransport);
            }
            Some(entry) if entry.initiator == Initiate::Us => return Err(RefusalCause::WrongInitiator),
            Some(_) => {}
            None if self.accept_unknown && !origin_host.eq_ignore_ascii_case(&self.identity) => {}
            None => return Err(RefusalCause::UnknownPeer),
        }
        if !ends.may_be(origin_host) {
            return Err(RefusalCause::CertificateMismatch);
        }
        Ok(entry.map_or_else(
            || (Arc::clone(&self.ours), None),
            |entry| (Arc::clone(&entry.applications), entry.realm.clone()),
        ))
    }

    /// R-Conn-CER: an acceptable CER came on a new connection. Without a link the connection is rejected.
    pub(crate) fn arrive(self: &Arc<Self>, now: Instant, origin_host: &Arc<str>) -> (Option<Link>, Actions) {
        // Held throughout, so that the entry cannot be released in between.
        let mut peers = self.lock();
        let entry = peers
            .entry(Arc::clone(origin_host))
            .or_insert_with(|| Arc::new(self.unknown(origin_host, Arc::clone(&self.strangers))));
        entry.arrive(now, self)
    }

    /// An entry outside the table, for a connection that is dialled once.
    pub(crate) fn dialled(&self, identity: Option<&str>) -> Arc<PeerEntry> {
        let name = Arc::<str>::from(identity.unwrap_or_default().to_ascii_lowercase());
        let record = Record::new(identity.unwrap_or(UNKNOWN).into());
        Arc::new(self.unknown(&name, Arc::new(record)))
    }

    fn unknown(&self, name: &Arc<str>, record: Arc<Record>) -> PeerEntry {
        PeerEntry {
            identity: Arc::clone(name),
            realm: None,
            origin_realms: Box::default(),
            mode: PeerMode::Copy,
            transport: None,
            initiator: Initiate::Both,
            watchdog: self.watchdog,
            reconnect: self.reconnect,
            applications: Arc::clone(&self.ours),
            configured: false,
            inner: Mutex::new(Inner::new(&self.identity, name, &record, self.timeouts)),
            label: Arc::clone(record.label()),
            record,
        }
    }

    /// Forgets a peer that is not configured once it has no connection.
    fn release(&self, identity: &str) {
        let mut peers = self.lock();
        if peers
            .get(identity)
            .is_some_and(|entry| !entry.configured && entry.lock().fsm.state() == State::Closed)
        {
            peers.remove(identity);
        }
    }

    /// The records of all configured peers by name, and behind them the one of all others if others may connect.
    pub(crate) fn records(&self) -> Vec<Arc<Record>> {
        let mut records: Vec<_> = {
            let peers = self.lock();
            let configured = peers.values().filter(|entry| entry.configured);
            configured.map(|entry| Arc::clone(&entry.record)).collect()
        };
        records.sort_unstable_by(|one, other| one.label().cmp(other.label()));
        records.extend(self.accept_unknown.then(|| Arc::clone(&self.strangers)));
        records
    }
}

impl Inner {
    fn new(local: &str, peer: &str, record: &Arc<Record>, timeouts: Timeouts) -> Self {
        Self {
            fsm: Fsm::new(local, peer, timeouts),
            watchdog: None,
            initiator: None,
            responder: None,
            gauge: PeerStateGauge::new(record),
        }
    }
}
