//! Requests of our own on one connection, on virtual time.

use std::time::{Duration, Instant};

use bytes::BytesMut;

use crate::diameter::codec::{CommandFlags, Header, Message, MessageBuilder};
use crate::diameter::dict::base;
use crate::diameter::peer::pending::{MOST_SENDINGS, Outbound, Pending, Stray};

const AGAIN: Duration = Duration::from_secs(4);

const TEMPLATE: Header = Header {
    version: 1,
    length: 0,
    flags: CommandFlags::PROXIABLE,
    command: 8_388_718,
    application: 16_777_345,
    hop_by_hop: 0,
    end_to_end: 1,
};

fn request(end_to_end: u32, deadline: Instant) -> Outbound<u32> {
    let mut avps = BytesMut::new();
    MessageBuilder::avps(&mut avps, |avps| {
        avps.avp_utf8(&base::SESSION_ID, "reachd.example;1;1");
    });
    let header = Header {
        end_to_end,
        ..TEMPLATE
    };
    Outbound::new(header, Box::from(&avps[..]), deadline, end_to_end)
}

/// The headers of what was written, each of a whole message.
fn sent(out: &mut BytesMut) -> Vec<Header> {
    let mut headers = Vec::new();
    while let Some(header) = Header::read(out) {
        let frame = out.split_to(header.length as usize);
        let message = Message::decode(&frame).unwrap();
        assert_eq!(message.session_id(), Some(&b"reachd.example;1;1"[..]));
        headers.push(header);
    }
    headers
}

fn answer_to(request: &Header) -> Header {
    Header {
        flags: CommandFlags::PROXIABLE,
        ..*request
    }
}

/// One connection under test with its own source of Hop-by-Hop Identifiers, which wraps around soon.
struct Connection {
    pending: Pending<u32>,
    out: BytesMut,
    next: u32,
    now: Instant,
}

impl Connection {
    fn new() -> Self {
        Self {
            pending: Pending::new(AGAIN),
            out: BytesMut::new(),
            next: u32::MAX - 2,
            now: Instant::now(),
        }
    }

    fn send(&mut self, end_to_end: u32, within: Duration) -> Header {
        let request = request(end_to_end, self.now + within);
        self.pending.send(self.now, request, self.next, &mut self.out);
        self.next = self.next.wrapping_add(1);
        let [header] = sent(&mut self.out).try_into().unwrap();
        header
    }

    /// Lets the time of the next timer come: what is over, and what was sent again.
    fn turn(&mut self, again: bool) -> (Vec<u32>, Vec<Header>) {
        self.now = self.pending.deadline().unwrap();
        let next = &mut self.next;
        let expired = self.pending.expire(
            self.now,
            again,
            || {
                *next = next.wrapping_add(1);
                next.wrapping_sub(1)
            },
            &mut self.out,
        );
        let sent = sent(&mut self.out);
        assert_eq!(sent.len(), expired.resent);
        (expired.over.iter().map(|request| request.tag).collect(), sent)
    }
}

#[test]
fn an_answer_finds_its_request_in_any_order_and_once() {
    let mut connection = Connection::new();
    let headers: Vec<Header> = (0..5)
        .map(|number| connection.send(number, Duration::from_secs(60)))
        .collect();
    for header in &headers {
        assert_eq!(header.flags, CommandFlags(0xc0));
    }
    for number in [3, 0, 4, 1, 2] {
        let answer = answer_to(&headers[number]);
        assert_eq!(connection.pending.answer(&answer).unwrap().tag, number as u32);
        assert_eq!(connection.pending.answer(&answer).unwrap_err(), Stray::Late);
    }
    assert!(connection.pending.is_empty());
    assert_eq!(connection.pending.deadline(), None);
}

#[test]
fn an_answer_to_nothing_that_was_sent_here_is_unknown() {
    let mut connection = Connection::new();
    let mut header = Header {
        hop_by_hop: 7,
        ..TEMPLATE
    };
    assert_eq!(connection.pending.answer(&header).unwrap_err(), Stray::Unknown);
    let asked = connection.send(1, Duration::from_secs(60));
    for hop_by_hop in [asked.hop_by_hop.wrapping_sub(1), asked.hop_by_hop.wrapping_add(1)] {
        header.hop_by_hop = hop_by_hop;
        assert_eq!(connection.pending.answer(&header).unwrap_err(), Stray::Unknown);
    }
    assert_eq!(connection.pending.len(), 1);
}

#[test]
fn an_answer_of_another_command_application_or_originator_leaves_the_request_waiting() {
    let mut connection = Connection::new();
    let asked = connection.send(1, Duration::from_secs(60));
    let answer = answer_to(&asked);
    for wrong in [
        Header {
            command: 316,
            ..answer
        },
        Header {
            application: 16_777_251,
            ..answer
        },
        Header {
            end_to_end: 2,
            ..answer
        },
    ] {
        assert_eq!(connection.pending.answer(&wrong).unwrap_err(), Stray::Mismatch);
    }
    assert!(connection.pending.answer(&answer).is_ok());
}

#[test]
fn what_is_not_answered_is_sent_again_with_t_and_pauses_that_double() {
    let mut connection = Connection::new();
    let begun = connection.now;
    let first = connection.send(1, Duration::from_secs(3600));
    let mut hop_by_hops = vec![first.hop_by_hop];
    let mut after = Duration::ZERO;
    for sending in 1..MOST_SENDINGS as u32 {
        let (over, again) = connection.turn(true);
        assert!(over.is_empty());
        let [again] = again.try_into().unwrap();
        after += AGAIN * (1 << (sending - 1));
        assert_eq!(connection.now, begun + after);
        assert!(again.flags.is_retransmitted() && again.flags.is_request() && again.flags.is_proxiable());
        assert_eq!(
            (again.end_to_end, again.command, again.length),
            (first.end_to_end, first.command, first.length)
        );
        assert!(!hop_by_hops.contains(&again.hop_by_hop));
        hop_by_hops.push(again.hop_by_hop);
    }
    // Then its deadline is all that is left.
    assert_eq!(
        connection.pending.deadline(),
        Some(begun + Duration::from_secs(3600))
    );
    // The answer to any of the sendings will do; the other answers are late.
    let answers = hop_by_hops.iter().map(|hop_by_hop| Header {
        hop_by_hop: *hop_by_hop,
        ..answer_to(&first)
    });
    let mut answers: Vec<Header> = answers.collect();
    let settles = answers.remove(1);
    assert!(connection.pending.answer(&settles).is_ok());
    for late in answers {
        assert_eq!(connection.pending.answer(&late).unwrap_err(), Stray::Late);
    }
}

#[test]
fn each_request_ends_at_its_own_deadline() {
    let mut connection = Connection::new();
    let begun = connection.now;
    connection.send(1, Duration::from_secs(3));
    let asked = connection.send(2, Duration::from_secs(1));
    assert_eq!(connection.turn(true), (vec![2], vec![]));
    assert_eq!(connection.now, begun + Duration::from_secs(1));
    assert_eq!(
        connection.pending.answer(&answer_to(&asked)).unwrap_err(),
        Stray::Late
    );
    assert_eq!(connection.turn(true), (vec![1], vec![]));
    assert_eq!(connection.now, begun + Duration::from_secs(3));
    assert!(connection.pending.is_empty());
}

#[test]
fn nothing_is_sent_again_while_the_peer_is_not_trusted_or_does_not_read() {
    let mut connection = Connection::new();
    connection.send(1, Duration::from_secs(60));
    assert_eq!(connection.turn(false), (vec![], vec![]));
    connection.out.resize(64 * 1024, 0);
    connection.now = connection.pending.deadline().unwrap();
    let expired = connection.pending.expire(
        connection.now,
        true,
        || panic!("nothing is sent"),
        &mut connection.out,
    );
    assert_eq!((expired.over.len(), expired.resent), (0, 0));
    connection.out.clear();
    let (_, again) = connection.turn(true);
    assert_eq!(again.len(), 1);
}

#[test]
fn what_is_taken_back_keeps_its_order_and_is_marked_when_it_is_sent_elsewhere() {
    let mut lost = Connection::new();
    for number in 0..4 {
        lost.send(number, Duration::from_secs(60));
    }
    let taken = lost.pending.take_if(|request| request.tag != 2);
    assert_eq!(
        taken.iter().map(|request| request.tag).collect::<Vec<_>>(),
        [0, 1, 3]
    );
    assert_eq!(lost.pending.len(), 1);
    let mut other = Connection::new();
    for request in taken {
        assert!(request.is_unanswered());
        let end_to_end = request.tag;
        other
            .pending
            .send(other.now, request, 1000 + end_to_end, &mut other.out);
    }
    for (header, number) in sent(&mut other.out).iter().zip([0, 1, 3]) {
        assert!(header.flags.is_retransmitted());
        assert_eq!((header.end_to_end, header.hop_by_hop), (number, 1000 + number));
    }
}

#[test]
fn after_an_answer_the_next_sending_is_not_marked() {
    let mut busy = Connection::new();
    let asked = busy.send(1, Duration::from_secs(60));
    let mut request = busy.pending.answer(&answer_to(&asked)).unwrap();
    request.answered();
    let mut other = Connection::new();
    other.pending.send(other.now, request, 1, &mut other.out);
    assert!(!sent(&mut other.out)[0].flags.is_retransmitted());
}
