//! What is kept of one target.

use crate::domain::{Aspect, MonitoringState, NetworkResult, Target, Timestamp};
use crate::store::MonitoringRow;

/// Seconds since 1970-01-01 UTC, until 2106.
pub(super) type Seconds = u32;

/// Never.
pub(super) const NEVER: Seconds = Seconds::MAX;

pub(super) fn seconds(at: Timestamp) -> Seconds {
    Seconds::try_from(at.as_micros() / 1_000_000).unwrap_or(NEVER)
}

pub(super) fn timestamp(at: Seconds) -> Option<Timestamp> {
    Timestamp::from_micros(i64::from(at) * 1_000_000)
}

/// One aspect of a target.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) state: MonitoringState,
    /// What the HSS has or is being given; 0 for none.
    pub(super) reference: u32,
    /// The one before it, while the HSS may still hold it; 0 for none.
    pub(super) replaced: u32,
    /// When what the HSS holds ends by itself; 0 if it holds nothing for certain.
    pub(super) expires: Seconds,
    /// When something is to be done.
    pub(super) due: Seconds,
    result: Option<StoredResult>,
    /// Attempts in a row that failed.
    pub(super) attempts: u8,
    /// Times in a row that it was over as soon as it was there.
    pub(super) hasty: u8,
}

/// A result in four octets.
#[derive(Clone, Copy, Debug)]
struct StoredResult {
    code: u16,
    of_3gpp: bool,
}

/// Vendor of 3GPP; numbers of others are kept as if they were of it.
const VENDOR_3GPP: u32 = 10415;

impl Part {
    pub(super) fn wanted(now: Seconds) -> Self {
        Self {
            state: MonitoringState::Wanted,
            reference: 0,
            replaced: 0,
            expires: 0,
            due: now,
            result: None,
            attempts: 0,
            hasty: 0,
        }
    }

    pub(super) fn result(&self) -> Option<NetworkResult> {
        self.result.map(|result| NetworkResult {
            vendor: if result.of_3gpp { VENDOR_3GPP } else { 0 },
            code: result.code.into(),
        })
    }

    pub(super) fn set_result(&mut self, result: Option<NetworkResult>) {
        self.result = result.map(|result| StoredResult {
            code: u16::try_from(result.code).unwrap_or(u16::MAX),
            of_3gpp: result.vendor != 0,
        });
    }

    /// Whether the HSS may still hold what it was given last.
    pub(super) fn is_held(&self, now: Seconds) -> bool {
        self.expires > now
    }
}

/// One target.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) target: Target,
    pub(super) parts: [Part; 3],
    /// Where it stands in the queue.
    pub(super) queued: Option<Seconds>,
    /// A question about it is under way.
    pub(super) asked: bool,
    /// It is to be ended.
    pub(super) ending: bool,
    /// One bit for each part that has to be written.
    pub(super) dirty: u8,
    /// Which HSS answered for it last; 0 if that is not known.
    pub(super) hss: u8,
}

impl Entry {
    pub(super) fn new(target: Target, now: Seconds) -> Self {
        Self {
            target,
            parts: [Part::wanted(now); 3],
            queued: None,
            asked: false,
            ending: false,
            dirty: 0,
            hss: 0,
        }
    }

    /// The part of an aspect.
    pub(super) fn part(&self, aspect: Aspect) -> &Part {
        let [loss, data, sms] = &self.parts;
        match aspect {
            Aspect::Loss => loss,
            Aspect::Data => data,
            Aspect::Sms => sms,
        }
    }

    pub(super) fn part_mut(&mut self, aspect: Aspect) -> &mut Part {
        let [loss, data, sms] = &mut self.parts;
        match aspect {
            Aspect::Loss => loss,
            Aspect::Data => data,
            Aspect::Sms => sms,
        }
    }

    /// When something is to be done about any part.
    pub(super) fn due(&self) -> Seconds {
        self.parts.iter().map(|part| part.due).min().unwrap_or(NEVER)
    }

    /// The row of a part.
    pub(super) fn row(&self, aspect: Aspect, now: Timestamp) -> MonitoringRow {
        let part = self.part(aspect);
        MonitoringRow {
            target: self.target.clone(),
            aspect,
            state: if self.ending {
                MonitoringState::Ending
            } else {
                part.state
            },
            reference: part.reference,
            replaced: part.replaced,
            expires_at: Some(part.expires).filter(|at| *at > 0).and_then(timestamp),
            result: part.result(),
            changed_at: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_takes_little_room() {
        assert_eq!(size_of::<Part>(), 24);
        assert_eq!(size_of::<Option<Entry>>(), 112);
    }
}
