//! What is made of a console's yes.

use super::{dispatcher::Dispatcher, event::RunEventKind, judge::Telling, tell::shared};
use crate::{
    domain::outcome::Outcome,
    journal::{By, Reply as ReplyRecord},
    vendors::Ack,
};

impl Dispatcher<'_> {
    pub(super) fn acknowledged(&mut self, n: u32, ack: Ack, telling: &mut Telling) -> ReplyRecord {
        let maybe_ours = self.slots.get(n as usize).is_some_and(|slot| slot.maybe_ours);
        self.is_maybe_ours(n);
        let reached = self.action.as_ref().and_then(|action| action.kind.reached());
        if let Some(word) = reached.filter(|_| !matches!(ack, Ack::Accepted(_))) {
            self.notes.of(n).state = Some(shared(word));
        }
        match ack {
            Ack::Accepted(ticket) if self.confirmation.is_wanted() && self.followed => {
                self.keep_ticket(n, &ticket);
                // The console may have taken it and let the host go on to where it was sent before.
                if self.was_leaving(n) {
                    self.notes.of(n).sent_while_leaving = true;
                }
                self.await_state(n);
                telling.push(RunEventKind::TargetAccepted(self.result(n, Outcome::Accepted, None)));
                ReplyRecord::Accepted { n, ticket: ticket.0, state: None }
            }
            Ack::Accepted(ticket) => {
                self.keep_ticket(n, &ticket);
                self.ended(n, Outcome::Accepted, None, By::Answer, telling)
            }
            Ack::Done => self.ended(n, Outcome::Confirmed, None, By::Answer, telling),
            Ack::DoneBut(note) => {
                self.roster.detail_mut(n).note = Some(shared(&note));
                self.ended(n, Outcome::Confirmed, None, By::Answer, telling)
            }
            Ack::AlreadyInState => {
                let outcome = if maybe_ours { Outcome::Confirmed } else { Outcome::Already };
                self.ended(n, outcome, None, By::Answer, telling)
            }
        }
    }
}
