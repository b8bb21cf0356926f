//! Sh-Data: whatever comes as User-Data is refused, or says a bounded amount that stays the same.

use reachd::diameter::apps::sh::changes;
use reachd::diameter::apps::sh::data::{MAX_OCTETS, ShData};
use reachd::domain::Timestamp;

/// Reads the octets as a document, and as the members of one.
pub fn run(data: &[u8]) {
    check(data);
    check(&[b"<Sh-Data>", data, b"</Sh-Data>"].concat());
}

fn check(document: &[u8]) {
    let Ok(told) = ShData::parse(document) else {
        return;
    };
    assert!(document.len() <= MAX_OCTETS && std::str::from_utf8(document).is_ok());
    assert_eq!(told.clone().or(ShData::default()), told);
    assert_eq!(told.clone().or(told.clone()), told);
    assert!(
        changes(&told, Timestamp::MAX).len() <= 16,
        "every change has an element of its own"
    );
    // Remarks around a document say nothing.
    let remarked = [document, b"<!-- -->\n"].concat();
    if remarked.len() <= MAX_OCTETS {
        assert_eq!(ShData::parse(&remarked), Ok(told));
    }
}
