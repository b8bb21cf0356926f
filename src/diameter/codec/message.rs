//! A received message (RFC 6733 §3).

use std::fmt;

use super::{Avp, Avps, Defect, FramingError, Header, frame};
use crate::diameter::dict::{AvpDef, base};

/// A message, borrowed from its frame.
///
/// AVPs are read up to the first one whose length is wrong; [`Self::defects`] says what is wrong there. What lies
/// before remains readable, so that an answer can be addressed.
#[derive(Clone)]
pub struct Message<'a> {
    header: Header,
    frame: &'a [u8],
    avps: Avps<'a>,
    defect: Option<Defect>,
}

impl<'a> Message<'a> {
    /// Reads one whole frame, as [`frame_length`](super::frame_length) measured it. Allocates only to describe a
    /// defect.
    ///
    /// # Errors
    ///
    /// The header is incomplete, its version is not 1, or its length is not that of the frame.
    pub fn decode(frame: &'a [u8]) -> Result<Self, FramingError> {
        let (Some(header), Some(body)) = (Header::read(frame), frame.get(Header::LEN..)) else {
            return Err(FramingError::Length { header: None });
        };
        if frame::check(&header, usize::MAX)? != frame.len() {
            return Err(FramingError::Length { header: Some(header) });
        }
        let (avps, defect) = Avps::of_message(body);
        Ok(Self {
            header,
            frame,
            avps,
            defect,
        })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The whole frame.
    pub fn bytes(&self) -> &'a [u8] {
        self.frame
    }

    /// What is wrong with the message's structure: nothing, or the first defect, beyond which nothing can be read.
    pub fn defects(&self) -> &[Defect] {
        self.defect.as_slice()
    }

    /// The AVPs in their order, unknown ones included, up to the first defect.
    pub fn avps(&self) -> Avps<'a> {
        self.avps.clone()
    }

    /// The first AVP of that kind.
    pub fn find(&self, def: &AvpDef) -> Option<Avp<'a>> {
        self.avps().find(|avp| avp.is(def))
    }

    /// Every AVP of that kind.
    pub fn find_all<'d>(&self, def: &'d AvpDef) -> impl Iterator<Item = Avp<'a>> + use<'a, 'd> {
        self.avps().filter(move |avp| avp.is(def))
    }

    /// The Session-Id, to be treated as opaque octets (RFC 6733 §8.8).
    pub fn session_id(&self) -> Option<&'a [u8]> {
        self.find(&base::SESSION_ID).map(|avp| avp.data)
    }
}

impl fmt::Debug for Message<'_> {
    /// Without the data of AVPs: it may be personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("header", &self.header)
            .field("avps", &self.avps)
            .field("defect", &self.defect)
            .finish_non_exhaustive()
    }
}
