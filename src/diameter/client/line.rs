//! One open connection as requests of our own see it. Lives in the connection's task, within its service.

use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use tracing::debug;

use super::OwnAnswer;
use super::RequestError;
use super::order::{Call, give_up, settle};
use super::router::Router;
use super::state::Wake;
use crate::diameter::codec::Message;
use crate::diameter::peer::pending::Pending;
use crate::diameter::service::ConnectedPeer;

/// The part of a [`Service`](crate::diameter::service::Service) that sends requests of our own and takes their answers.
/// The service hands its calls on. Dropping it means that the connection is gone: what was not answered goes elsewhere.
#[derive(Debug)]
pub struct Line {
    router: Arc<Router>,
    number: u64,
    peer: Arc<str>,
    pending: Pending<Call>,
    trusted: bool,
    leaving: bool,
}

impl Line {
    pub(super) fn new(router: Arc<Router>, peer: &ConnectedPeer, wake: Wake) -> Self {
        Self {
            number: router.open(peer.clone(), wake),
            peer: Arc::clone(&peer.origin_host),
            pending: Pending::new(router.config.retransmit),
            trusted: true,
            leaving: false,
            router,
        }
    }

    /// Appends what was handed to this connection. To be called after a wake.
    pub fn fill(&mut self, now: Instant, out: &mut BytesMut) {
        for order in self.router.take(self.number) {
            if order.deadline() <= now || order.tag.reply.is_closed() {
                self.router.ended(self.number, order.len());
                give_up(order, RequestError::NoPeer);
                continue;
            }
            self.router.metrics.in_flight(1);
            let hop_by_hop = self.router.identifiers.hop_by_hop();
            self.pending.send(now, order, hop_by_hop, out);
        }
    }

    /// Takes an answer. One that belongs to no request is counted and dropped (RFC 6733 §6.2).
    pub fn answer(&mut self, now: Instant, answer: &Message<'_>, out: &mut BytesMut) {
        let order = match self.pending.answer(answer.header()) {
            Ok(order) => order,
            Err(stray) => {
                debug!(peer = %self.peer, command = answer.header().command, ?stray, "answer dropped");
                return self.router.metrics.stray(stray);
            }
        };
        self.router.metrics.in_flight(-1);
        match OwnAnswer::read(answer, &order.tag.session_id, &self.peer) {
            Ok(answer) if answer.is_of_this_peer_only() => self.router.refused(self.number, order, answer),
            read => {
                self.router.ended(self.number, order.len());
                settle(order, read.map_err(RequestError::Unusable));
            }
        }
        self.fill(now, out);
    }

    /// Takes the watchdog's word (RFC 3539 failover and failback).
    pub fn trusted(&mut self, trusted: bool) {
        self.trusted = trusted;
        let pending = &mut self.pending;
        let mut moved = 0;
        self.router.trusted(self.number, trusted, |which| {
            let taken = pending.take_if(which);
            moved = taken.len();
            taken
        });
        self.router.metrics.in_flight(-(moved as i64));
    }

    /// The connection closes in order: nothing more is begun on it.
    pub fn leaving(&mut self) {
        self.leaving = true;
        self.router.leaving(self.number);
    }

    /// When [`Self::expire`] wants to be called next.
    pub fn deadline(&self) -> Option<Instant> {
        self.pending.deadline()
    }

    /// Gives up what has passed its deadline, and sends again what was not answered for a while.
    pub fn expire(&mut self, now: Instant, out: &mut BytesMut) {
        let Self { router, pending, .. } = self;
        let again = self.trusted && !self.leaving;
        let expired = pending.expire(now, again, || router.identifiers.hop_by_hop(), out);
        router.metrics.retransmitted(expired.resent);
        for order in expired.over {
            router.metrics.in_flight(-1);
            router.ended(self.number, order.len());
            settle(order, Err(RequestError::Unanswered));
        }
        self.fill(now, out);
    }

    /// Requests of our own that wait for the peer's answer.
    pub fn in_flight(&self) -> usize {
        self.pending.len()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let pending = self.pending.take_if(|_| true);
        self.router.metrics.in_flight(-(pending.len() as i64));
        self.router.closed(self.number, pending);
    }
}
