//! A source that tells all it has again: whom it names is confirmed, who was absent and is not named is still absent, and what
//! it told once and does not name now ages.

use super::*;
use reachd::proto::v1::{ResynchronisationBegin, ResynchronisationEnd};

use crate::support::on_each_engine;

const NAME: &str = "mediation-1";

fn begin(as_of: Option<Timestamp>) -> Content {
    Content::ResynchronisationBegin(ResynchronisationBegin {
        as_of: as_of.map(proto),
    })
}

fn end() -> Content {
    Content::ResynchronisationEnd(ResynchronisationEnd {})
}

/// Fails unless it was refused for that reason, in words that contain these.
#[track_caller]
fn assert_refused(told: Result<(), (String, String)>, reason: &str, words: &str) {
    let (told, message) = told.unwrap_err();
    assert_eq!(told, reason, "{message}");
    assert!(message.contains(words), "{message}");
}

on_each_engine! {
    async fn whom_it_names_is_confirmed_and_who_was_absent_is_still(engine) {
        let place = Place::new(engine).await;
        let alone = |config: &mut Config| config.diameter.peers.clear();
        let daemon = Daemon::start(&place, alone).await;
        let [named, forgotten, gone] = [1, 2, 3].map(Subscriber::nth);
        let mut stream = Stream::open(&daemon, NAME).await;
        let attached = stream.report(&daemon, &named, RegistrationChange::Registered).await;
        stream.report(&daemon, &forgotten, RegistrationChange::Registered).await;
        stream.report(&daemon, &gone, RegistrationChange::Registered).await;
        stream.report(&daemon, &gone, RegistrationChange::Deregistered).await;
        stream.heartbeat(&daemon, NAME).await;
        drop(stream);
        let away_since = daemon.is_away(NAME).await;
        daemon.clock.advance(10 * MINUTE);

        let mut stream = Stream::open(&daemon, NAME).await;
        stream.heartbeat(&daemon, NAME).await;
        let why = was_away(NAME, &daemon.gap(NAME, away_since));
        for subscriber in [&named, &forgotten, &gone] {
            daemon.assert_told(subscriber, away_since, Freshness::Stale, &why).await;
        }
        let begun = daemon.now();
        stream.tell(begin(None)).await.unwrap();
        stream.tell(Content::Event(attached)).await.unwrap();
        let told = daemon.answer(&gone).await;
        assert_eq!(told.freshness, Freshness::Stale, "it is not over");
        stream.tell(end()).await.unwrap();
        let as_of = daemon.feed(NAME).resynchronised_at.unwrap();
        assert!(as_of >= begun && as_of <= daemon.now(), "durable when it is acknowledged");
        stream.heartbeat(&daemon, NAME).await;
        assert_eq!(daemon.assert_alive(&named, NAME).await.status, ReachabilityStatus::ConnectedData);
        assert_eq!(daemon.assert_alive(&gone, NAME).await.status, ReachabilityStatus::NotConnected);
        daemon.assert_told(&forgotten, away_since, Freshness::Stale, &why).await;
        drop(stream);
        daemon.stop().await;

        let daemon = Daemon::start_ahead(&place, 20 * MINUTE, alone).await;
        assert_eq!(daemon.feed(NAME).resynchronised_at, Some(as_of), "it was kept");
        let again = daemon.is_away(NAME).await;
        assert!(again > as_of.as_micros());
        for subscriber in [&named, &gone] {
            assert_eq!(confirmed(&daemon.answer(subscriber).await), again);
        }
        assert_eq!(confirmed(&daemon.answer(&forgotten).await), away_since);
        daemon.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_all_of_an_earlier_moment_confirms_since_that_moment() {
    let place = Place::embedded().await;
    let daemon = Daemon::start(&place, |config| config.diameter.peers.clear()).await;
    let gone = Subscriber::nth(1);
    let mut stream = Stream::open(&daemon, NAME).await;
    for change in [RegistrationChange::Registered, RegistrationChange::Deregistered] {
        stream.report(&daemon, &gone, change).await;
    }
    stream.heartbeat(&daemon, NAME).await;
    drop(stream);
    let away_since = daemon.is_away(NAME).await;
    // A dump is written while nobody publishes, and is published later.
    daemon.clock.advance(10 * MINUTE);
    let dumped = daemon.now();
    daemon.clock.advance(10 * MINUTE);
    let mut stream = Stream::open(&daemon, NAME).await;
    stream.heartbeat(&daemon, NAME).await;
    daemon.gap(NAME, away_since);
    stream.tell(begin(Some(dumped))).await.unwrap();
    stream.tell(end()).await.unwrap();
    let answer = daemon.answer(&gone).await;
    assert_eq!(
        (confirmed(&answer), answer.freshness),
        (dumped.as_micros(), Freshness::Stale),
        "what happened between the dump and the stream nobody told"
    );
    drop(stream);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_all_is_refused_with_its_reason() {
    let place = Place::embedded().await;
    let daemon = Daemon::start(&place, |_| ()).await;
    let subscriber = Subscriber::nth(1);
    let mut stream = Stream::open(&daemon, NAME).await;
    let none = "none was begun on this stream";
    assert_refused(stream.tell(end()).await, "NOT_RESYNCHRONISED", none);
    let future = daemon.now().plus(10 * MINUTE);
    let told = stream.tell(begin(Some(future))).await;
    assert_refused(told, "INVALID_ARGUMENT", "as_of: lies in the future");
    assert_refused(stream.tell(end()).await, "NOT_RESYNCHRONISED", none);

    // An event in between was not taken: somebody may be missing.
    stream.tell(begin(None)).await.unwrap();
    let wrong = stream.tell(Content::Event(Event::default())).await;
    assert_refused(wrong, "INVALID_ARGUMENT", "event.event_time");
    assert_refused(
        stream.tell(end()).await,
        "NOT_RESYNCHRONISED",
        "1 events since its begin were refused",
    );
    // Another begin forgets that.
    stream.tell(begin(None)).await.unwrap();
    stream.tell(begin(None)).await.unwrap();
    stream.tell(end()).await.unwrap();
    assert_refused(stream.tell(end()).await, "NOT_RESYNCHRONISED", none);

    // Silent for too long in between.
    stream.tell(begin(None)).await.unwrap();
    daemon.clock.advance(MINUTE);
    stream
        .report(&daemon, &subscriber, RegistrationChange::Registered)
        .await;
    let told = stream.tell(end()).await;
    assert_refused(told, "NOT_RESYNCHRONISED", "silent for too long");

    // A stream that breaks takes its begin with it.
    stream.tell(begin(None)).await.unwrap();
    drop(stream);
    let mut stream = Stream::open(&daemon, NAME).await;
    assert_refused(stream.tell(end()).await, "NOT_RESYNCHRONISED", none);
    drop(stream);
    let mut nameless = Stream::open(&daemon, "grpc").await;
    let told = nameless.tell(begin(None)).await;
    assert_refused(told, "INVALID_ARGUMENT", "only on a stream that names its feed");
    drop(nameless);
    daemon.stop().await;
}
