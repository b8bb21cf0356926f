//! Writing message by message, for transports on which a message of Diameter is a message of the transport.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use crate::diameter::codec::Header;

/// Hands over exactly one whole message with each write, whatever stands behind it.
#[derive(Debug)]
pub(crate) struct Messages<W>(pub(crate) W);

impl<W: AsyncWrite + Unpin> AsyncWrite for Messages<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let message = Header::read(octets)
            .and_then(|header| octets.get(..header.length as usize))
            .filter(|message| !message.is_empty());
        let Some(message) = message else {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a whole message",
            )));
        };
        let written = ready!(Pin::new(&mut self.0).poll_write(context, message))?;
        // What is missing would follow in a message of its own and be taken for the beginning of one.
        if written < message.len() {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::WriteZero,
                "a message was cut in two",
            )));
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
