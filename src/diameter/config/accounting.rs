//! `[diameter.accounting]`: what accounting records count for.

use serde::Deserialize;

/// What accounting records count for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccountingConfig {
    /// The access points (APN, DNN) whose sessions are a data connection, without Operator Identifier. Empty: all of them.
    /// With the IMS access point among them, a device counts as connected by data for as long as it is registered for
    /// calls.
    pub apns: Vec<String>,
}

impl AccountingConfig {
    /// What is wrong with it, as (key, what is wrong and what to do).
    pub(super) fn problems(&self) -> Vec<(String, String)> {
        let sound = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_');
        let wrong = |apn: &String| apn.is_empty() || apn.len() > 100 || !apn.bytes().all(sound);
        self.apns
            .iter()
            .enumerate()
            .filter(|(_, apn)| wrong(apn))
            .map(|(place, _)| {
                let text = "is not an access point name of at most 100 letters, digits, hyphens and dots";
                (format!("apns[{place}]"), format!("{text}, such as \"internet\""))
            })
            .collect()
    }
}
