//! The checker, shown to find what it is there for: small histories by hand, for each rule one that keeps it and one that
//! does not.

use super::history::{History, Read, Rule, mark, shown};
use frontdesk::clock::Moment;

const MS: u64 = 1000;

/// Two writers with a post each, and a third who adds posts.
fn history() -> History {
    History::new(3, 2)
}

impl History {
    /// A number that was sent and acknowledged at these milliseconds.
    fn written_at(&mut self, writer: usize, sent: u64, acknowledged: Option<u64>) {
        self.send(writer, Moment(sent * MS));
        if let Some(at) = acknowledged {
            self.acknowledge(writer, Moment(at * MS));
        }
    }

    /// A page, asked for and answered at these milliseconds.
    fn read_at(&mut self, sent: u64, received: u64, shown: (usize, u32, u32)) -> &mut Read {
        self.reads.push(Read {
            sent: Moment(sent * MS),
            received: Moment(received * MS),
            at: 0,
            path: "/posts".to_owned(),
            status: "frontdesk; hit".to_owned(),
            held: None,
            shown: vec![shown],
        });
        self.reads.last_mut().unwrap()
    }

    fn broken(&self) -> Vec<Rule> {
        self.check().rules().into_iter().collect()
    }
}

#[test]
fn the_checker_finds_numbers_on_a_page() {
    let page = format!("<p>{} {} {}</p>W-N1 ü-N000001 W1", mark(7, 12), mark(3, 4), mark(7, 10));
    assert_eq!(shown(&page), [(7, 10, 12), (3, 4, 4)]);
}

#[test]
fn the_checker_finds_a_page_that_is_too_old() {
    let mut history = history();
    history.written_at(0, 990, Some(1000));
    history.read_at(1250, 1400, (0, 0, 0));
    let found = history.check();
    assert_eq!((found.rules().len(), found.oldest.as_millis()), (0, 250));
    history.read_at(1251, 1260, (0, 0, 0));
    let found = history.check();
    assert_eq!(found.rules().into_iter().collect::<Vec<_>>(), [Rule::Old]);
    assert_eq!((found.violations.len(), found.oldest.as_millis()), (1, 251));
    history.reads[1].status = "frontdesk; hit; detail=database-unreachable".to_owned();
    assert_eq!(history.broken(), [], "what says that it is old may be");
}

#[test]
fn the_checker_takes_what_was_shown_once_as_written_whether_its_writer_was_told_or_not() {
    let mut history = history();
    history.written_at(0, 500, None);
    history.read_at(2000, 2010, (0, 0, 0));
    assert_eq!(history.broken(), [], "it may never have arrived");
    history.read_at(3000, 3010, (0, 1, 1));
    assert_eq!(history.broken(), [], "or it may");
    history.read_at(3260, 3270, (0, 0, 0));
    assert_eq!(history.broken(), [], "and be there 250 ms after anyone has seen it");
    history.read_at(3261, 3270, (0, 0, 0));
    assert_eq!(history.broken(), [Rule::Old]);
}

#[test]
fn the_checker_finds_a_writer_who_misses_the_own_write() {
    let mut history = history();
    history.written_at(0, 990, Some(1000));
    history.read_at(1001, 1010, (0, 1, 1)).held = Some((0, 1));
    history.read_at(1011, 1020, (0, 0, 0));
    assert_eq!(history.broken(), [], "nobody else need see it yet");
    history.read_at(1021, 1030, (0, 0, 0)).held = Some((0, 1));
    assert_eq!(history.broken(), [Rule::Own]);
}

#[test]
fn the_checker_finds_a_session_that_goes_back() {
    let mut history = history();
    history.written_at(1, 890, None);
    history.read_at(900, 980, (1, 1, 1)); // someone saw it before the other began to write
    history.written_at(0, 990, Some(1000));
    history.read_at(1001, 1010, (1, 1, 1)).held = Some((0, 1));
    history.read_at(1011, 1020, (1, 0, 0));
    assert_eq!(history.broken(), [], "who holds nothing may go back for a while");
    history.read_at(1021, 1030, (1, 0, 0)).held = Some((0, 1));
    assert_eq!(history.broken(), [Rule::Back]);
    history.reads[0].received = Moment(991 * MS);
    assert_eq!(history.broken(), [], "seen after that, it need not have been there before");
}

#[test]
fn the_checker_finds_what_nobody_wrote_and_pages_of_two_moments() {
    let mut history = history();
    for writer in [0, 2] {
        history.written_at(writer, 100, Some(110));
        history.written_at(writer, 120, None);
    }
    history.read_at(115, 121, (0, 2, 2));
    history.read_at(121, 130, (2, 1, 2));
    assert_eq!(history.broken(), [], "several posts of one writer are several numbers");
    history.read_at(115, 119, (0, 2, 2));
    assert_eq!(history.broken(), [Rule::Invented]);
    history.reads.pop();
    history.read_at(121, 130, (0, 1, 2));
    assert_eq!(history.broken(), [Rule::Torn]);
}
