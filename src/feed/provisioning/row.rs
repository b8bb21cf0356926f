//! What a row of an import says.

use crate::domain::{Event, ExternalIdentifier, Imsi, Msisdn, SubscriberIdentifiers, Timestamp};
use crate::proto::v1;

/// The binding a row asks for, from a time or else its receipt on; or what is wrong with which column.
pub(super) fn event(
    row: v1::SubscriberRow,
    as_of: Option<Timestamp>,
    received_at: Timestamp,
) -> Result<Event, String> {
    let v1::SubscriberRow {
        line: _,
        imsi,
        msisdn,
        external_identifier,
    } = row;
    if imsi.is_empty() {
        return Err("imsi: required".into());
    }
    let imsi = Imsi::parse(&imsi).map_err(|error| format!("imsi: {error}"))?;
    let msisdn = (!msisdn.is_empty())
        .then(|| Msisdn::parse(&msisdn).map_err(|error| format!("msisdn: {error}")))
        .transpose()?;
    let external = (!external_identifier.is_empty())
        .then(|| {
            ExternalIdentifier::parse(&external_identifier)
                .map_err(|error| format!("external_identifier: {error}"))
        })
        .transpose()?;
    if msisdn.is_none() && external.is_none() {
        return Err("msisdn or external_identifier: one of them is required".into());
    }
    let subscriber = SubscriberIdentifiers::new(Some(imsi), msisdn, external).ok_or("imsi: required")?;
    let since = as_of.unwrap_or(received_at);
    Ok(Event::new(subscriber, since, received_at, None))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn row(imsi: &str, msisdn: &str, external: &str) -> v1::SubscriberRow {
        v1::SubscriberRow {
            line: 7,
            imsi: imsi.into(),
            msisdn: msisdn.into(),
            external_identifier: external.into(),
        }
    }

    fn now() -> Timestamp {
        Timestamp::from_micros(1_000_000).unwrap()
    }

    #[test]
    fn a_row_binds_all_its_identifiers_from_its_receipt_on() {
        let read = event(row("001010000000001", "+99912345", "a@example.com"), None, now()).unwrap();
        assert_eq!(read.subscriber.bindings().count(), 2);
        assert_eq!((read.event_time, read.received_at), (now(), now()));
        assert!(read.changes.is_empty());
        let earlier = Timestamp::from_micros(77);
        let read = event(row("001010000000001", "+99912345", ""), earlier, now()).unwrap();
        assert_eq!((Some(read.event_time), read.received_at), (earlier, now()));
    }

    #[test]
    fn a_row_that_binds_nothing_is_refused_by_its_column_and_without_its_value() {
        let table = [
            (row("", "+99912345", ""), "imsi:"),
            (row("77", "+99912345", ""), "imsi:"),
            (row("001010000000001", "077", ""), "msisdn:"),
            (row("001010000000001", "", "77"), "external_identifier:"),
            (row("001010000000001", "", ""), "msisdn or external_identifier:"),
        ];
        for (row, column) in table {
            let reason = event(row, None, now()).unwrap_err();
            assert!(reason.starts_with(column), "{reason}");
            assert!(!reason.contains("77"), "{reason}");
        }
    }
}
