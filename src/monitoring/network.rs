//! Whoever is asked.

use std::fmt;
use std::future::Future;

use crate::diameter::apps::s6t::cia::Answer;
use crate::diameter::apps::s6t::cir::Question;
use crate::domain::Node;

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// An answer.
    Answered {
        /// The HSS that gave it; `None` if somebody on the way did.
        host: Option<Node>,
        /// What it says.
        answer: Box<Answer>,
    },
    /// It left, and no answer that can be used came in time.
    Unanswered,
    /// It never left: nobody can be asked, or too much is being asked already.
    NoPeer,
}

/// Whoever is asked. Every question comes to an end in bounded time.
pub trait Network: fmt::Debug + Send + Sync + 'static {
    /// Asks, and waits for the answer.
    fn ask(&self, question: &Question) -> impl Future<Output = Reply> + Send;
}
