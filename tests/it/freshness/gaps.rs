//! Peers that are cut off, fall silent, restart or tell of a reset, and a daemon that restarts itself: what is answered of
//! three subscribers before, during and after. One is not heard of again, one is, and of one nothing was ever told.

use super::*;
use crate::support::wire::{avp_3gpp, code};

const RESET: u32 = 322;
const USER_ID: u32 = 1444;

struct Cast {
    silent: Subscriber,
    heard_again: Subscriber,
    unknown: Subscriber,
}

impl Cast {
    fn new() -> Self {
        let [silent, heard_again, unknown] = [1, 2, 3].map(Subscriber::nth);
        Self {
            silent,
            heard_again,
            unknown,
        }
    }

    /// Before: they are attached, and an hour passes in which the feed lives and has nothing to tell.
    async fn before(&self, daemon: &Daemon, dra: &mut Peer) -> Answer {
        for subscriber in [&self.silent, &self.heard_again, &self.unknown] {
            daemon.introduce(dra, subscriber).await;
        }
        for subscriber in [&self.silent, &self.heard_again] {
            attach(dra, subscriber).await;
        }
        let attached = daemon.answer(&self.silent).await;
        assert_eq!(attached.freshness, Freshness::Fresh);
        assert_eq!(attached.last_confirmed_time, attached.last_status_time);
        daemon.lives_for(dra, DRA, 60 * MINUTE).await;
        for subscriber in [&self.silent, &self.heard_again] {
            let alive = daemon.assert_alive(subscriber, DRA).await;
            assert_eq!(alive.status, ReachabilityStatus::ConnectedData);
            assert!(confirmed(&alive) - micros(alive.last_status_time) >= 3_600_000_000);
        }
        let alive = daemon.answer(&self.silent).await;
        assert_eq!(alive.last_status_time, attached.last_status_time);
        self.of_one_nothing_is_known(daemon).await;
        alive
    }

    /// During and after: as it was when the gap began, older by the minute.
    async fn told_up_to(&self, daemon: &Daemon, who: &[&Subscriber], begin: i64, why: &str) {
        for subscriber in who {
            let answer = daemon.assert_told(subscriber, begin, Freshness::Stale, why).await;
            assert_eq!(answer.status, ReachabilityStatus::ConnectedData);
        }
        self.of_one_nothing_is_known(daemon).await;
    }

    /// After: one attaches again, and ten minutes pass in which the feed lives.
    async fn after(&self, daemon: &Daemon, dra: &mut Peer, begin: i64) {
        attach(dra, &self.heard_again).await;
        daemon.lives_for(dra, DRA, 10 * MINUTE).await;
        let why = was_away(DRA, &daemon.gap(DRA, begin));
        self.told_up_to(daemon, &[&self.silent], begin, &why).await;
        daemon.assert_alive(&self.heard_again, DRA).await;
    }

    async fn of_one_nothing_is_known(&self, daemon: &Daemon) {
        let answer = daemon.answer(&self.unknown).await;
        assert_eq!(answer.status, ReachabilityStatus::Unknown);
        let told = (answer.freshness, answer.last_confirmed_time);
        assert_eq!(told, (Freshness::Unknown, None));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_leaves_what_was_told_at_its_begin_until_it_is_heard_again() {
    let place = Place::embedded().await;
    let daemon = Daemon::start(&place, |_| ()).await;
    let cast = Cast::new();
    let mut dra = daemon.connect(DRA).await;
    let before = cast.before(&daemon, &mut dra).await;

    drop(dra);
    let begin = daemon.is_away(DRA).await;
    assert!(begin >= confirmed(&before));
    let answer = daemon.answer(&cast.silent).await;
    assert_eq!(
        (confirmed(&answer), answer.freshness),
        (begin, Freshness::Fresh),
        "not yet older than five minutes"
    );
    daemon.clock.advance(10 * MINUTE);
    let both = [&cast.silent, &cast.heard_again];
    cast.told_up_to(&daemon, &both, begin, &away(DRA, begin)).await;

    let mut dra = daemon.connect(DRA).await;
    cast.after(&daemon, &mut dra, begin).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_does_not_answer_the_watchdog_is_away_since_it_was_last_heard() {
    let place = Place::embedded().await;
    let impatient = |config: &mut Config| {
        config.diameter.peers[0].watchdog = Some(Duration::from_secs(3));
    };
    let daemon = Daemon::start(&place, impatient).await;
    let cast = Cast::new();
    let mut dra = daemon.connect(DRA).await;
    cast.before(&daemon, &mut dra).await;
    let heard = daemon.now();

    // The connection stays, and nothing comes from it.
    let begin = daemon.is_away(DRA).await;
    assert!(begin <= heard.as_micros());
    daemon.clock.advance(10 * MINUTE);
    let both = [&cast.silent, &cast.heard_again];
    cast.told_up_to(&daemon, &both, begin, &away(DRA, begin)).await;

    drop(dra);
    let mut dra = daemon.connect_again(DRA).await;
    cast.after(&daemon, &mut dra, begin).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_lost_its_state_is_no_longer_believed_about_before() {
    let place = Place::embedded().await;
    let daemon = Daemon::start(&place, |_| ()).await;
    let cast = Cast::new();
    let mut dra = daemon.connect_with_state(DRA, 7).await;
    cast.before(&daemon, &mut dra).await;

    // The same connection goes on, and tells that the state behind it is a new one.
    let gaps = daemon.feed(DRA).gaps().len();
    let restarted = dra
        .origin(Request::base(command::DEVICE_WATCHDOG))
        .with(origin_state(8));
    dra.ask(&restarted).await.assert_result(SUCCESS);
    let doubt = eventually("the doubt was seen", async || {
        let feed = daemon.feed(DRA);
        (feed.gaps().len() > gaps).then(|| feed.gaps().last().unwrap().clone())
    })
    .await;
    let begin = doubt.begin.as_micros();
    daemon.clock.advance(10 * MINUTE);
    daemon.sign_of_life(&mut dra, DRA).await;
    // There is no during: the peer is there all the time.
    let both = [&cast.silent, &cast.heard_again];
    cast.told_up_to(&daemon, &both, begin, &was_away(DRA, &doubt))
        .await;
    cast.after(&daemon, &mut dra, begin).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_restarts_is_away_and_then_no_longer_believed_about_before() {
    let place = Place::embedded().await;
    let daemon = Daemon::start(&place, |_| ()).await;
    let cast = Cast::new();
    let mut dra = daemon.connect_with_state(DRA, 7).await;
    cast.before(&daemon, &mut dra).await;

    drop(dra);
    let begin = daemon.is_away(DRA).await;
    daemon.clock.advance(10 * MINUTE);
    let both = [&cast.silent, &cast.heard_again];
    cast.told_up_to(&daemon, &both, begin, &away(DRA, begin)).await;
    let mut dra = daemon.connect_with_state(DRA, 8).await;
    cast.after(&daemon, &mut dra, begin).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_puts_in_doubt_the_subscribers_it_names_and_no_others() {
    let place = Place::embedded().await;
    let daemon = Daemon::start(&place, |_| ()).await;
    let (named, other) = (Subscriber::nth(9_000_000_001), Subscriber::nth(1));
    let mut dra = daemon.connect(DRA).await;
    for subscriber in [&named, &other] {
        daemon.introduce(&mut dra, subscriber).await;
        attach(&mut dra, subscriber).await;
    }
    daemon.lives_for(&mut dra, DRA, 10 * MINUTE).await;
    for subscriber in [&named, &other] {
        daemon.assert_alive(subscriber, DRA).await;
    }

    let reset = Request::s6a(RESET, "hss1.home.example")
        .with(avp(code::DESTINATION_HOST, MME.as_bytes()))
        .with(avp_3gpp(USER_ID, b"001019"));
    dra.ask(&reset).await.assert_result(SUCCESS);
    let doubt = eventually("the doubt was seen", async || {
        let feed = daemon.feed(DRA);
        feed.gaps().iter().find(|gap| gap.only.is_some()).cloned()
    })
    .await;
    let begin = doubt.begin.as_micros();
    let why = format!("{}, for some subscribers", was_away(DRA, &doubt));
    daemon.assert_told(&named, begin, Freshness::Fresh, &why).await;
    daemon.lives_for(&mut dra, DRA, 10 * MINUTE).await;
    let answer = daemon.assert_told(&named, begin, Freshness::Stale, &why).await;
    assert_eq!(answer.status, ReachabilityStatus::ConnectedData);
    daemon.assert_alive(&other, DRA).await;

    attach(&mut dra, &named).await;
    daemon.lives_for(&mut dra, DRA, 10 * MINUTE).await;
    daemon.assert_alive(&named, DRA).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_in_which_no_daemon_ran_is_a_gap_of_every_feed() {
    let place = Place::embedded().await;
    let daemon = Daemon::start(&place, |_| ()).await;
    let cast = Cast::new();
    let mut dra = daemon.connect(DRA).await;
    let before = cast.before(&daemon, &mut dra).await;
    drop(dra);
    daemon.stop().await;

    let daemon = Daemon::start_ahead(&place, 80 * MINUTE, |_| ()).await;
    let begin = daemon.is_away(DRA).await;
    assert!(begin >= confirmed(&before), "it was kept");
    let both = [&cast.silent, &cast.heard_again];
    cast.told_up_to(&daemon, &both, begin, &away(DRA, begin)).await;
    let mut dra = daemon.connect(DRA).await;
    cast.after(&daemon, &mut dra, begin).await;
    daemon.stop().await;
}
