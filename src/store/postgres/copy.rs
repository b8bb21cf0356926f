//! Rows out of `COPY … TO STDOUT (FORMAT binary)` (PostgreSQL manual, COPY, "Binary Format").
//!
//! ```text
//! header   "PGCOPY\n\xff\r\n\0"  flags:u32  extension length:u32  extension
//! tuple    fields:i16  { length:i32  octets }*        length -1 is NULL
//! trailer  -1:i16
//! ```
//!
//! Reads from slices and does no I/O. Nothing is believed: lengths are checked before use, and what one tuple may take
//! is bounded.

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Far more than any tuple of ours: the longest text column has 255 octets.
const MAX_TUPLE: usize = 16 * 1024;

/// The octets are not what the format says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// One tuple of `N` fields; `None` is NULL.
pub(super) type Tuple<'a, const N: usize> = [Option<&'a [u8]>; N];

/// Where in the stream the reader stands.
#[derive(Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Header,
    Tuples,
    End,
}

/// Puts tuples together from pieces of any size.
#[derive(Debug, Default)]
pub(super) struct CopyReader {
    place: Place,
    /// The beginning of what has not come in whole.
    rest: Vec<u8>,
}

impl CopyReader {
    /// Takes the next piece and hands over every tuple that is complete with it.
    pub(super) fn take<const N: usize, E: From<Malformed>>(
        &mut self,
        piece: &[u8],
        mut each: impl FnMut(Tuple<'_, N>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut joined = std::mem::take(&mut self.rest);
        let mut input = if joined.is_empty() {
            piece
        } else {
            joined.extend_from_slice(piece);
            joined.as_slice()
        };
        loop {
            let mut ahead = input;
            let Some(tuple) = self.step::<N>(&mut ahead)? else {
                if input.len() > MAX_TUPLE {
                    return Err(Malformed.into());
                }
                self.rest = input.to_vec();
                return Ok(());
            };
            input = ahead;
            if let Some(tuple) = tuple {
                each(tuple)?;
            }
        }
    }

    /// Whether the stream came to its proper end.
    pub(super) fn is_complete(&self) -> bool {
        self.place == Place::End && self.rest.is_empty()
    }

    /// `None` if more octets are needed; `Some(None)` for what is not a tuple.
    fn step<'a, const N: usize>(
        &mut self,
        input: &mut &'a [u8],
    ) -> Result<Option<Option<Tuple<'a, N>>>, Malformed> {
        match self.place {
            Place::Header => {
                let Some((signature, _flags, extension)) =
                    split(input, SIGNATURE.len()).and_then(|s| Some((s, split(input, 4)?, number(input)?)))
                else {
                    return Ok(None);
                };
                let extension = usize::try_from(extension).map_err(|_| Malformed)?;
                if signature != SIGNATURE || extension > MAX_TUPLE {
                    return Err(Malformed);
                }
                if split(input, extension).is_none() {
                    return Ok(None);
                }
                self.place = Place::Tuples;
                Ok(Some(None))
            }
            Place::Tuples => {
                let Some(&[high, low]) = split(input, 2) else {
                    return Ok(None);
                };
                let fields = i16::from_be_bytes([high, low]);
                if fields == -1 {
                    self.place = Place::End;
                    return Ok(Some(None));
                }
                if usize::try_from(fields) != Ok(N) {
                    return Err(Malformed);
                }
                let mut tuple = [None; N];
                for field in &mut tuple {
                    let Some(length) = number(input) else {
                        return Ok(None);
                    };
                    if length == -1 {
                        continue;
                    }
                    let length = usize::try_from(length).map_err(|_| Malformed)?;
                    if length > MAX_TUPLE {
                        return Err(Malformed);
                    }
                    let Some(value) = split(input, length) else {
                        return Ok(None);
                    };
                    *field = Some(value);
                }
                Ok(Some(Some(tuple)))
            }
            Place::End if input.is_empty() => Ok(None),
            Place::End => Err(Malformed),
        }
    }
}

fn split<'a>(input: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, tail) = input.split_at_checked(length)?;
    *input = tail;
    Some(head)
}

fn number(input: &mut &[u8]) -> Option<i32> {
    let bytes = split(input, 4)?;
    bytes.try_into().ok().map(i32::from_be_bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn stream(tuples: &[[Option<&[u8]>; 2]]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([0; 8]);
        for tuple in tuples {
            bytes.extend(2i16.to_be_bytes());
            for field in tuple {
                bytes.extend(
                    field
                        .map_or(-1, |f| i32::try_from(f.len()).unwrap())
                        .to_be_bytes(),
                );
                bytes.extend(field.unwrap_or_default());
            }
        }
        bytes.extend((-1i16).to_be_bytes());
        bytes
    }

    type Owned = [Option<Vec<u8>>; 2];

    fn read(pieces: &[&[u8]]) -> Result<(Vec<Owned>, bool), Malformed> {
        let (mut reader, mut found) = (CopyReader::default(), Vec::new());
        for piece in pieces {
            reader.take(piece, |tuple: Tuple<'_, 2>| {
                found.push(tuple.map(|field| field.map(<[u8]>::to_vec)));
                Ok::<_, Malformed>(())
            })?;
        }
        Ok((found, reader.is_complete()))
    }

    #[test]
    fn tuples_come_out_whole_wherever_the_stream_is_cut() {
        let whole = stream(&[[Some(b"abc"), None], [Some(b""), Some(b"\0\0\0\x07")]]);
        let expected = vec![
            [Some(b"abc".to_vec()), None],
            [Some(Vec::new()), Some(b"\0\0\0\x07".to_vec())],
        ];
        for cut in 0..=whole.len() {
            assert_eq!(
                read(&[&whole[..cut], &whole[cut..]]),
                Ok((expected.clone(), true)),
                "{cut}"
            );
        }
        let single: Vec<&[u8]> = whole.chunks(1).collect();
        assert_eq!(read(&single), Ok((expected, true)));
    }

    #[test]
    fn a_stream_that_stops_early_is_not_complete() {
        let whole = stream(&[[Some(b"abc"), None]]);
        for end in 0..whole.len() {
            assert!(!read(&[&whole[..end]]).unwrap().1, "{end}");
        }
    }

    #[test]
    fn wrong_signatures_counts_and_lengths_are_refused() {
        let whole = stream(&[[Some(b"abc"), None]]);
        let tuple = SIGNATURE.len() + 8;
        for (place, byte) in [
            (0, b'X'),
            (tuple, 9),
            (tuple + 1, 3),
            (tuple + 2, 0x80),
            (tuple + 2, 0x7f),
        ] {
            let mut wrong = whole.clone();
            wrong[place] = byte;
            assert_eq!(read(&[&wrong]), Err(Malformed), "{place}");
        }
        let mut longer = whole;
        longer.push(0);
        assert_eq!(read(&[&longer]), Err(Malformed));
    }
}
