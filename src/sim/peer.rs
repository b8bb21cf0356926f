//! The simulated DRA on one connection: sends the requests that its [`Load`] wants and takes the answers.
//!
//! The connection, capabilities and watchdog are the same driver's that the daemon itself uses, as initiator. A
//! connection that breaks and comes back goes on with the same load; what was in flight is not sent again, since nobody
//! can tell whether it was applied.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::BytesMut;
use tokio::sync::{mpsc, watch};

use super::load::Load;
use super::request::Requests;
use super::stats::{Code, Stats};
use crate::diameter::codec::{Defect, LocalIdentity, Message, ResultCode, answer_error};
use crate::diameter::dict::base;
use crate::diameter::service::{Completions, ConnectedPeer, Service, ServiceFactory};

/// A load that survives its connection: the factory of its services, and a window on its progress.
#[derive(Clone, Debug)]
pub struct Peer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    identity: LocalIdentity,
    state: Mutex<State>,
    done: watch::Sender<bool>,
}

#[derive(Debug)]
struct State {
    load: Load,
    requests: Requests,
    /// The open connection's service, to be woken from outside.
    wake: Option<mpsc::UnboundedSender<()>>,
}

impl Peer {
    /// A peer of that identity with something to send.
    pub fn new(identity: LocalIdentity, load: Load, requests: Requests) -> Self {
        Self(Arc::new(Shared {
            identity,
            state: Mutex::new(State {
                load,
                requests,
                wake: None,
            }),
            done: watch::Sender::new(false),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves counts that are at worst incomplete.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The counts so far.
    pub fn stats(&self) -> Stats {
        self.state().load.stats()
    }

    /// Looks at the load, such as for what is expected of each device.
    pub fn with_load<T>(&self, look: impl FnOnce(&Load) -> T) -> T {
        look(&self.state().load)
    }

    /// Makes no more events.
    pub fn stop(&self) {
        let mut state = self.state();
        state.load.stop();
        if let Some(wake) = &state.wake {
            // A connection that is gone needs no waking.
            let _ = wake.send(());
        }
        self.0.note_done(&state.load, Instant::now());
    }

    /// Waits until every event was made and has its answer.
    pub async fn done(&self) {
        // The sender lives as long as `self`.
        let _ = self.0.done.subscribe().wait_for(|done| *done).await;
    }
}

impl Shared {
    fn note_done(&self, load: &Load, now: Instant) {
        if load.is_done(now) {
            self.done.send_if_modified(|done| !std::mem::replace(done, true));
        }
    }
}

impl ServiceFactory for Peer {
    type Service = PeerService;

    fn open(&self, _peer: &ConnectedPeer) -> (PeerService, Completions<PeerService>) {
        let (wake, woken) = mpsc::unbounded_channel();
        let mut state = self.state();
        state.load.connected();
        state.wake = Some(wake);
        drop(state);
        let service = PeerService {
            peer: self.clone(),
            deadline: Some(Instant::now()),
        };
        (service, woken)
    }
}

/// One open connection.
#[derive(Debug)]
pub struct PeerService {
    peer: Peer,
    deadline: Option<Instant>,
}

impl PeerService {
    fn fill(&mut self, now: Instant, out: &mut BytesMut) {
        self.with_state(now, |_, _| {}, out);
    }

    fn with_state(&mut self, now: Instant, first: impl FnOnce(&mut Load, Instant), out: &mut BytesMut) {
        let mut guard = self.peer.state();
        let State { load, requests, .. } = &mut *guard;
        first(load, now);
        load.fill(now, |hop_by_hop, event| requests.write(out, hop_by_hop, event));
        self.deadline = load.deadline(now);
        self.peer.0.note_done(load, now);
    }
}

impl Service for PeerService {
    type Completion = ();

    fn request(&mut self, _now: Instant, request: &Message<'_>, out: &mut BytesMut) {
        // Nobody asks a simulated network anything.
        let defect = Defect::new(ResultCode::COMMAND_UNSUPPORTED);
        answer_error(out, request, &self.peer.0.identity, &defect, None);
    }

    fn answer(&mut self, now: Instant, answer: &Message<'_>, out: &mut BytesMut) {
        let (id, code) = (answer.header().hop_by_hop, code_of(answer));
        self.with_state(now, |load, now| load.answer(now, id, code), out);
    }

    fn complete(&mut self, now: Instant, (): (), out: &mut BytesMut) {
        self.fill(now, out);
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn expire(&mut self, now: Instant, out: &mut BytesMut) {
        self.fill(now, out);
    }

    fn pending(&self) -> usize {
        0
    }
}

impl Drop for PeerService {
    fn drop(&mut self) {
        let mut state = self.peer.state();
        state.load.disconnected();
        state.wake = None;
        self.peer.0.note_done(&state.load, Instant::now());
    }
}

/// Result-Code, or the code in Experimental-Result.
fn code_of(answer: &Message<'_>) -> Code {
    let number = |octets: &[u8]| octets.try_into().map(u32::from_be_bytes).ok();
    if let Some(code) = answer.find(&base::RESULT_CODE).and_then(|avp| number(avp.data)) {
        return Code::Result(code);
    }
    answer
        .find(&base::EXPERIMENTAL_RESULT)
        .and_then(|avp| avp.grouped().ok())
        .and_then(|group| group.find(&base::EXPERIMENTAL_RESULT_CODE))
        .and_then(|avp| number(avp.data))
        .map_or(Code::Other, Code::Experimental)
}
