//! Mails: one description, from which both the text and the HTML are made, so that the two never differ.
//!
//! The HTML has to do without our style sheet: what mail programs keep of one is little, and nothing is loaded from
//! anywhere. Colours are left to the reader's own scheme.

use crate::markdown;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::fmt::Write;

/// A part of a mail, from top to bottom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A paragraph of plain text.
    Text(String),
    /// Our own words as they were typed, line by line.
    Lines(String),
    /// What someone else wrote, as they wrote it.
    Quote(String),
    /// A name and a value on each line.
    Facts(Vec<(String, String)>),
    /// Our own words in Markdown.
    Markdown(String),
    /// Something to read elsewhere: what it is called, what it is about, and where it is.
    Item {
        /// Its title.
        title: String,
        /// A sentence or two, or nothing.
        words: String,
        /// Its address.
        at: String,
    },
    /// A link to follow: what it says and where it leads.
    Link(String, String),
    /// Small print, at the end.
    Footer(String),
    /// A link in the small print.
    FooterLink(String, String),
}

/// A mail, but for whom it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// One line.
    pub subject: String,
    /// From top to bottom.
    pub parts: Vec<Part>,
}

impl Mail {
    /// As plain text, lines as long as their writers made them.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for part in &self.parts {
            let part = match part {
                Part::Text(words) | Part::Lines(words) | Part::Footer(words) => words.clone(),
                Part::Markdown(source) => source.trim().to_owned(),
                Part::Quote(words) => {
                    words.lines().map(|line| format!("> {line}")).collect::<Vec<_>>().join("\n")
                }
                Part::Facts(facts) => {
                    let line = |(name, value): &(String, String)| format!("{name}: {value}");
                    facts.iter().map(line).collect::<Vec<_>>().join("\n")
                }
                Part::Item { title, words, at } if words.is_empty() => format!("{title}\n{at}"),
                Part::Item { title, words, at } => format!("{title}\n{words}\n{at}"),
                Part::Link(words, url) | Part::FooterLink(words, url) => format!("{words}:\n{url}"),
            };
            // A String takes whatever is written to it.
            let _ = write!(text, "{part}\n\n");
        }
        text.trim_end().to_owned() + "\n"
    }

    /// As an HTML document.
    pub fn html(&self) -> String {
        let (small, main): (Vec<&Part>, Vec<&Part>) = self
            .parts
            .iter()
            .partition(|part| matches!(part, Part::Footer(_) | Part::FooterLink(..)));
        let document = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.subject) }
                }
                body style="margin:0 auto;padding:24px;max-width:600px;font:16px/1.5 Georgia,serif" {
                    @for part in main { (part.html()) }
                    @if !small.is_empty() {
                        hr style="border:0;border-top:1px solid #8a938f;margin:32px 0 16px";
                        @for part in small { (part.html()) }
                    }
                }
            }
        };
        document.into_string()
    }
}

/// A text in Markdown whose links to places of this site can be followed from anywhere.
pub fn absolute(source: &str, origin: &str) -> String {
    // A link that begins with two slashes names another site.
    let held = source.replace("](//", "](\u{0}").replace("]: //", "]: \u{0}");
    let led =
        held.replace("](/", &format!("]({origin}/")).replace("]: /", &format!("]: {origin}/"));
    led.replace('\u{0}', "//")
}

impl Part {
    fn html(&self) -> Markup {
        const SMALL: &str = "font:14px/1.5 sans-serif;margin:4px 0";
        match self {
            Self::Text(words) => html! { p { (words) } },
            Self::Lines(words) => html! { p style="white-space:pre-wrap" { (words) } },
            Self::Quote(words) => html! {
                blockquote style="margin:16px 0;padding:0 0 0 16px;border-left:3px solid #8a938f;white-space:pre-wrap" { (words) }
            },
            Self::Facts(facts) => html! {
                table style="font:15px/1.5 sans-serif;border-collapse:collapse" {
                    @for (name, value) in facts {
                        tr {
                            th scope="row" style="text-align:left;padding:2px 16px 2px 0;font-weight:normal;opacity:.75" { (name) }
                            td style="padding:2px 0" { (value) }
                        }
                    }
                }
            },
            Self::Markdown(source) => {
                html! { (PreEscaped(markdown::render(source).into_string())) }
            }
            Self::Item { title, words, at } => html! {
                h2 style="font-size:20px;margin:24px 0 4px" { a href=(at) { (title) } }
                @if !words.is_empty() { p style="margin:0" { (words) } }
            },
            Self::Link(words, url) => html! {
                p style="margin:24px 0" {
                    a href=(url) style="display:inline-block;padding:10px 20px;border-radius:6px;background:#0d5a50;color:#fff;text-decoration:none;font:bold 16px sans-serif" { (words) }
                }
            },
            Self::Footer(words) => html! { p style=(SMALL) { (words) } },
            Self::FooterLink(words, url) => html! { p style=(SMALL) { a href=(url) { (words) } } },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> Mail {
        Mail {
            subject: "Hello <b>".into(),
            parts: vec![
                Part::Text("Ada & Bob wrote.".into()),
                Part::Lines("Ahoi,\n  **soon** <3".into()),
                Part::Quote("<script>x</script>\nline".into()),
                Part::Facts(vec![("From".into(), "Eve <eve@example.com>".into())]),
                Part::Link("Open".into(), "https://example.com/?a=1&b=2".into()),
                Part::Footer("Small.".into()),
            ],
        }
    }

    #[test]
    fn text_and_html_say_the_same() {
        let (text, html) = (mail().text(), mail().html());
        assert_eq!(
            text,
            "Ada & Bob wrote.\n\nAhoi,\n  **soon** <3\n\n> <script>x</script>\n> line\n\nFrom: Eve <eve@example.com>\n\n\
             Open:\nhttps://example.com/?a=1&b=2\n\nSmall.\n"
        );
        assert!(
            html.contains("Ada &amp; Bob wrote.") && html.contains("Eve &lt;eve@example.com&gt;")
        );
        assert!(html.contains("pre-wrap\">Ahoi,\n  **soon** &lt;3</p>"), "{html}");
        assert!(html.contains("https://example.com/?a=1&amp;b=2") && !html.contains("<script"));
        assert!(html.contains("<title>Hello &lt;b&gt;</title>"));
    }

    #[test]
    fn links_to_our_own_places_can_be_followed_from_anywhere() {
        let source = "[a](/posts/a) [b](https://b.example/x) [c](//c.example) [d]\n\n[d]: /d";
        let expected = "[a](https://us.example/posts/a) [b](https://b.example/x) [c](//c.example) [d]\n\n[d]: https://us.example/d";
        assert_eq!(absolute(source, "https://us.example"), expected);
    }

    #[test]
    fn nothing_is_loaded_from_anywhere() {
        let html = mail().html();
        assert!(!html.contains("src=") && !html.contains("<link") && !html.contains("url("));
    }
}
