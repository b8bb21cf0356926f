//! What an open connection does with one message (RFC 6733 §5.4, §5.5, §6.1).

use std::time::Instant;

use tracing::debug;

use super::driver::Driver;
use super::phase::{CloseReason, Phase};
use crate::diameter::codec::{Defect, FramingError, Message, ResultCode, answer_error, answer_framing_error};
use crate::diameter::dict::base;
use crate::diameter::metrics::Direction;
use crate::diameter::peer::admission;
use crate::diameter::peer::capabilities;
use crate::diameter::peer::fsm::{Action, Event};
use crate::diameter::peer::messages;
use crate::diameter::peer::timer::Timer;
use crate::diameter::peer::watchdog;
use crate::diameter::service::{Service, ServiceFactory};

impl<F: ServiceFactory> Driver<'_, F> {
    /// One message: the base protocol's own are played here, requests are admitted or refused, the rest is the service's.
    pub(super) fn message(&mut self, present: Instant, message: &Message<'_>) {
        let header = message.header();
        self.metrics.message(Direction::In, header, message.bytes());
        match (header.flags.is_request(), header.application) {
            (true, base::APPLICATION) => self.base_request(present, message),
            (false, base::APPLICATION) => self.base_answer(present, message),
            (true, _) => match self.admit(message) {
                Ok(()) => self.service.request(present, message, &mut self.out),
                Err(result_code) => self.refuse(message, result_code),
            },
            (false, _) => self.service.answer(present, message, &mut self.out),
        }
    }

    fn admit(&self, request: &Message<'_>) -> Result<(), ResultCode> {
        admission::admit(
            request,
            &self.node.local,
            &self.peer.applications,
            self.addressing,
        )?;
        admission::authorize(request, &self.link.entry.origin_realms)
    }

    fn refuse(&mut self, request: &Message<'_>, result_code: ResultCode) {
        debug!(peer = %self.link.entry.label, command = request.header().command, %result_code, "request refused");
        answer_error(
            &mut self.out,
            request,
            &self.node.local.identity,
            &Defect::new(result_code),
            None,
        );
    }

    fn base_request(&mut self, present: Instant, request: &Message<'_>) {
        if request.header().flags.is_error() {
            return self.refuse(request, ResultCode::INVALID_HDR_BITS);
        }
        match request.header().command {
            base::COMMAND_DEVICE_WATCHDOG => {
                let verdict = messages::check_dwr(request, &self.peer.origin_host);
                if verdict.is_ok() {
                    self.note_origin_state(request);
                }
                messages::write_answer(
                    &mut self.out,
                    &self.node.local,
                    request.header(),
                    verdict.as_ref().copied(),
                );
            }
            base::COMMAND_DISCONNECT_PEER => match messages::check_dpr(request, &self.peer.origin_host) {
                Ok(cause) => {
                    let actions = self.link.handle(present, Event::RcvDpr);
                    messages::write_answer(&mut self.out, &self.node.local, request.header(), Ok(()));
                    if actions.contains(&Action::SndDpa) && self.phase == Phase::Open {
                        self.phase = Phase::Closing(CloseReason::PeerLeft(cause));
                        self.service.leaving(present);
                        self.timers.set(Timer::Peer, self.link.deadline());
                    }
                }
                Err(defect) => {
                    messages::write_answer(&mut self.out, &self.node.local, request.header(), Err(&defect));
                }
            },
            // The table has no row for a CER on an open connection, and capabilities do not change on the fly.
            base::COMMAND_CAPABILITIES_EXCHANGE => self.refuse(request, ResultCode::UNABLE_TO_COMPLY),
            _ => self.refuse(request, ResultCode::COMMAND_UNSUPPORTED),
        }
    }

    fn base_answer(&mut self, present: Instant, answer: &Message<'_>) {
        let header = answer.header();
        match header.command {
            base::COMMAND_DEVICE_WATCHDOG => {
                if let Some(probe) = self.probe.take_if(|probe| probe.hop_by_hop == header.hop_by_hop) {
                    self.metrics
                        .watchdog(present.saturating_duration_since(probe.sent));
                    self.feed_watchdog(present, watchdog::Event::Dwa);
                    if capabilities::origin_host(answer)
                        .is_some_and(|host| host.eq_ignore_ascii_case(&self.peer.origin_host))
                    {
                        self.note_origin_state(answer);
                    }
                }
            }
            base::COMMAND_DISCONNECT_PEER => {
                if matches!(self.phase, Phase::Closing(CloseReason::Stopped)) {
                    let _ = self.link.handle(present, Event::RcvDpa(self.link.side));
                    self.timers.set(Timer::Peer, None);
                    self.last_answers(present, CloseReason::Stopped);
                }
            }
            // An answer to nothing of ours is dropped; an answer is never answered.
            _ => debug!(peer = %self.link.entry.label, command = header.command, "unexpected base answer"),
        }
    }

    /// Looks whether a message of the peer's own tells that it lost its state.
    fn note_origin_state(&self, message: &Message<'_>) {
        let told = messages::origin_state_id(message);
        if let Some(id) = self.link.entry.note_origin_state(told) {
            self.node.factory.restarted(&self.peer.origin_host, id);
        }
    }

    /// Reads no more; what waits for its answer has a moment to get it.
    fn last_answers(&mut self, present: Instant, reason: CloseReason) {
        self.phase = Phase::LastAnswers(reason);
        self.timers
            .set(Timer::Grace, Some(present + self.node.config.grace));
    }

    /// The stream's boundaries are lost: answer what can be answered, and go.
    pub(super) fn lost(&mut self, present: Instant, error: &FramingError) {
        debug!(peer = %self.link.entry.label, %error, "closing");
        if let Some(header) = error.header() {
            answer_framing_error(
                &mut self.out,
                header,
                &self.node.local.identity,
                error.result_code(),
            );
        }
        self.last_answers(present, CloseReason::Framing);
    }
}
