//! From any octets to messages, and what every message written in reply has to be.

use reachd::diameter::codec::{Header, LocalIdentity, Message, frame_length};

/// As the daemon's default `diameter.max_message_size`.
pub const MAX_MESSAGE: usize = 256 * 1024;

/// Everything that an answer carries beyond what it copies from its request.
const ANSWER_ROOM: usize = 2048;

/// Who answers.
pub fn identity() -> LocalIdentity {
    LocalIdentity {
        origin_host: "reachd.example".into(),
        origin_realm: "example".into(),
    }
}

/// Reads the octets as a stream, message by message, as far as its boundaries can be told; then all of them as one
/// message, with version and length put right: no mutation has to guess those.
pub fn each_message(octets: &[u8], mut judge: impl FnMut(&Message<'_>)) {
    let mut rest = octets;
    while let Ok(Some(length)) = frame_length(rest, MAX_MESSAGE) {
        assert!((Header::LEN..=MAX_MESSAGE).contains(&length) && length.is_multiple_of(4));
        let Some((frame, behind)) = rest.split_at_checked(length) else {
            break;
        };
        judge(&Message::decode(frame).expect("a frame of the length that its header says"));
        rest = behind;
    }
    // Not measured first: it has to judge for itself.
    let _ = Message::decode(octets);
    let mut whole = octets.to_vec();
    whole.truncate(octets.len().min(MAX_MESSAGE) / 4 * 4);
    if whole.len() >= Header::LEN {
        let head = u32::try_from(whole.len()).expect("a short message") | 1 << 24;
        whole[..4].copy_from_slice(&head.to_be_bytes());
        judge(&Message::decode(&whole).expect("a sound header"));
    }
}

/// Fails unless `out` is one sound answer to this request, not much longer than the request itself.
pub fn assert_answers(out: &[u8], request: &Message<'_>) {
    assert_eq!(frame_length(out, usize::MAX), Ok(Some(out.len())));
    let answer = Message::decode(out).expect("an answer with a sound header");
    assert_eq!(answer.defects(), [], "the answer's structure");
    let (asked, answered) = (request.header(), answer.header());
    assert!(!answered.flags.is_request() && !answered.flags.is_retransmitted());
    assert_eq!(answered.flags.is_proxiable(), asked.flags.is_proxiable());
    assert_eq!(
        (answered.command, answered.application),
        (asked.command, asked.application)
    );
    assert_eq!(
        (answered.hop_by_hop, answered.end_to_end),
        (asked.hop_by_hop, asked.end_to_end)
    );
    assert!(
        out.len() <= request.bytes().len() + ANSWER_ROOM,
        "an answer of {} octets to a request of {}",
        out.len(),
        request.bytes().len()
    );
}
