//! Why a document is not read as Sh-Data.

/// What is wrong with a document. Texts show nothing of it: it is about a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShDataError {
    /// More than is read at all: DIAMETER_ERROR_TOO_MUCH_DATA (TS 29.329 §6.2).
    #[error("too much data: more than {0}")]
    TooMuch(Bound),
    /// Not UTF-8, or declared to be something else.
    #[error("the document is not in UTF-8")]
    Encoding,
    /// It brings a document type of its own, and with it the means to define entities.
    #[error("the document has a document type declaration")]
    DocumentType,
    /// A reference to an entity that XML does not predefine, or to a character that there is not.
    #[error("a reference to something undefined")]
    Entity,
    /// Not well-formed.
    #[error("the document is not well-formed")]
    Malformed,
    /// The outermost element is not `Sh-Data`.
    #[error("the document is not Sh-Data")]
    NotShData,
    /// An element has a value that its type does not have.
    #[error("{0} has an undefined value")]
    Value(&'static str),
    /// An element that can be there once is there again.
    #[error("{0} is there twice")]
    Repeated(&'static str),
}

/// A bound on documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// [`MAX_OCTETS`](super::MAX_OCTETS).
    Octets,
    /// [`MAX_DEPTH`](super::MAX_DEPTH).
    Depth,
    /// [`MAX_ELEMENTS`](super::MAX_ELEMENTS).
    Elements,
    /// [`MAX_TEXT`](super::MAX_TEXT).
    Text,
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Octets => write!(f, "{} octets", super::MAX_OCTETS),
            Self::Depth => write!(f, "{} levels", super::MAX_DEPTH),
            Self::Elements => write!(f, "{} elements", super::MAX_ELEMENTS),
            Self::Text => write!(f, "{} octets of one value", super::MAX_TEXT),
        }
    }
}
