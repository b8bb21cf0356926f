//! Who is asked: one router for all connections of a node. Every method takes the lock for a look and lets go of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use smallvec::SmallVec;
use tokio::sync::oneshot;

use super::metrics::ClientMetrics;
use super::order::{Call, Order, Reply, give_up, settle};
use super::route::Route;
use super::state::{Choice, Open, State, Wake};
use super::{ClientConfig, LONGEST, MOST_PEERS, OwnAnswer, OwnRequest, RequestError, WINDOW_OCTETS};
use crate::diameter::codec::LocalIdentity;
use crate::diameter::peer::identifiers::Identifiers;
use crate::diameter::peer::pending::Outbound;
use crate::diameter::peer::window::Window;
use crate::diameter::service::ConnectedPeer;

/// Finds a peer for every request, and another one where the first fails.
pub(super) struct Router {
    identity: LocalIdentity,
    pub(super) identifiers: Arc<Identifiers>,
    pub(super) config: ClientConfig,
    pub(super) metrics: ClientMetrics,
    state: Mutex<State>,
}

/// A request that has been taken. Dropping it withdraws the request if it still waits for a peer.
pub(super) struct Withdrawal {
    router: Arc<Router>,
    number: u64,
}

impl Router {
    pub(super) fn new(identity: LocalIdentity, identifiers: Arc<Identifiers>, config: ClientConfig) -> Self {
        Self {
            identity,
            identifiers,
            config,
            metrics: ClientMetrics::register(),
            state: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a message of a request and finds a place for it.
    pub(super) fn submit(
        self: &Arc<Self>,
        request: &OwnRequest,
        deadline: Instant,
    ) -> Result<(Withdrawal, oneshot::Receiver<Reply>), RequestError> {
        let session_id = self.identifiers.session_id(&self.identity.origin_host);
        let avps = request.encode(&self.identity, &session_id);
        let header = request.header(self.identifiers.end_to_end());
        let route = Route {
            application: request.command.application,
            realm: request.realm.to_ascii_lowercase().into(),
            host: request.host.as_ref().map(|host| host.to_ascii_lowercase().into()),
            bound: false,
            refused_by: SmallVec::new(),
        };
        let (reply, receiver) = oneshot::channel();
        let mut state = self.lock();
        let number = state.number();
        let call = Call {
            number,
            route,
            session_id: session_id.into(),
            refusal: None,
            reply,
        };
        let order = Outbound::new(header, avps, deadline, call);
        if state.stopping {
            return Err(RequestError::Stopped);
        }
        if order.len() > LONGEST {
            return Err(RequestError::TooLong);
        }
        match state.choose(&order.tag.route) {
            Choice::Line(line) => state.hand(line, order),
            Choice::Full | Choice::None if state.waiting.len() < self.config.waiting => {
                state.waiting.push(order);
                self.metrics.waiting(state.waiting.len());
            }
            Choice::Full | Choice::None => return Err(RequestError::Congested),
        }
        drop(state);
        let router = Arc::clone(self);
        Ok((Withdrawal { router, number }, receiver))
    }

    /// A connection opened. Returns the number it goes by.
    pub(super) fn open(&self, peer: ConnectedPeer, wake: Wake) -> u64 {
        let mut state = self.lock();
        let line = state.number();
        let open = Open {
            peer,
            trusted: true,
            leaving: false,
            window: Window::new(self.config.window, WINDOW_OCTETS),
            handed: VecDeque::new(),
            wake,
        };
        state.open.insert(line, open);
        self.pump(&mut state);
        line
    }

    /// What was handed to a connection since it last asked.
    pub(super) fn take(&self, line: u64) -> VecDeque<Order> {
        match self.lock().open.get_mut(&line) {
            Some(open) => std::mem::take(&mut open.handed),
            None => VecDeque::new(),
        }
    }

    /// A request of so many octets has reached its end on a connection.
    pub(super) fn ended(&self, line: u64, octets: usize) {
        let mut state = self.lock();
        if let Some(open) = state.open.get_mut(&line) {
            open.window.leave(octets);
        }
        self.pump(&mut state);
    }

    /// The peer of a connection refused a request for reasons of its own: another one is asked, if there is one.
    pub(super) fn refused(&self, line: u64, mut order: Order, answer: OwnAnswer) {
        let mut state = self.lock();
        if let Some(open) = state.open.get_mut(&line) {
            open.window.leave(order.len());
        }
        let route = &mut order.tag.route;
        route.refused_by.push(Arc::clone(&answer.peer));
        // Whatever way it takes, it is the named host that is busy.
        let last = route.is_to(&answer.origin_host) || state.stopping || route.refused_by.len() >= MOST_PEERS;
        if last || state.choose(route) == Choice::None {
            settle(order, Ok(answer));
        } else {
            order.answered();
            order.tag.refusal = Some(answer);
            self.metrics.moved_on();
            state.place(order);
        }
        self.pump(&mut state);
    }

    /// Whether the watchdog trusts a connection. While it does not, what the connection has not sent goes elsewhere, and so
    /// does what `take_if` takes of the rest: everything that another peer can be asked. Otherwise the answer may still come.
    pub(super) fn trusted(
        &self,
        line: u64,
        trusted: bool,
        take_if: impl FnOnce(&mut dyn FnMut(&Order) -> bool) -> Vec<Order>,
    ) {
        let mut state = self.lock();
        let Some(open) = state.open.get_mut(&line) else {
            return;
        };
        open.trusted = trusted;
        if !trusted {
            let handed = open.take_back();
            let host = Arc::clone(&open.peer.origin_host);
            let moved = take_if(&mut |order| {
                let route = &order.tag.route;
                !route.is_to(&host) && state.choose(route) != Choice::None
            });
            if let Some(open) = state.open.get_mut(&line) {
                moved.iter().for_each(|order| open.window.leave(order.len()));
            }
            self.metrics.failed_over(moved.len());
            moved
                .into_iter()
                .chain(handed)
                .for_each(|order| state.place(order));
        }
        self.pump(&mut state);
    }

    /// A connection closes in order: nothing more is begun there.
    pub(super) fn leaving(&self, line: u64) {
        let mut state = self.lock();
        if let Some(open) = state.open.get_mut(&line) {
            open.leaving = true;
            let handed = open.take_back();
            handed.into_iter().for_each(|order| state.place(order));
        }
        self.pump(&mut state);
    }

    /// A connection is gone, and `pending` had no answer there (RFC 6733 §5.5.4).
    pub(super) fn closed(&self, line: u64, pending: Vec<Order>) {
        let mut state = self.lock();
        let Some(mut gone) = state.open.remove(&line) else {
            return;
        };
        if !state.stopping {
            self.metrics.failed_over(pending.len());
        }
        for mut order in pending {
            let route = &mut order.tag.route;
            route.bound |= route.is_to(&gone.peer.origin_host);
            state.place(order);
        }
        gone.take_back().into_iter().for_each(|order| state.place(order));
        self.pump(&mut state);
    }

    /// See [`Client::stop`](super::Client::stop).
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.stopping = true;
        for order in state.waiting.take_all() {
            give_up(order, RequestError::Stopped);
        }
        self.metrics.waiting(0);
    }

    fn pump(&self, state: &mut State) {
        state.pump();
        self.metrics.waiting(state.waiting.len());
    }
}

impl Withdrawal {
    /// The deadline has passed. What that means depends on where the request is.
    pub(super) fn overdue(&self) -> RequestError {
        let mut state = self.router.lock();
        match state.waiting.remove(self.number) {
            // It was sent, or will be dropped when the connection comes to it.
            None => RequestError::Unanswered,
            Some(order) => {
                let error = match state.choose(&order.tag.route) {
                    Choice::None => RequestError::NoPeer,
                    Choice::Line(_) | Choice::Full => RequestError::Congested,
                };
                self.router.metrics.waiting(state.waiting.len());
                give_up(order, error);
                RequestError::Unanswered
            }
        }
    }
}

impl Drop for Withdrawal {
    fn drop(&mut self) {
        let mut state = self.router.lock();
        if state.waiting.remove(self.number).is_some() {
            self.router.metrics.waiting(state.waiting.len());
        }
    }
}

impl std::fmt::Debug for Router {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.lock();
        f.debug_struct("Router")
            .field("connections", &state.open.len())
            .field("waiting", &state.waiting.len())
            .finish_non_exhaustive()
    }
}
