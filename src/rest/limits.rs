//! How many requests one client may send: a token bucket each, and a count of the day.
//!
//! The table is bounded. Whoever comes when it is full, and nobody in it has been idle for long enough to be forgotten,
//! shares one allowance with all others that come so.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::cause::Cause;
use super::config::LimitsConfig;
use super::problem::Problem;

const DAY: u64 = 24 * 3600;

/// What every client may do.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    /// Requests a second; 0 is no limit.
    rate: f64,
    burst: f64,
    /// 0 is no limit.
    per_day: u64,
}

/// What one client has left.
#[derive(Clone, Copy, Debug)]
struct Account {
    /// Requests that it may send at once.
    left: f64,
    /// When that was so.
    at: Instant,
    /// Days since 1970.
    day: u64,
    /// Requests of that day.
    used: u64,
}

impl Account {
    fn new(allowance: Allowance, at: Instant, day: u64) -> Self {
        Self {
            left: allowance.burst,
            at,
            day,
            used: 0,
        }
    }

    /// One more request, if it may be.
    fn take(
        &mut self,
        allowance: Allowance,
        now: Instant,
        today: u64,
        rest_of_day: u64,
    ) -> Result<(), Problem> {
        if self.day != today {
            (self.day, self.used) = (today, 0);
        }
        if allowance.per_day > 0 && self.used >= allowance.per_day {
            return Err(Problem::slower(
                Cause::QuotaExceeded,
                Duration::from_secs(rest_of_day),
            ));
        }
        if allowance.rate > 0.0 {
            self.left = self.left_at(allowance, now);
            self.at = now;
            if self.left < 1.0 {
                let wait = Duration::from_secs_f64((1.0 - self.left) / allowance.rate);
                return Err(Problem::slower(Cause::TooManyRequests, wait));
            }
            self.left -= 1.0;
        }
        self.used += 1;
        Ok(())
    }

    fn left_at(&self, allowance: Allowance, now: Instant) -> f64 {
        let gained = now.saturating_duration_since(self.at).as_secs_f64() * allowance.rate;
        (self.left + gained).min(allowance.burst)
    }

    /// Whether nothing is lost when it is forgotten.
    fn is_as_new(&self, allowance: Allowance, now: Instant, today: u64) -> bool {
        let full = allowance.rate <= 0.0 || self.left_at(allowance, now) >= allowance.burst;
        full && (allowance.per_day == 0 || self.day != today || self.used == 0)
    }
}

/// The accounts of all clients.
#[derive(Debug)]
pub struct Limits {
    allowance: Allowance,
    most: usize,
    accounts: Mutex<Accounts>,
}

#[derive(Debug)]
struct Accounts {
    by_client: HashMap<Box<str>, Account>,
    others: Option<Account>,
}

impl Limits {
    /// Nobody has used anything yet.
    pub fn new(config: &LimitsConfig) -> Self {
        Self {
            allowance: Allowance {
                rate: f64::from(config.rate),
                burst: f64::from(config.burst),
                per_day: config.per_day,
            },
            most: config.clients,
            accounts: Mutex::new(Accounts {
                by_client: HashMap::new(),
                others: None,
            }),
        }
    }

    /// One more request of `client` at `now`, which is `unix` seconds after 1970.
    ///
    /// # Errors
    /// That it is one too many, and when to come again.
    pub fn take(&self, client: &str, now: Instant, unix: u64) -> Result<(), Problem> {
        let allowance = self.allowance;
        if allowance.rate <= 0.0 && allowance.per_day == 0 {
            return Ok(());
        }
        let (today, rest_of_day) = (unix / DAY, DAY - unix % DAY);
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let Accounts { by_client, others } = &mut *accounts;
        if let Some(account) = by_client.get_mut(client) {
            return account.take(allowance, now, today, rest_of_day);
        }
        if by_client.len() >= self.most {
            by_client.retain(|_, account| !account.is_as_new(allowance, now, today));
        }
        let fresh = Account::new(allowance, now, today);
        let account = if by_client.len() < self.most {
            by_client.entry(client.into()).or_insert(fresh)
        } else {
            others.get_or_insert(fresh)
        };
        account.take(allowance, now, today, rest_of_day)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const NOON: u64 = 20_000 * DAY + DAY / 2;

    fn limits(rate: u32, burst: u32, per_day: u64, clients: usize) -> Limits {
        Limits::new(&LimitsConfig {
            rate,
            burst,
            per_day,
            clients,
            ..LimitsConfig::default()
        })
    }

    #[test]
    fn a_client_may_send_a_burst_and_then_as_many_as_the_rate_lets_it() {
        let (limits, begun) = (limits(10, 3, 0, 8), Instant::now());
        for _ in 0..3 {
            limits.take("a", begun, NOON).unwrap();
        }
        let refused = limits.take("a", begun, NOON).unwrap_err();
        assert_eq!(refused.cause, Cause::TooManyRequests);
        let wait = refused.retry_after.unwrap();
        assert!(
            wait > Duration::ZERO && wait <= Duration::from_millis(100),
            "{wait:?}"
        );
        // Who comes at the time told gets in; another client has its own.
        limits
            .take("a", begun + wait + Duration::from_micros(1), NOON)
            .unwrap();
        limits.take("b", begun, NOON).unwrap();
        // A long pause gives a burst and no more.
        let later = begun + Duration::from_secs(3600);
        for _ in 0..3 {
            limits.take("a", later, NOON).unwrap();
        }
        assert!(limits.take("a", later, NOON).is_err());
    }

    #[test]
    fn what_is_used_up_today_comes_back_tomorrow() {
        let (limits, now) = (limits(0, 1, 2, 8), Instant::now());
        limits.take("a", now, NOON).unwrap();
        limits.take("a", now, NOON).unwrap();
        let refused = limits.take("a", now, NOON).unwrap_err();
        assert_eq!(refused.cause, Cause::QuotaExceeded);
        let wait = refused.retry_after.unwrap().as_secs();
        assert!(limits.take("a", now, NOON + wait - 1).is_err());
        limits.take("a", now, NOON + wait).unwrap();
    }

    #[test]
    fn the_table_is_bounded_and_strangers_beyond_it_share_one_allowance() {
        let (limits, now) = (limits(1, 1, 0, 2), Instant::now());
        for client in ["a", "b", "c"] {
            limits.take(client, now, NOON).unwrap();
        }
        assert!(limits.take("d", now, NOON).is_err(), "c has used what d shares");
        assert_eq!(limits.accounts.lock().unwrap().by_client.len(), 2);
        // The idle ones make room.
        let later = now + Duration::from_secs(2);
        limits.take("d", later, NOON).unwrap();
        assert!(limits.accounts.lock().unwrap().by_client.contains_key("d"));
    }

    #[test]
    fn without_limits_nothing_is_counted() {
        let limits = limits(0, 0, 0, 1);
        for _ in 0..1000 {
            limits.take("a", Instant::now(), NOON).unwrap();
        }
        assert!(limits.accounts.lock().unwrap().by_client.is_empty());
    }
}
