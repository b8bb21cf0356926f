//! How the requests of one peer are to be read.

use std::sync::Arc;

/// What reading a request depends on beside the request.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The peer hands over copies of requests that are meant for another host (feed mode `copy`). Otherwise they are meant
    /// for this one.
    pub copies: bool,
    /// Whose sessions count as data.
    pub apns: Apns,
}

/// The access points whose sessions count as a data connection: some, or all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Apns(Option<Arc<[Box<str>]>>);

impl Apns {
    /// Every one.
    pub const ALL: Self = Self(None);

    /// These and no others; every one if none is named.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: Arc<[_]> = names
            .into_iter()
            .map(|name| network_identifier(name).to_ascii_lowercase().into_boxed_str())
            .collect();
        Self((!names.is_empty()).then_some(names))
    }

    /// Whether sessions of this access point count.
    pub fn count(&self, apn: &str) -> bool {
        let apn = network_identifier(apn);
        self.0
            .as_ref()
            .is_none_or(|names| names.iter().any(|name| name.eq_ignore_ascii_case(apn)))
    }
}

/// An APN without its Operator Identifier `.mncXXX.mccXXX.gprs` (TS 23.003 §9.1.2), which some nodes add.
fn network_identifier(apn: &str) -> &str {
    let is = |label: &str, name: &str| {
        label.get(..3).is_some_and(|head| head.eq_ignore_ascii_case(name))
            && matches!(label.len(), 5 | 6)
            && label.bytes().skip(3).all(|digit| digit.is_ascii_digit())
    };
    let mut labels = apn.rsplitn(4, '.');
    match (labels.next(), labels.next(), labels.next(), labels.next()) {
        (Some(gprs), Some(mcc), Some(mnc), Some(network))
            if gprs.eq_ignore_ascii_case("gprs") && is(mcc, "mcc") && is(mnc, "mnc") =>
        {
            network
        }
        _ => apn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_access_point_counts_unless_some_are_named() {
        let all = Apns::named([]);
        assert!(all.count("internet") && all.count("ims") && all.count(""));
        let some = Apns::named(["Internet", "corp.example"]);
        for counts in [
            "internet",
            "INTERNET",
            "internet.mnc001.mcc999.gprs",
            "Corp.Example.MNC01.MCC001.GPRS",
        ] {
            assert!(some.count(counts), "{counts}");
        }
        for other in [
            "ims",
            "",
            "internet2",
            "internet.mnc001.mcc999",
            "x.internet",
            "internet.mncabc.mcc999.gprs",
            "mnc001.mcc999.gprs",
        ] {
            assert!(!some.count(other), "{other}");
        }
        let with_operator = Apns::named(["internet.mnc001.mcc999.gprs"]);
        assert!(with_operator.count("internet"));
    }
}
