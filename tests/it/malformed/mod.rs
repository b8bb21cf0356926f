//! Malformed input of every kind, on the real daemon: each gets the answer or the end that the protocol defines and is
//! counted by cause, while a second peer works on undisturbed and the daemon's memory stays flat.

mod bystander;
mod row;
mod table;

use std::collections::HashSet;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use crate::metrics::Scrape;
use crate::support::daemon::{Daemon, Engine, Home};
use crate::support::eventually;
use crate::support::wire::{DRA, Peer, Request, SUCCESS, TOO_BUSY, avp, code, command};
use bystander::Bystander;
use row::{Counted, Row, Then, To};
use table::{ENDPOINT, IMSI, MME, NEWCOMER, cer_of_the_endpoint, rows};

/// Rounds of the whole table before memory is looked at: buffers, pages of the store and the allocator's own have
/// found their size by then.
const WARM: usize = 20;
/// Rounds after that: more than ten thousand inputs, so that 400 octets kept of each would show.
const ROUNDS: usize = 100;
/// What resident memory may grow by in them: what an allocator shifts about, and no more.
const FLAT: f64 = 4.0 * 1024.0 * 1024.0;

async fn daemon() -> (Home, Daemon) {
    let mut home = Home::new(Engine::Sqlite).await;
    home.diameter("message_timeout = \"1s\"\ncer_timeout = \"1s\"");
    home.diameter("disconnect_timeout = \"50ms\"");
    // Filled at once: what is remembered on purpose is not to be taken for a leak.
    home.diameter("remembered_requests = 1000");
    for (identity, mode, applications) in [
        (NEWCOMER, "copy", r#"["s6a"]"#),
        (ENDPOINT, "endpoint", r#"["s6c", "rf"]"#),
    ] {
        home.configure(&format!(
            "\n[[diameter.peers]]\nidentity = \"{identity}\"\nrealm = \"home.example\"\nmode = \"{mode}\"\n\
             applications = {applications}\n"
        ));
    }
    let daemon = home.start().await;
    (home, daemon)
}

/// The two connections that rows are played on, opened when they are needed.
struct Stage<'d> {
    daemon: &'d Daemon,
    /// The End-to-End Identifier of the next row: none is a duplicate of another.
    end_to_end: u32,
    /// Whether a connection that serves on is asked to prove it.
    proves: bool,
    copies: Option<Peer>,
    endpoint: Option<Peer>,
}

impl<'d> Stage<'d> {
    fn on(daemon: &'d Daemon) -> Self {
        Self {
            daemon,
            end_to_end: 0x7000_0000,
            proves: true,
            copies: None,
            endpoint: None,
        }
    }

    /// Plays a row and holds it against the table, but for what is counted.
    async fn play(&mut self, row: &Row) {
        let address = self.daemon.diameter();
        // One peer is always there, for the row that comes in its name.
        if self.copies.is_none() {
            self.copies = Some(Peer::connect(address, DRA).await);
        }
        let mut peer = match row.sent.to {
            To::Copies => self.copies.take().unwrap(),
            To::Endpoint => match self.endpoint.take() {
                Some(peer) => peer,
                None => {
                    let mut peer = Peer::dial(address, ENDPOINT).await;
                    peer.ask(&cer_of_the_endpoint()).await.assert_result(SUCCESS);
                    peer
                }
            },
            To::Fresh => Peer::dial(address, NEWCOMER).await,
        };
        self.end_to_end += 1;
        send(&mut peer, row, self.end_to_end).await;
        if let Some(expected) = &row.outcome.answer {
            let answer = peer.receive_answer().await.expect("an answer");
            expected.assert_is(&answer);
        }
        match (row.outcome.then, row.sent.to) {
            (Then::Ends, _) => {
                let last = peer.receive_answer().await;
                assert!(last.is_none(), "nothing more is said: {last:?}");
            }
            (Then::ServesOn, To::Fresh) => {
                self.proof(&mut peer).await;
                leave(&mut peer).await;
            }
            (Then::ServesOn, To::Copies) => {
                self.proof(&mut peer).await;
                self.copies = Some(peer);
            }
            (Then::ServesOn, To::Endpoint) => {
                let watchdog = peer.origin(Request::base(command::DEVICE_WATCHDOG));
                peer.ask(&watchdog).await.assert_result(SUCCESS);
                self.endpoint = Some(peer);
            }
        }
    }

    async fn proof(&self, peer: &mut Peer) {
        if self.proves {
            works(peer).await;
        }
    }
}

async fn send(peer: &mut Peer, row: &Row, end_to_end: u32) {
    let mut octets = row.sent.octets.clone();
    // What is meant to be Diameter begins with a version.
    if let (Some(0..=3), Some(place)) = (octets.first().copied(), octets.get_mut(16..20)) {
        place.copy_from_slice(&end_to_end.to_be_bytes());
    }
    if row.sent.one_by_one {
        for octet in &octets {
            peer.send_bytes(std::slice::from_ref(octet)).await;
            tokio::task::yield_now().await;
        }
    } else {
        // The daemon may be gone before it has taken everything.
        let _ = peer.try_send_bytes(&octets).await;
    }
}

/// The connection still serves.
async fn works(peer: &mut Peer) {
    let answer = peer.ask(&Request::update_location(IMSI, MME)).await;
    answer.assert_result(SUCCESS);
}

/// Disconnects in order, so that the peer may come again at once.
async fn leave(peer: &mut Peer) {
    let cause = avp(code::DISCONNECT_CAUSE, &0u32.to_be_bytes());
    let request = peer.origin(Request::base(command::DISCONNECT_PEER)).with(cause);
    peer.ask(&request).await.assert_result(SUCCESS);
    peer.closed().await;
}

/// Runs something that may fail, so that one row does not hide the others.
async fn caught<T>(run: impl Future<Output = T>) -> Result<T, ()> {
    let mut run = pin!(run);
    poll_fn(
        |context| match catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(context))) {
            Ok(Poll::Ready(done)) => Poll::Ready(Ok(done)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_) => Poll::Ready(Err(())),
        },
    )
    .await
}

/// How often it has happened, as operators see it.
fn count(scrape: &Scrape, row: &Row) -> f64 {
    let peer = match row.sent.to {
        To::Copies => DRA,
        To::Endpoint => ENDPOINT,
        To::Fresh => NEWCOMER,
    };
    match row.outcome.counted {
        Counted::Defect(code) => scrape.sum(
            "reachd_diameter_defects_total",
            &[("peer", peer), ("result_code", &code.to_string())],
        ),
        Counted::Closed(reason) => scrape.sum(
            "reachd_diameter_connections_closed_total",
            &[("peer", peer), ("reason", reason)],
        ),
        Counted::Refused(cause) => {
            scrape.sum("reachd_diameter_connections_refused_total", &[("cause", cause)])
        }
        Counted::Message(direction, command, result) => scrape.sum(
            "reachd_diameter_messages_total",
            &[
                ("peer", peer),
                ("direction", direction),
                ("command", command),
                ("result", result),
            ],
        ),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_row_is_answered_or_ended_and_counted_while_a_second_peer_is_served_throughout() {
    let (_home, daemon) = daemon().await;
    let bystander = Bystander::start(daemon.diameter());
    let mut stage = Stage::on(&daemon);
    let rows = rows();
    assert!(rows.len() >= 60, "{}", rows.len());
    let mut failed = Vec::new();
    // What one row has come to is what the next begins with: a scrape takes longer than most rows.
    let mut scrape = Scrape::of(&daemon).await;
    for row in &rows {
        println!("--- {}", row.name);
        let before = count(&scrape, row);
        let played = async {
            stage.play(row).await;
            eventually("the row is counted", async || {
                let scrape = Scrape::of(&daemon).await;
                (count(&scrape, row) > before).then_some(scrape)
            })
            .await
        };
        match caught(played).await {
            Ok(last) => scrape = last,
            Err(()) => {
                failed.push(row.name);
                (stage.copies, stage.endpoint) = (None, None);
                scrape = Scrape::of(&daemon).await;
            }
        }
    }
    assert!(failed.is_empty(), "{} rows failed: {failed:#?}", failed.len());
    let answered = bystander.stop().await;
    assert!(
        answered >= rows.len(),
        "the second peer asked throughout: {answered}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_stays_flat_however_often_the_table_is_played() {
    let (_home, daemon) = daemon().await;
    let bystander = Bystander::start(daemon.diameter());
    let mut stage = Stage::on(&daemon);
    stage.proves = false;
    // Those that wait for a timer would take minutes.
    let rows: Vec<Row> = rows().into_iter().filter(|row| !row.outcome.slow).collect();
    let mut resident = Vec::new();
    for round in 0..WARM + ROUNDS {
        for row in &rows {
            stage.play(row).await;
        }
        if round >= WARM {
            resident.push(resident_memory(&daemon).await);
        }
    }
    let grown = resident.last().unwrap() - resident.first().unwrap();
    assert!(grown < FLAT, "{grown} octets more: {resident:?}");
    bystander.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_requests_by_a_peer_that_does_not_read_disturb_nobody() {
    const REQUESTS: usize = 10_000;
    let (_home, daemon) = daemon().await;
    let bystander = Bystander::start(daemon.diameter());
    let mut peer = Peer::connect(daemon.diameter(), DRA).await;
    let mut octets = Vec::new();
    let mut asked = HashSet::new();
    for n in 0..REQUESTS {
        let imsi = format!("00101{:010}", 5000 + n % 500);
        let (hop_by_hop, request) = peer.prepare(&Request::update_location(&imsi, MME));
        octets.extend(request);
        asked.insert(hop_by_hop);
    }
    let before = resident_memory(&daemon).await;
    let served = bystander.answered();
    peer.send_bytes(&octets).await;
    eventually("the second peer has been served meanwhile", async || {
        (bystander.answered() >= served + 20).then_some(())
    })
    .await;
    let grown = resident_memory(&daemon).await - before;
    assert!(grown < 64.0 * 1024.0 * 1024.0, "{grown} octets for one peer");
    // None of its requests was dropped in silence either.
    while !asked.is_empty() {
        let answer = peer.receive_answer().await.expect("all are answered");
        let result = answer.result_code().unwrap();
        assert!([SUCCESS, TOO_BUSY].contains(&result), "{answer:#?}");
        assert!(asked.remove(&answer.hop_by_hop), "answered once");
    }
    works(&mut peer).await;
    bystander.stop().await;
}

async fn resident_memory(daemon: &Daemon) -> f64 {
    Scrape::of(daemon).await.sum("process_resident_memory_bytes", &[])
}
