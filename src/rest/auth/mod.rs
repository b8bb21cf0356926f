//! Who asks: access tokens (RFC 9068 and alike), checked against the keys of an authorization server.
//!
//! [`config`] says whom to trust, [`source`] keeps the keys ([`keys`]) from their `place` by way of `fetch`, [`jws`] checks
//! signatures, [`claims`] what is signed. A token that was good is remembered by its hash until it expires or the keys
//! change, since gateways send the same one many times over.

pub mod claims;
pub mod config;
mod fetch;
pub mod jws;
pub mod keys;
mod place;
pub mod source;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{HeaderMap, header};
use ring::digest::{SHA256, digest};
use tokio_util::sync::CancellationToken;

pub use config::{AuthConfig, Mode};

use super::cause::Cause;
use super::device::TokenDevice;
use super::problem::Problem;
use crate::files::Reload;
use claims::Judge;
use source::Keys;

/// Tokens that are remembered, at most; each takes about 200 octets.
const REMEMBERED: usize = 10_000;
/// The longest token taken, in octets.
const MOST_TOKEN: usize = 8 * 1024;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// By what the client is told from others: its id, or without tokens its address.
    pub client: Arc<str>,
    /// The device that the token is about, if it is about one.
    pub device: Option<TokenDevice>,
    /// Why it may not read after all.
    pub barred: Option<Cause>,
}

impl Caller {
    /// # Errors
    /// Why it may not.
    pub fn may_read(&self) -> Result<(), Cause> {
        self.barred.map_or(Ok(()), Err)
    }
}

/// How callers are known.
#[derive(Debug)]
pub enum Auth {
    /// They are not: everyone may ask for every device.
    None,
    /// By access tokens.
    Tokens(Box<Tokens>),
}

impl Auth {
    /// As configured. At most `waiting` requests wait for an authorization server at a time.
    ///
    /// # Errors
    /// What is wrong with the files that are named, as a sentence.
    pub fn new(config: &AuthConfig, waiting: usize) -> Result<Self, String> {
        match config.mode {
            Mode::None => Ok(Self::None),
            Mode::Jwt => Ok(Self::Tokens(Box::new(Tokens {
                judge: Judge::new(config),
                keys: Keys::new(config, waiting)?,
                good: Mutex::new(HashMap::new()),
            }))),
        }
    }

    /// Who sends these headers at `now`, in seconds since 1970.
    ///
    /// # Errors
    /// That it is not known who, or cannot be found out.
    pub async fn caller(
        &self,
        headers: &HeaderMap,
        remote: Option<IpAddr>,
        now: u64,
    ) -> Result<Caller, Problem> {
        match self {
            Self::None => Ok(Caller {
                client: remote.map_or_else(|| "unknown".into(), |address| whose(address).to_string().into()),
                device: None,
                barred: None,
            }),
            Self::Tokens(tokens) => Ok(tokens.caller(bearer(headers)?, now).await?),
        }
    }

    /// Keeps the keys up to date until `closing`; reads them at once whenever `reload` asks.
    pub async fn keep_keys(&self, reload: &Reload, closing: CancellationToken) {
        if let Self::Tokens(tokens) = self {
            tokens.keys.keep(reload, closing).await;
        }
    }
}

/// By what a client without a token is told from others: its address, or its network where that is what a client has.
fn whose(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            // A subscriber line has 64 bits to choose its addresses from.
            let network = address.to_bits() >> 64 << 64;
            IpAddr::V6(network.into())
        }
        address => address,
    }
}

/// The token of a request (RFC 6750 §2.1).
fn bearer(headers: &HeaderMap) -> Result<&str, Cause> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let value = given.next().ok_or(Cause::MissingCredentials)?;
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .ok_or(Cause::InvalidCredentials)?;
    let fine = given.next().is_none()
        && scheme.eq_ignore_ascii_case("bearer")
        && (1..=MOST_TOKEN).contains(&token.len());
    if fine {
        Ok(token.trim_start())
    } else {
        Err(Cause::InvalidCredentials)
    }
}

/// Checks access tokens.
#[derive(Debug)]
pub struct Tokens {
    judge: Judge,
    keys: Keys,
    good: Mutex<HashMap<[u8; 32], Good>>,
}

/// A token that was good.
#[derive(Clone, Debug)]
struct Good {
    caller: Caller,
    /// From when on it is not, in seconds since 1970.
    until: u64,
    /// Of the keys that it was checked with.
    generation: u64,
}

impl Tokens {
    async fn caller(&self, token: &str, now: u64) -> Result<Caller, Cause> {
        let hash = hash(token);
        if let Some(good) = self.remembered(&hash) {
            return if now < good.until {
                Ok(good.caller)
            } else {
                Err(Cause::ExpiredCredentials)
            };
        }
        let token = jws::Token::read(token).ok_or(Cause::InvalidCredentials)?;
        let (payload, generation) = self.keys.verified(&token).await?;
        let (caller, until) = self.judge.caller(&payload, now)?;
        self.remember(
            hash,
            Good {
                caller: caller.clone(),
                until,
                generation,
            },
            now,
        );
        Ok(caller)
    }

    fn remembered(&self, hash: &[u8; 32]) -> Option<Good> {
        let good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        good.get(hash)
            .filter(|good| good.generation == self.keys.generation())
            .cloned()
    }

    fn remember(&self, hash: [u8; 32], new: Good, now: u64) {
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        if good.len() >= REMEMBERED {
            good.retain(|_, known| known.until > now && known.generation == new.generation);
        }
        if good.len() >= REMEMBERED {
            // More clients than expected; forgetting them all costs one signature each.
            good.clear();
        }
        good.insert(hash, new);
    }
}

fn hash(token: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    // Of equal length.
    for (to, from) in hash.iter_mut().zip(digest(&SHA256, token.as_bytes()).as_ref()) {
        *to = *from;
    }
    hash
}

#[cfg(test)]
mod tests;
