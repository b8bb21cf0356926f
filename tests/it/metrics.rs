//! One scrape tells operators what goes on, and tells nobody who the subscribers are.

use std::collections::BTreeSet;
use std::time::Instant;

use reachd::proto::v1::{RegistrationChange as Change, Slot};

use crate::support::daemon::{Daemon, Engine, Home};
use crate::support::publisher::{Publisher, event, event_with_number, registration};
use crate::support::wire::{DRA, Peer, Request, SUCCESS, code};
use crate::support::{Subscriber, ago};

const MME: &str = "mme1.visited.example";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scrape_shows_what_came_in_and_what_became_of_it() {
    let home = Home::new(Engine::Sqlite).await;
    let daemon = home.start().await;
    let subscriber = Subscriber::nth(1);
    let scrape = Scrape::of(&daemon).await;
    // Expected series are there before anything happens, so that a first failure shows in a rate.
    for family in ["reachd_events_total", "reachd_store_retries_total"] {
        assert!(
            scrape.families.contains(&family.to_owned()),
            "{family} from the start"
        );
    }

    work(&daemon, &subscriber).await;
    let scrape = Scrape::of(&daemon).await;

    // Events by feed, kind and outcome.
    let events = |outcome: &str| scrape.sum("reachd_events_total", &[("outcome", outcome)]);
    assert!(events("applied") >= 4.0);
    assert_eq!(events("stale_purge_ignored"), 1.0, "{}", scrape.text);
    assert!(events("duplicate") + events("stale") >= 2.0);
    for label in ["feed", "kind", "outcome"] {
        assert!(scrape.has_label("reachd_events_total", label), "{label}");
    }
    // Refusals by feed and reason: of the stream one event each, and the request without a User-Name.
    let refused =
        |feed: &str, outcome| scrape.sum("reachd_events_total", &[("feed", feed), ("outcome", outcome)]);
    for outcome in [
        "refused_invalid",
        "refused_missing_identifier",
        "refused_out_of_order",
    ] {
        assert_eq!(refused("grpc", outcome), 1.0, "{outcome}: {}", scrape.text);
    }
    assert_eq!(events("refused_invalid"), 2.0, "{}", scrape.text);

    // Diameter messages by peer, command and result, and the state of each peer.
    let messages = "reachd_diameter_messages_total";
    for label in ["peer", "command", "result"] {
        assert!(scrape.has_label(messages, label), "{label}: {}", scrape.text);
    }
    assert!(scrape.sum(messages, &[("peer", DRA)]) >= 4.0);
    assert!(scrape.sum(messages, &[("result", "permanent")]) >= 1.0);
    assert!(scrape.has_label("reachd_diameter_peer_state", "peer"));

    // Histograms have buckets: none is rendered as a summary.
    for histogram in [
        "reachd_ingest_batch_rows",
        "reachd_ingest_commit_seconds",
        "reachd_event_lag_seconds",
        "grpc_server_handling_seconds",
    ] {
        assert!(
            scrape.text.contains(&format!("# TYPE {histogram} histogram")),
            "{histogram}: {}",
            scrape.text
        );
        assert!(
            scrape.sum(&format!("{histogram}_count"), &[]) >= 1.0,
            "{histogram}"
        );
        assert!(
            scrape.sum(&format!("{histogram}_bucket"), &[("le", "+Inf")]) >= 1.0,
            "{histogram}"
        );
    }
    assert!(!scrape.text.contains(" summary\n"), "{}", scrape.text);

    // Lookups by code.
    let handled = |code| {
        scrape.sum(
            "grpc_server_handled_total",
            &[("grpc_method", "GetReachability"), ("grpc_code", code)],
        )
    };
    assert_eq!(handled("OK"), 1.0);
    assert_eq!(handled("NotFound"), 1.0);
    assert_eq!(handled("InvalidArgument"), 1.0);
    assert!(scrape.sum("grpc_server_started_total", &[("grpc_method", "GetReachability")]) >= 3.0);

    // The size of the index, the build, and the store.
    assert!(
        scrape.sum("reachd_index_subscribers", &[]) >= 1.0,
        "{}",
        scrape.text
    );
    assert_eq!(scrape.sum("reachd_build_info", &[]), 1.0);
    assert!(scrape.has_label("reachd_build_info", "revision"));
    assert_eq!(scrape.sum("reachd_store_up", &[]), 1.0);
}

/// Names are what dashboards and alerts depend on: the constants, a scrape and docs/metrics.md have to tell the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_metric_is_a_constant_is_scraped_and_is_documented() {
    use reachd::diameter::client;
    use reachd::diameter::metrics as diameter;
    use reachd::grpc::metrics as grpc;
    use reachd::hss::metrics as sh;
    use reachd::ingest::metrics as ingest;
    use reachd::monitoring::metrics as monitoring;
    use reachd::ops::metrics as ops;
    use reachd::rest::metrics as rest;
    use reachd::watch::metrics as watch;
    use reachd::{app, feed, liveness, refresh, store};
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<BTreeSet<_>>()
    };
    // Of the certificate, and of a request of our own: there when there is one.
    let at_times = names(&[
        diameter::CERTIFICATE_EXPIRY,
        diameter::CERTIFICATE_RELOADS,
        client::REQUESTS,
        client::REQUEST_SECONDS,
        refresh::QUERIES,
    ]);
    // Of the CAMARA API: there when it is served.
    let of_rest = names(&[
        rest::REQUESTS,
        rest::REQUEST_SECONDS,
        rest::CONNECTIONS,
        rest::ACCEPTED,
        rest::CUT,
        rest::KEY_RELOADS,
        rest::CERTIFICATE_RELOADS,
        rest::CERTIFICATE_EXPIRY,
    ]);
    let always = names(&[
        app::INDEX_SUBSCRIBERS,
        app::INDEX_IDENTIFIERS,
        app::INDEX_ADDRESSES,
        app::READY,
        diameter::MESSAGES,
        diameter::BYTES,
        diameter::PEER_STATE,
        diameter::RESTARTS,
        diameter::PENDING,
        diameter::WATCHDOG_SECONDS,
        diameter::DEFECTS,
        diameter::OPENED,
        diameter::CLOSED,
        diameter::REFUSED,
        diameter::CONNECT_FAILURES,
        client::IN_FLIGHT,
        client::WAITING,
        client::RETRANSMISSIONS,
        client::FAILOVERS,
        client::STRAY_ANSWERS,
        feed::diameter::DUPLICATES,
        feed::diameter::RESETS,
        feed::grpc::sources::HEARTBEATS,
        liveness::metrics::COUNTS,
        liveness::metrics::LIVE,
        monitoring::TARGETS,
        monitoring::CONFIGURATIONS,
        monitoring::LAG,
        monitoring::QUESTIONS,
        monitoring::REPORTS,
        watch::STREAMS,
        watch::DEVICES,
        watch::CHANGES,
        watch::DELIVERED,
        watch::SLOW,
        watch::CURSORS,
        watch::LAG,
        sh::SUBSCRIPTIONS,
        sh::LAG,
        sh::FAILURES,
        ingest::EVENTS,
        ingest::BATCH_ROWS,
        ingest::COMMIT_SECONDS,
        ingest::LAG_SECONDS,
        ingest::STORE_RETRIES,
        ingest::STORE_UP,
        ingest::QUEUED,
        store::prune::PRUNED,
        reachd::erasure::metrics::ERASED,
        reachd::erasure::metrics::REMEMBERED,
        reachd::audit::ACTS,
        reachd::audit::LOST,
        grpc::STARTED,
        grpc::HANDLED,
        grpc::HANDLING,
        ops::BUILD_INFO,
        ops::START_TIME,
        ops::RESIDENT_MEMORY,
    ]);

    let mut home = Home::new(Engine::Sqlite).await;
    // A peer that is dialled, for what only such peers have.
    home.configure("\n[[diameter.peers]]\nidentity = \"hss1.home.example\"\naddress = \"127.0.0.1:9\"\n");
    let daemon = home.start().await;
    work(&daemon, &Subscriber::nth(2)).await;
    let scraped: BTreeSet<_> = Scrape::of(&daemon).await.families.into_iter().collect();
    let documented: BTreeSet<_> = include_str!("../../docs/metrics.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(" | ").next())
        .flat_map(|names| names.split('`'))
        .filter(|name| name.contains('_'))
        .map(str::to_owned)
        .collect();
    assert_eq!(scraped, always);
    assert_eq!(documented, &(&always | &at_times) | &of_rest);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_metrics_nor_logs_tell_who_the_subscribers_are() {
    let home = Home::new(Engine::Sqlite).await;
    let mut daemon = home.start().await;
    let subscriber = Subscriber::nth(424_242);
    work(&daemon, &subscriber).await;
    let metrics = daemon.metrics().await;
    daemon.signal_terminate();
    daemon.ended().await;
    let log = daemon.log();
    assert!(log.lines().count() > 3, "there is a log to look through");
    for (place, text) in [("metrics", metrics), ("log", log)] {
        // The significant digits alone, so that no other form of the number slips through.
        for secret in ["424242", "99912345678", "somebody@"] {
            assert!(!text.contains(secret), "{secret} in the {place}:\n{text}");
        }
    }
}

/// Whoever connects without being known shows in the log, but cannot fill it, nor write into it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_peers_are_logged_with_their_cause_and_no_faster_than_one_a_second() {
    const STRANGERS: usize = 50;
    let home = Home::new(Engine::Sqlite).await;
    let mut daemon = home.start().await;
    let begun = Instant::now();
    for _ in 0..STRANGERS {
        let mut stranger = Peer::dial(daemon.diameter(), "stranger.elsewhere.example").await;
        let answer = stranger.ask(&stranger.capabilities_exchange()).await;
        assert_eq!(answer.result_code(), Some(3010), "DIAMETER_UNKNOWN_PEER");
    }
    daemon.signal_terminate();
    daemon.ended().await;
    let seconds = begun.elapsed().as_secs() as usize;

    let log = daemon.log();
    let told: Vec<_> = log.lines().filter(|line| line.contains("unknown_peer")).collect();
    assert!(!told.is_empty(), "{log}");
    assert!(told.len() <= seconds + 1, "{} in {seconds} s: {log}", told.len());
    for line in told {
        for word in ["WARN", "127.0.0.1", "suppressed"] {
            assert!(line.contains(word), "{word} in {line}");
        }
    }
    assert!(!log.contains("stranger"), "{log}");
}

/// Four applied changes, a late purge, duplicates, an event refused for each reason, a broken request and three lookups.
async fn work(daemon: &Daemon, subscriber: &Subscriber) {
    let mut dra = Peer::connect(daemon.diameter(), DRA).await;
    let imsi = &subscriber.imsi;
    for request in [
        Request::update_location(imsi, MME),
        Request::update_location(imsi, "mme2.visited.example"),
        Request::purge(imsi, MME),
        Request::insert_subscriber_data(imsi, "mme2.visited.example", "99912345678"),
    ] {
        dra.ask(&request).await.assert_result(SUCCESS);
    }
    dra.ask(&Request::purge(imsi, MME).without(code::USER_NAME)).await;

    let mut publisher = Publisher::open(daemon).await;
    let at = ago(60);
    let registered = event_with_number(subscriber, Slot::Msc, "99910001", Change::Registered, at);
    for _ in 0..2 {
        publisher.publish(registered.clone()).await;
    }
    let older = event(subscriber, Slot::Msc, "99910001", Change::Registered, ago(600));
    publisher.publish(older).await;
    let mut nameless = registered.clone();
    registration(&mut nameless).node = String::new();
    publisher.send(nameless).await.unwrap();
    let mut nobody = registered.clone();
    nobody.subscriber = None;
    let sequence = publisher.send(nobody).await.unwrap();
    assert!(publisher.send_as(1, Some(registered)).await);
    publisher.acked_up_to(sequence).await;
    while publisher.refused.len() < 3 {
        assert!(publisher.receive().await, "the stream goes on");
    }

    let mut lookups = daemon.lookups();
    lookups.phone(&subscriber.number()).await;
    lookups.try_phone("+99900000000404").await.unwrap_err();
    lookups.try_phone("somebody@").await.unwrap_err();
}

/// Name, labels and value of one series.
type Sample = (String, Vec<(String, String)>, f64);

/// A scrape taken apart as far as the tests need.
pub(crate) struct Scrape {
    text: String,
    families: Vec<String>,
    samples: Vec<Sample>,
}

impl Scrape {
    pub(crate) async fn of(daemon: &Daemon) -> Self {
        let text = daemon.metrics().await;
        let families = text
            .lines()
            .filter_map(|line| Some(line.strip_prefix("# TYPE ")?.split(' ').next()?.to_owned()))
            .collect();
        let samples = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
            .map(|line| {
                let (series, value) = line.rsplit_once(' ').expect("a value");
                let (name, labels) = series.split_once('{').map_or((series, ""), |(name, labels)| {
                    (name, labels.trim_end_matches('}'))
                });
                let labels = labels
                    .split("\",")
                    .filter(|label| !label.is_empty())
                    .map(|label| {
                        let (label, value) = label.split_once("=\"").expect("a label");
                        (label.to_owned(), value.trim_end_matches('"').to_owned())
                    })
                    .collect();
                (name.to_owned(), labels, value.parse().expect("a number"))
            })
            .collect();
        Self {
            text,
            families,
            samples,
        }
    }

    /// The sum over all series of a name with these labels.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.samples
            .iter()
            .filter(|(other, has, _)| {
                other == name
                    && labels
                        .iter()
                        .all(|(label, value)| has.iter().any(|(l, v)| l == label && v == value))
            })
            .map(|(_, _, value)| value)
            .sum()
    }

    fn has_label(&self, name: &str, label: &str) -> bool {
        self.samples
            .iter()
            .any(|(other, has, _)| other == name && has.iter().any(|(l, _)| l == label))
    }
}
