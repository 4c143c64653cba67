//! How likely it is that nobody meant to write to us.
//!
//! A score never refuses and never drops: over the line the lead is kept in status spam, where staff can find it, and
//! the sender is thanked like everyone else, so that nothing teaches a sender what gave it away.

/// From this score on a lead is kept as spam.
pub const LINE: i32 = 100;

/// What is looked at.
#[derive(Debug, Default)]
pub struct Signals<'a> {
    /// What stands in the field that people do not see.
    pub trap: &'a str,
    /// The fields on one line: name, company.
    pub lines: [&'a str; 2],
    /// The message.
    pub message: &'a str,
    /// Milliseconds from seeing the form to sending it, where the browser said.
    pub elapsed_ms: Option<u64>,
    /// Other leads from the same address within the hour.
    pub by_sender: i64,
    /// Other leads with the same message within the hour.
    pub by_text: i64,
}

/// A score and its reasons, for staff to read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Compared with [`LINE`].
    pub score: i32,
    /// One phrase each.
    pub reasons: Vec<String>,
}

impl Verdict {
    /// Whether it is over the line.
    pub fn is_spam(&self) -> bool {
        self.score >= LINE
    }
}

/// Adds up what speaks against a submission.
pub fn judge(signals: &Signals<'_>) -> Verdict {
    let mut verdict = Verdict::default();
    let mut count = |points: i32, reason: String| {
        if points > 0 {
            verdict.score += points;
            verdict.reasons.push(format!("{reason} (+{points})"));
        }
    };
    if !signals.trap.is_empty() {
        count(LINE, "the hidden field was filled in".into());
    }
    let in_lines: usize = signals.lines.iter().map(|line| links(line)).sum();
    if in_lines > 0 {
        count(80, "a link in the name or company".into());
    }
    let in_message = links(signals.message);
    count(times(30, in_message), format!("links in the message: {in_message}"));
    if signals.elapsed_ms.is_some_and(|elapsed| elapsed < 2_000) {
        count(60, "sent within two seconds".into());
    }
    let (by_sender, by_text) = (signals.by_sender.unsigned_abs(), signals.by_text.unsigned_abs());
    count(
        times(25, by_sender),
        format!("other messages from this address within the hour: {by_sender}"),
    );
    count(times(50, by_text), format!("the same message within the hour: {by_text}"));
    verdict
}

fn links(text: &str) -> usize {
    let text = text.to_ascii_lowercase();
    let urls = text.matches("://").count();
    let bare = text.matches("www.").count() - text.matches("://www.").count();
    urls + bare
}

fn times(points: i32, count: impl TryInto<i32>) -> i32 {
    points.saturating_mul(count.try_into().unwrap_or(i32::MAX)).min(LINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_message_scores_nothing() {
        let message = "Could you paint a sign for us? Our site is https://example.com";
        assert_eq!(judge(&Signals { message, ..Signals::default() }).score, 30);
        assert_eq!(judge(&Signals { message: "Hello.", ..Signals::default() }), Verdict::default());
    }

    #[test]
    fn the_trap_or_four_links_are_over_the_line() {
        assert!(judge(&Signals { trap: "x", ..Signals::default() }).is_spam());
        let message = "http://a www.b https://www.c http://d";
        assert!(judge(&Signals { message, ..Signals::default() }).is_spam());
    }

    #[test]
    fn several_weak_signs_add_up() {
        let hasty = Signals { elapsed_ms: Some(300), by_text: 1, ..Signals::default() };
        assert!(judge(&hasty).is_spam());
        assert!(!judge(&Signals { elapsed_ms: Some(300), ..Signals::default() }).is_spam());
    }
}
