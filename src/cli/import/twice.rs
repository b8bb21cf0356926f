//! Whether a file claims one identifier for two subscribers.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::csv::Row;
use super::report::{Conflict, With};
use crate::domain::SubscriberId;

/// What lines said so far: some thirty octets for each identifier.
#[derive(Debug, Default)]
pub(super) struct Claims(HashMap<SubscriberId, (SubscriberId, u64)>);

impl Claims {
    /// Takes what a row claims, and tells which of it an earlier line claims for somebody else.
    pub(super) fn take(&mut self, row: &Row) -> Vec<Conflict> {
        let subscriber = SubscriberId::from(row.imsi);
        let msisdn = row.msisdn.map(|msisdn| ("msisdn", SubscriberId::from(msisdn)));
        let external = row
            .external
            .as_ref()
            .map(|external| ("external_id", external.into()));
        let mut conflicts = Vec::new();
        for (column, identifier) in msisdn.into_iter().chain(external) {
            match self.0.entry(identifier) {
                Entry::Vacant(free) => {
                    free.insert((subscriber, row.line));
                }
                Entry::Occupied(claimed) => {
                    let (holder, line) = *claimed.get();
                    if holder != subscriber {
                        conflicts.push(Conflict {
                            line: row.line,
                            column,
                            with: With::Line(line),
                        });
                    }
                }
            }
        }
        conflicts
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::domain::{Imsi, Msisdn};

    #[test]
    fn only_a_claim_for_somebody_else_is_a_conflict() {
        let row = |line, imsi, number| Row {
            line,
            imsi: Imsi::parse(imsi).unwrap(),
            msisdn: Msisdn::parse(number).ok(),
            external: None,
        };
        let mut claims = Claims::default();
        assert!(
            claims
                .take(&row(2, "999010000000001", "+999000000001"))
                .is_empty()
        );
        assert!(
            claims
                .take(&row(3, "999010000000001", "+999000000001"))
                .is_empty()
        );
        assert!(
            claims
                .take(&row(4, "999010000000001", "+999000000002"))
                .is_empty()
        );
        let conflicts = claims.take(&row(5, "999010000000002", "+999000000001"));
        let expected = Conflict {
            line: 5,
            column: "msisdn",
            with: With::Line(2),
        };
        assert_eq!(conflicts, [expected]);
    }
}
