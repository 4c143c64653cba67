//! From Markdown to HTML that is safe to put on a page.
//!
//! Two walls, each enough by itself: comrak leaves raw HTML out, and ammonia lets through only the
//! elements and attributes listed here. SVG and MathML are never on that list: their parsing rules are
//! where sanitizers have been tricked.

use ammonia::Builder;
use comrak::{
    Anchorizer, Arena, Node, Options,
    adapters::{HeadingAdapter, HeadingMeta},
    format_html_with_plugins,
    nodes::{NodeValue, Sourcepos},
    options::Plugins,
    parse_document,
};
use maud::PreEscaped;
use std::{
    collections::{HashMap, HashSet},
    fmt::{self, Write},
    sync::{LazyLock, Mutex, PoisonError},
};

/// Blocks inside each other deeper than this are nobody's text.
const DEEPEST: usize = 40;
/// Nor are tables with more columns.
const WIDEST: usize = 60;

/// Whether a text is one that somebody might write. Some that nobody would cost time or space out of all proportion to
/// their length: quotes in quotes in quotes, tables whose every line is filled up with empty cells.
pub fn is_sensible(source: &str) -> bool {
    source.lines().all(|line| nesting(line) <= DEEPEST && line.matches('|').count() <= WIDEST)
}

/// How many blocks a line opens or goes on with: quotes, list items, and what it is indented by.
fn nesting(line: &str) -> usize {
    let (mut depth, mut spaces, mut rest) = (0, 0, line.chars().peekable());
    while let Some(c) = rest.next() {
        match c {
            ' ' => spaces += 1,
            '\t' => spaces += 4,
            '>' => depth += 1,
            '-' | '+' | '*' | '.' | ')'
                if rest.peek().is_none_or(|next| *next == ' ' || *next == '\t') =>
            {
                depth += 1
            }
            '0'..='9' => {}
            _ => break,
        }
    }
    depth + spaces / 8
}

/// The HTML of a Markdown text, its highest heading an `h2`, as the page's title is the `h1`.
pub fn render(source: &str) -> PreEscaped<String> {
    if !is_sensible(source) {
        return PreEscaped(format!("<pre>{}</pre>", ammonia::clean_text(source)));
    }
    let options = options();
    let arena = Arena::new();
    let root = parse_document(&arena, source, &options);
    link_foreign_images(root);
    let headings = Headings { highest: highest_heading(root), ids: Mutex::default() };
    let mut plugins = Plugins::default();
    plugins.render.heading_adapter = Some(&headings);
    let mut html = String::with_capacity(source.len() * 3 / 2);
    if format_html_with_plugins(root, &options, &mut html, &plugins).is_err() {
        // Writing to a String does not fail; the text itself would still be better than nothing.
        return PreEscaped(ammonia::clean_text(source));
    }
    PreEscaped(SANITIZER.clean(&arrange_tables(&html)).to_string())
}

/// The text without its markup, on one line: for excerpts and for counting words.
pub fn plain(source: &str) -> String {
    if !is_sensible(source) {
        return source.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    let arena = Arena::new();
    words_of(parse_document(&arena, source, &options()))
}

/// The first paragraph without its markup, where more words follow it: of a text that is all there is of it, nothing.
pub fn first_paragraph(source: &str) -> Option<String> {
    if !is_sensible(source) {
        return None;
    }
    let arena = Arena::new();
    let root = parse_document(&arena, source, &options());
    let is_paragraph = |node: &Node<'_>| matches!(node.data().value, NodeValue::Paragraph);
    let has_words = |node: &Node<'_>| !words_of(node).is_empty();
    let first = root.children().find(|node| is_paragraph(node) && has_words(node))?;
    // Footnotes stand at the end wherever they were written; they belong to what they are notes to.
    let is_note = |node: &Node<'_>| matches!(node.data().value, NodeValue::FootnoteDefinition(_));
    let goes_on =
        first.following_siblings().skip(1).any(|node| !is_note(&node) && has_words(&node));
    goes_on.then(|| words_of(first))
}

fn words_of(root: Node<'_>) -> String {
    let mut text = String::new();
    for node in root.descendants() {
        match &node.data().value {
            NodeValue::Text(literal) => text.push_str(literal),
            NodeValue::Code(code) => text.push_str(&code.literal),
            NodeValue::CodeBlock(block) => {
                text.push(' ');
                text.push_str(&block.literal);
            }
            NodeValue::SoftBreak | NodeValue::LineBreak | NodeValue::TableCell => text.push(' '),
            value if value.block() => text.push(' '),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// How many words a reader reads.
pub fn words(source: &str) -> usize {
    plain(source).split_whitespace().count()
}

fn options() -> Options<'static> {
    let mut options = Options::default();
    options.extension.strikethrough = true;
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.footnotes = true;
    options
}

fn highest_heading(root: Node<'_>) -> u8 {
    root.descendants()
        .filter_map(|node| match &node.data().value {
            NodeValue::Heading(heading) => Some(heading.level),
            _ => None,
        })
        .min()
        .unwrap_or(2)
}

/// An image of another site would be blocked by our content security policy; a link to it works, and
/// where it stands in a link already, its description does.
fn link_foreign_images(root: Node<'_>) {
    for node in root.descendants() {
        let is_link = |node: Node<'_>| matches!(node.data().value, NodeValue::Link(_));
        let linked = node.ancestors().skip(1).any(is_link);
        let mut data = node.data_mut();
        let NodeValue::Image(image) = &mut data.value else { continue };
        if image.url.starts_with('/') && !image.url.starts_with("//") {
            continue;
        }
        let link = std::mem::take(image);
        data.value = if linked { NodeValue::Emph } else { NodeValue::Link(link) };
    }
}

/// Writes headings: one level below the page's own, each with an id to link to. The prefix keeps
/// the ids of a text apart from those of the page around it.
struct Headings {
    highest: u8,
    ids: Mutex<Anchorizer>,
}

impl Headings {
    fn level(&self, written: u8) -> u8 {
        (written + 2).saturating_sub(self.highest).clamp(2, 6)
    }
}

impl HeadingAdapter for Headings {
    fn enter(
        &self,
        output: &mut dyn Write,
        heading: &HeadingMeta,
        _: Option<Sourcepos>,
    ) -> fmt::Result {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let id = ammonia::clean_text(&ids.anchorize(&heading.content));
        write!(output, "<h{} id=\"section-{id}\">", self.level(heading.level))
    }

    fn exit(&self, output: &mut dyn Write, heading: &HeadingMeta) -> fmt::Result {
        write!(output, "</h{}>", self.level(heading.level))
    }
}

/// Gives a wide table a frame of its own to scroll in, and its cells a class in place of the
/// obsolete `align`. In comrak's output these strings are always tags: in text, `<` and `"` are escaped.
fn arrange_tables(html: &str) -> String {
    html.replace(
        "<table>",
        r#"<div class="table-scroll" role="region" aria-label="Table" tabindex="0"><table>"#,
    )
    .replace("</table>", "</table></div>")
    .replace(r#" align="right""#, r#" class="align-right""#)
    .replace(r#" align="center""#, r#" class="align-center""#)
    .replace(r#" align="left""#, "")
}

static SANITIZER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let tags = [
        "a",
        "blockquote",
        "br",
        "code",
        "del",
        "div",
        "em",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "img",
        "li",
        "ol",
        "p",
        "pre",
        "section",
        "strong",
        "sup",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "ul",
    ];
    let attributes: [(&str, &[&str]); 10] = [
        ("a", &["href", "title", "id", "aria-label"]),
        ("div", &["role", "aria-label", "tabindex"]),
        ("h2", &["id"]),
        ("h3", &["id"]),
        ("h4", &["id"]),
        ("h5", &["id"]),
        ("h6", &["id"]),
        ("img", &["src", "alt", "title"]),
        ("li", &["id"]),
        ("ol", &["start"]),
    ];
    let classes: [(&str, &[&str]); 6] = [
        ("a", &["footnote-backref"]),
        ("div", &["table-scroll"]),
        ("section", &["footnotes"]),
        ("sup", &["footnote-ref"]),
        ("td", &["align-right", "align-center"]),
        ("th", &["align-right", "align-center"]),
    ];
    let by_tag = |pairs: &[(&'static str, &'static [&'static str])]| -> HashMap<_, HashSet<_>> {
        pairs.iter().map(|(tag, values)| (*tag, values.iter().copied().collect())).collect()
    };
    let mut builder = Builder::default();
    builder
        .tags(tags.into())
        .clean_content_tags(["script", "style", "svg", "math"].into())
        .generic_attributes(HashSet::new())
        .tag_attributes(by_tag(&attributes))
        .allowed_classes(by_tag(&classes))
        .url_schemes(["http", "https", "mailto", "tel"].into())
        .link_rel(Some("noopener"));
    builder
});

#[cfg(test)]
mod tests;
