//! What tests of requests of our own have in common.

use std::time::Duration;

use bytes::BytesMut;
use tokio::task::JoinHandle;

use crate::diameter::client::{ClientConfig, OwnAnswer, OwnRequest, RequestError};
use crate::diameter::codec::{Answered, MessageBuilder, ResultCode};
use crate::diameter::config::DiameterConfig;
use crate::diameter::dict::{base, s6a};

use super::far_end::*;

pub(super) const NOR: u32 = 323;
/// Longer than any test.
pub(super) const WITHIN: Duration = Duration::from_secs(60);
/// Soon over.
pub(super) const SHORT: Duration = Duration::from_millis(50);

/// A request of our own that somebody waits for.
pub(super) type Asking = JoinHandle<Result<OwnAnswer, RequestError>>;

pub(super) fn config_with(change: impl FnOnce(&mut ClientConfig)) -> DiameterConfig {
    let mut config = DiameterConfig {
        accept_unknown_peers: true,
        ..config()
    };
    change(&mut config.client);
    config
}

pub(super) fn request_within(within: Duration) -> OwnRequest {
    OwnRequest::new(&s6a::NOTIFY, "Example", within, |avps| {
        avps.avp_utf8(&base::USER_NAME, "001010000000001");
    })
}

pub(super) fn request() -> OwnRequest {
    request_within(WITHIN)
}

pub(super) fn ask(fixture: &Fixture, request: OwnRequest) -> Asking {
    let client = fixture.client.clone();
    tokio::spawn(async move { client.request(request).await })
}

/// An answer as the test writes it.
pub(super) fn answered(
    request: &[u8],
    error: bool,
    members: impl FnOnce(&mut MessageBuilder<'_>),
) -> BytesMut {
    let mut out = BytesMut::new();
    let mut answer = MessageBuilder::answer(&mut out, &header(request), error);
    members(&mut answer);
    answer.finish();
    out
}

/// A refusal by that host.
pub(super) fn refused(request: &[u8], code: u32, identity: &str) -> BytesMut {
    answered(request, true, |answer| {
        answer.avp_u32(&base::RESULT_CODE, code);
        origin(answer, identity);
    })
}

/// The Result-Code that a request was answered with.
pub(super) async fn result_of(asking: Asking) -> u32 {
    let reply = tokio::time::timeout(PATIENCE, asking)
        .await
        .expect("an end in time");
    match reply.unwrap().unwrap().result {
        Answered::Base(ResultCode(code)) => code,
        Answered::Experimental(result) => panic!("{result:?}"),
    }
}

/// Answers the next message, which is a request of ours sent for the first time.
pub(super) async fn answer_one(wire: &mut Wire) {
    let asked = wire.expect(NOR, true).await;
    assert!(!header(&asked).flags.is_retransmitted());
    wire.send(&answer(&asked, "hss1.example")).await;
}

/// The connection works: one more request goes there and is answered.
pub(super) async fn answer_next(fixture: &Fixture, wire: &mut Wire) {
    let asking = ask(fixture, request());
    answer_one(wire).await;
    assert_eq!(result_of(asking).await, 2001);
}
