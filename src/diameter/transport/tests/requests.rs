//! Requests of our own, seen from the far end of the connections that they take.

use std::time::Duration;

use crate::diameter::client::OwnRequest;
use crate::diameter::codec::{Answered, Message, ResultCode};
use crate::diameter::dict::{base, s6a};

use super::far_end::*;

over_all! {
    a_request_of_ours_is_answered;
}

const NOR: u32 = 323;
const WITHIN: Duration = Duration::from_secs(10);

fn request(within: Duration) -> OwnRequest {
    OwnRequest::new(&s6a::NOTIFY, "Example", within, |avps| {
        avps.avp_utf8(&base::USER_NAME, "001010000000001");
    })
}

async fn a_request_of_ours_is_answered(over: Over) {
    let fixture = Fixture::start(over, config());
    let mut hss = fixture.open("hss1.example").await;
    let client = fixture.client.clone();
    let asking = tokio::spawn(async move { client.request(request(WITHIN)).await });
    let asked = hss.expect(NOR, true).await;
    let message = Message::decode(&asked).unwrap();
    let header = *message.header();
    assert!(header.flags.is_proxiable() && !header.flags.is_retransmitted());
    assert_eq!(header.application, s6a::APPLICATION);
    let codes: Vec<u32> = message.avps().map(|avp| avp.code).collect();
    assert_eq!(codes, [263, 277, 264, 296, 283, 1]);
    let text = |def| message.find(def).unwrap().as_utf8().unwrap();
    assert!(text(&base::SESSION_ID).starts_with("reachd.example;"));
    assert_eq!(text(&base::ORIGIN_HOST), "reachd.example");
    assert_eq!(text(&base::ORIGIN_REALM), "example");
    assert_eq!(text(&base::DESTINATION_REALM), "Example");
    hss.send(&answer(&asked, "hss1.example")).await;
    let answer = asking.await.unwrap().unwrap();
    assert_eq!(answer.result, Answered::Base(ResultCode::SUCCESS));
    assert_eq!(
        (&*answer.origin_host, &*answer.peer),
        ("hss1.example", "hss1.example")
    );
    assert!(!answer.is_error);
    assert_eq!(answer.message().unwrap().header().end_to_end, header.end_to_end);
}
