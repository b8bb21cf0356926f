//! What was erased, and what may be said of it afterwards.
//!
//! An erasure is a floor in time under one identifier: whatever was true up to it is not kept, wherever it comes from and
//! however late. As every other fact it is a maximum, and so nothing depends on order: facts that were joined and then
//! cut off at a floor are those that were cut off and then joined. What happens after it is a new history, unless all is
//! refused.
//!
//! Erased identifiers are not kept. What stands for them is a [`Pseudonym`], and without the key nobody can tell for whom.

use std::collections::HashMap;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{Event, SubscriberId, Timestamp};

/// What stands for a subscriber where its identifiers must not: HMAC-SHA-256 (RFC 2104) of its number, the first 128 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pseudonym([u8; Self::LENGTH]);

impl Pseudonym {
    /// How many octets it has.
    pub const LENGTH: usize = 16;

    /// From octets, as they are stored.
    pub fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// The octets, for the store.
    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl fmt::Display for Pseudonym {
    /// 32 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// Makes pseudonyms. Whoever has it can tell by trial for whom one stands.
#[derive(Clone)]
pub struct PseudonymKey(Hmac<Sha256>);

impl PseudonymKey {
    /// How many octets a key has.
    pub const LENGTH: usize = 32;

    /// From its octets.
    pub fn new(octets: &[u8; Self::LENGTH]) -> Self {
        // One block, as RFC 2104 has it: what is shorter is filled up with zeros.
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        for (place, octet) in block.iter_mut().zip(octets) {
            *place = *octet;
        }
        Self(Hmac::new(&block))
    }

    /// What stands for a subscriber.
    pub fn of(&self, subscriber: SubscriberId) -> Pseudonym {
        self.mac(&subscriber.as_i64().to_be_bytes())
    }

    /// What stands for the key itself: two that share it have the same keys. No subscriber has it.
    pub fn fingerprint(&self) -> Pseudonym {
        self.mac(b"reachd pseudonym key")
    }

    fn mac(&self, message: &[u8]) -> Pseudonym {
        let mut mac = self.0.clone();
        mac.update(message);
        let whole = mac.finalize().into_bytes();
        let mut first = [0; Pseudonym::LENGTH];
        for (place, octet) in first.iter_mut().zip(whole) {
            *place = octet;
        }
        Pseudonym(first)
    }
}

impl fmt::Debug for PseudonymKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PseudonymKey(redacted)")
    }
}

/// What of an erased subscriber is refused as long as its erasure is remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refuse {
    /// What had happened by then. What happens later begins a new history.
    #[default]
    Late,
    /// Everything.
    All,
}

/// What is left of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screened {
    /// All, or all but bindings of erased identifiers to somebody else.
    Kept,
    /// Nothing: it is about a subscriber that was erased, or binds erased identifiers and says nothing else.
    Erased,
}

/// Every erasure that is remembered: the newest of each identifier.
#[derive(Clone, Debug, Default)]
pub struct Erasures(HashMap<Pseudonym, Timestamp>);

impl Erasures {
    /// Takes an erasure; true if it says more than was known.
    pub fn note(&mut self, who: Pseudonym, erased_at: Timestamp) -> bool {
        let known = self.0.insert(who, erased_at);
        match known {
            Some(newer) if newer >= erased_at => {
                self.0.insert(who, newer);
                false
            }
            _ => true,
        }
    }

    /// Up to when what is said of an identifier is not kept; `None` if it was not erased.
    pub fn floor(&self, who: &Pseudonym) -> Option<Timestamp> {
        self.0.get(who).copied()
    }

    /// Takes away of an event what must not be kept.
    ///
    /// The identifier that names its subscriber decides about all of it. One that it only binds is taken out: what else
    /// the event says is of somebody else, who was not erased.
    pub fn screen(&self, key: &PseudonymKey, refuse: Refuse, event: &mut Event) -> Screened {
        let time = event.event_time;
        let refused = |of: SubscriberId| {
            self.floor(&key.of(of))
                .is_some_and(|floor| refuse == Refuse::All || time <= floor)
        };
        if refused(event.subscriber.subscriber()) {
            return Screened::Erased;
        }
        let bound = event.subscriber.bindings().next().is_some();
        event
            .subscriber
            .unbind(|identifier| refused(identifier.subscriber()));
        let says_something = !event.changes.is_empty()
            || !event.addresses.is_empty()
            || event.subscriber.bindings().next().is_some();
        if bound && !says_something {
            Screened::Erased
        } else {
            Screened::Kept
        }
    }

    /// Forgets erasures that were made before a time.
    pub fn forget(&mut self, before: Timestamp) {
        self.0.retain(|_, erased_at| *erased_at >= before);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was erased.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Change, Imsi, Msisdn, Slot, SubscriberIdentifiers};

    fn key() -> PseudonymKey {
        PseudonymKey::new(&[7; 32])
    }

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).unwrap()
    }

    #[test]
    fn a_pseudonym_is_the_keyed_hash_of_the_number() {
        let subscriber = SubscriberId::from(Imsi::parse("001010000000001").unwrap());
        // python3: hmac.new(b"\x07" * 32, ((1 << 61) | 1001010000000001).to_bytes(8, "big"), "sha256").hexdigest()[:32]
        assert_eq!(
            key().of(subscriber).to_string(),
            "de61b49d5dd3789c6501c5f0cd3c80d9"
        );
        assert_ne!(PseudonymKey::new(&[8; 32]).of(subscriber), key().of(subscriber));
        assert_eq!(format!("{:?}", key()), "PseudonymKey(redacted)");
    }

    #[test]
    fn the_newest_erasure_of_an_identifier_counts() {
        let mut erasures = Erasures::default();
        let who = key().fingerprint();
        assert!(erasures.note(who, at(5)));
        assert!(!erasures.note(who, at(5)));
        assert!(!erasures.note(who, at(3)));
        assert_eq!(erasures.floor(&who), Some(at(5)));
        assert!(erasures.note(who, at(8)));
        erasures.forget(at(8));
        assert_eq!(erasures.floor(&who), Some(at(8)));
        erasures.forget(at(9));
        assert!(erasures.is_empty());
    }

    #[test]
    fn what_had_happened_by_then_is_refused_and_what_happens_later_only_if_all_is() {
        let imsi = Imsi::parse("001010000000001").unwrap();
        let mut erasures = Erasures::default();
        erasures.note(key().of(imsi.into()), at(10));
        for (time, refuse, screened) in [
            (9, Refuse::Late, Screened::Erased),
            (10, Refuse::Late, Screened::Erased),
            (11, Refuse::Late, Screened::Kept),
            (11, Refuse::All, Screened::Erased),
        ] {
            let mut event = Event::new(imsi.into(), at(time), at(20), None);
            assert_eq!(erasures.screen(&key(), refuse, &mut event), screened, "{time}");
        }
    }

    #[test]
    fn an_erased_number_is_not_bound_again_and_its_new_holder_loses_nothing_else() {
        let imsi = Imsi::parse("001010000000002").unwrap();
        let msisdn = Msisdn::parse("+999000000001").unwrap();
        let mut erasures = Erasures::default();
        erasures.note(key().of(msisdn.into()), at(10));
        let both = SubscriberIdentifiers::new(Some(imsi), Some(msisdn), None).unwrap();
        let gone = Change::Cleared { slot: Slot::Msc };
        let mut late = Event::new(both.clone(), at(10), at(20), [gone]);
        assert_eq!(erasures.screen(&key(), Refuse::Late, &mut late), Screened::Kept);
        assert_eq!(late.subscriber, imsi.into());
        let mut binding = Event::new(both.clone(), at(10), at(20), None);
        assert_eq!(
            erasures.screen(&key(), Refuse::Late, &mut binding),
            Screened::Erased
        );
        let mut new = Event::new(both.clone(), at(11), at(20), None);
        assert_eq!(erasures.screen(&key(), Refuse::Late, &mut new), Screened::Kept);
        assert_eq!(new.subscriber, both);
    }
}
