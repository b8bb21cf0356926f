//! The codec held against hand-made octets, an independent implementation, and octets made to break it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod malformed;
mod oracle;
mod properties;
mod structure;
mod values;
mod vectors;

/// Octets from hexadecimal digits; blanks are ignored, and so is everything behind `#` in a line.
fn hex(text: &str) -> Vec<u8> {
    let digits: String = text
        .lines()
        .map(|line| line.split('#').next().unwrap())
        .flat_map(str::chars)
        .filter(|c| !c.is_whitespace())
        .collect();
    let pairs = digits.as_bytes().chunks_exact(2);
    assert!(pairs.remainder().is_empty(), "an odd number of digits");
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// A request of S6a with these AVPs.
fn frame(avps: &[u8]) -> Vec<u8> {
    let mut frame = hex("01000000 c000013c 01000023 00000007 00000009");
    frame.extend_from_slice(avps);
    let length = u32::try_from(frame.len()).unwrap().to_be_bytes();
    frame[1..4].copy_from_slice(&length[1..]);
    frame
}
