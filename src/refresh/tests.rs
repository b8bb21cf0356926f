//! Who is asked, how often, and how long that takes, in virtual time.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::*;
use crate::domain::Msisdn;

/// Answers as often as it is let, and counts how often it is asked.
#[derive(Clone, Debug)]
struct Hss {
    asked: Arc<AtomicUsize>,
    answers: Arc<Semaphore>,
    tells: bool,
}

impl Hss {
    fn new(tells: bool) -> Self {
        Self {
            asked: Arc::default(),
            answers: Arc::new(Semaphore::new(0)),
            tells,
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Ask for Hss {
    fn ask<'a>(&'a self, _: &'a User) -> Asking<'a> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Box::pin(async {
            self.answers.acquire().await.unwrap().forget();
            self.tells
        })
    }
}

fn user(n: u64) -> User {
    User::Msisdn(Msisdn::parse(&format!("999{n:09}")).unwrap())
}

fn refresher(whom: &[&Hss], rate: u32) -> Refresher {
    let whom = whom.iter().map(|hss| Box::new((*hss).clone()) as Box<dyn Ask>);
    Refresher::new(whom.collect(), Arc::default(), rate, Duration::from_secs(2))
}

#[tokio::test(start_paused = true)]
async fn many_users_are_asked_about_at_once_and_waited_for_no_longer_than_one() {
    let hss = Hss::new(true);
    let refresher = refresher(&[&hss], 100);
    let begun = Instant::now();
    hss.answers.add_permits(10);
    // The same user twice is one question.
    refresher.refresh((0..20).chain(0..5).map(user)).await;
    assert_eq!(hss.asked(), 20);
    assert_eq!(begun.elapsed(), Duration::from_secs(2));
    assert_eq!(
        refresher.0.under_way().len(),
        10,
        "what comes late is still waited for"
    );
    hss.answers.add_permits(10);
    refresher.refresh((10..20).map(user)).await;
    assert_eq!((hss.asked(), begun.elapsed()), (20, Duration::from_secs(2)));
}

#[tokio::test(start_paused = true)]
async fn no_more_users_than_the_rate_are_asked_about_and_the_others_do_not_wait() {
    let hss = Hss::new(true);
    let refresher = refresher(&[&hss], 3);
    hss.answers.add_permits(100);
    let begun = Instant::now();
    refresher.refresh((0..20).map(user)).await;
    assert_eq!(hss.asked(), 3);
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn whoever_tells_nothing_is_followed_by_the_next_and_whoever_tells_is_the_last() {
    let (first, second, third) = (Hss::new(false), Hss::new(true), Hss::new(true));
    let refresher = refresher(&[&first, &second, &third], 100);
    for hss in [&first, &second, &third] {
        hss.answers.add_permits(1);
    }
    refresher.refresh([user(1)]).await;
    assert_eq!([first.asked(), second.asked(), third.asked()], [1, 1, 0]);
    assert!(refresher.0.under_way().is_empty());
}

#[tokio::test(start_paused = true)]
async fn nobody_asked_about_takes_no_time() {
    let hss = Hss::new(true);
    refresher(&[&hss], 1).refresh([]).await;
    assert_eq!(hss.asked(), 0);
}
