//! A request on its way: the message, where it may go, and who waits for it.

use tokio::sync::oneshot;

use super::route::Route;
use super::{OwnAnswer, RequestError};
use crate::diameter::peer::pending::Outbound;

/// What a caller waits for.
pub(super) type Reply = Result<OwnAnswer, RequestError>;

/// What a request is about, beside the message.
#[derive(Debug)]
pub(super) struct Call {
    /// Counts up with the requests, so that the oldest goes first.
    pub(super) number: u64,
    pub(super) route: Route,
    pub(super) session_id: Box<str>,
    /// What the last peer that refused it said.
    pub(super) refusal: Option<OwnAnswer>,
    pub(super) reply: oneshot::Sender<Reply>,
}

/// A request with everything that belongs to it. It is in one place at a time: waiting, handed to a connection, or
/// pending there.
pub(super) type Order = Outbound<Call>;

/// Ends a request. A caller that has gone is not missed.
pub(super) fn settle(order: Order, reply: Reply) {
    let _ = order.tag.reply.send(reply);
}

/// Ends a request that found no answer. What a peer said when it refused it is better than nothing, and who has got it
/// without answering may have acted upon it.
pub(super) fn give_up(mut order: Order, error: RequestError) {
    let reply = match order.tag.refusal.take() {
        Some(refusal) => Ok(refusal),
        None if order.is_unanswered() && error != RequestError::Stopped => Err(RequestError::Unanswered),
        None => Err(error),
    };
    settle(order, reply);
}
