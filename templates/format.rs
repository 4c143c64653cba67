//! How dates, numbers and long texts are put into words.
//!
//! Nothing here is relative ("two hours ago"): that would take a clock, and a cached page would be
//! wrong a minute later.

use crate::markdown;
use maud::{Markup, html};
use time::{
    OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339, macros::format_description,
};

/// How fast people read prose, in words a minute.
const READING_SPEED: usize = 220;

/// A day as people write it: 13 November 2026.
pub fn date(at: OffsetDateTime) -> String {
    utc(at)
        .format(format_description!("[day padding:none] [month repr:long] [year]"))
        .unwrap_or_default()
}

/// A day for people and the instant for programs: `<time datetime="…">13 November 2026</time>`.
pub fn day(at: OffsetDateTime) -> Markup {
    html! { time datetime=(instant(at)) { (date(at)) } }
}

/// A day with the time of day, where the order of events matters.
pub fn moment(at: OffsetDateTime) -> Markup {
    let clock = utc(at).format(format_description!("[hour]:[minute]")).unwrap_or_default();
    html! { time datetime=(instant(at)) { (date(at)) ", " (clock) " UTC" } }
}

/// A moment as people type it: `2027-01-31 09:00`, in UTC.
pub fn sortable(at: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]");
    at.to_offset(UtcOffset::UTC).format(format).unwrap_or_default()
}

/// Currencies whose smallest unit is the whole (ISO 4217, as Stripe counts).
const WHOLE: [&str; 15] = [
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf",
    "xof", "xpf",
];

/// An amount of money, given in the smallest units of its currency: `EUR 9.00`.
pub fn money(amount: i64, currency: &str) -> String {
    let code = currency.to_uppercase();
    if WHOLE.contains(&currency) {
        return format!("{code} {amount}");
    }
    let sign = if amount < 0 { "-" } else { "" };
    let amount = amount.unsigned_abs();
    format!("{code} {sign}{}.{:02}", amount / 100, amount % 100)
}

/// An amount as people write it, `24.50`, in the smallest units of its currency; none where it is no such amount.
pub fn smallest_units(text: &str, currency: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = !whole.is_empty() && whole.len() <= 12 && digits(whole) && digits(part);
    let whole: i64 = whole.parse().ok().filter(|_| fits)?;
    match (WHOLE.contains(&currency), part.len()) {
        (true, 0) => Some(whole),
        (false, 0) => Some(whole * 100),
        (false, 2) => Some(whole * 100 + part.parse::<i64>().ok()?),
        _ => None,
    }
}

/// The same, without its currency.
pub fn plain_amount(amount: i64, currency: &str) -> String {
    let money = money(amount, currency);
    money.split_once(' ').map_or(money.clone(), |(_, amount)| amount.to_owned())
}

/// How long `words` words take to read, in whole minutes, at least one.
pub fn reading_minutes(words: usize) -> usize {
    words.div_ceil(READING_SPEED).max(1)
}

/// A size in bytes, as people say it: `12.3 kB`.
#[allow(clippy::cast_precision_loss)] // to be read, rounded to a digit
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// A number and its noun: `1 post`, `2 posts`.
pub fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The beginning of a Markdown text, without its markup, in at most `chars` characters and not
/// cut inside a word where that can be helped.
pub fn excerpt(source: &str, chars: usize) -> String {
    shorten(&markdown::plain(source), chars)
}

/// The beginning of a plain text on one line, in at most `chars` characters.
pub fn shorten(text: &str, chars: usize) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some((end, _)) = text.char_indices().nth(chars) else { return text };
    // One character less, for the ellipsis that says there is more.
    let start: String = text[..end].chars().take(chars.saturating_sub(1)).collect();
    let whole_words = start.rsplit_once(' ').map_or("", |(words, _)| words);
    let kept = if whole_words.len() * 2 > start.len() { whole_words } else { &start };
    format!("{}…", kept.trim_end_matches([' ', ',', ';', ':', '.', '–', '-']))
}

/// RFC 3339 to the last digit, for programs that compare.
pub fn exact(at: OffsetDateTime) -> String {
    utc(at).format(&Rfc3339).unwrap_or_default()
}

/// RFC 3339 in whole seconds: HTML's `datetime` allows no more than three digits after the point.
fn instant(at: OffsetDateTime) -> String {
    let at = utc(at);
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default()
}

fn utc(at: OffsetDateTime) -> OffsetDateTime {
    at.checked_to_offset(UtcOffset::UTC).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_day_is_written_for_people_and_for_programs() {
        assert_eq!(
            day(datetime!(2026-11-13 23:30:05.123456 -02:00)).into_string(),
            r#"<time datetime="2026-11-14T01:30:05Z">14 November 2026</time>"#
        );
        assert!(
            moment(datetime!(2026-11-03 07:05 UTC))
                .into_string()
                .contains("3 November 2026, 07:05 UTC")
        );
    }

    #[test]
    fn reading_takes_at_least_a_minute() {
        assert_eq!(reading_minutes(0), 1);
        assert_eq!(reading_minutes(220), 1);
        assert_eq!(reading_minutes(221), 2);
    }

    #[test]
    fn an_amount_is_read_as_it_is_written() {
        for (text, currency, amount) in
            [("24.50", "eur", 2450), ("25", "eur", 2500), ("0.05", "usd", 5), ("900", "jpy", 900)]
        {
            assert_eq!(smallest_units(text, currency), Some(amount), "{text}");
            assert_eq!(smallest_units(&plain_amount(amount, currency), currency), Some(amount));
        }
        for wrong in ["", ".", "24.5", "24.505", "-1", "1e3", "24,50", " 2", "9999999999999"] {
            assert_eq!(smallest_units(wrong, "eur"), None, "{wrong}");
        }
        assert_eq!(smallest_units("9.50", "jpy"), None);
    }

    #[test]
    fn one_is_singular() {
        assert_eq!(plural(1, "post", "posts"), "1 post");
        assert_eq!(plural(0, "post", "posts"), "0 posts");
    }

    #[test]
    fn an_excerpt_ends_between_words_and_keeps_to_its_length() {
        assert_eq!(excerpt("Some **bold** words", 50), "Some bold words");
        assert_eq!(excerpt("Some **bold** words, and more", 18), "Some bold words…");
        assert_eq!(excerpt("äöüäöüäöü", 4), "äöü…");
        assert_eq!(excerpt("one two", 0), "…");
    }
}
