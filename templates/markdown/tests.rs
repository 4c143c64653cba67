//! What people, and attackers, write.

use super::*;

fn html(source: &str) -> String {
    render(source).into_string()
}

#[test]
fn nothing_that_runs_survives() {
    let hostile = [
        "<script>alert(1)</script>",
        "a <script>alert(1)</script> b",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](vbscript:x)",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "![x](data:image/svg+xml;base64,PHN2Zz4=)",
        "![x](javascript:alert(1))",
        "<javascript:alert(1)>",
        "<img src=x onerror=alert(1)>",
        "<svg onload=alert(1)><p>x</p></svg>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
        "<p style=\"position:fixed\" onclick=\"x()\">x</p>",
        "<iframe src=\"https://example.com\"></iframe>",
        "<form action=\"/sign-out\" method=\"post\"><input name=x></form>",
        "# <img src=x onerror=alert(1)>",
        "[x](/a \"\\\" onmouseover=\\\"x\")",
        "[^\" onclick=\"x]\n\n[^\" onclick=\"x]: note",
        "|a|\n|-|\n|<svg/onload=x>|",
    ];
    for source in hostile {
        let html = html(source);
        for tag in ["<script", "<svg", "<math", "<style", "<iframe", "<form", "<input"] {
            assert!(!html.contains(tag), "{source}\n{html}");
        }
        for start in [
            "href=\"javascript",
            "href=\"vbscript",
            "href=\"data",
            "src=\"data",
            "src=\"javascript",
        ] {
            assert!(!html.to_lowercase().contains(start), "{source}\n{html}");
        }
        for element in html.split('<').skip(1) {
            let tag = element.split('>').next().unwrap_or_default();
            // Attribute values are quoted, so an odd part between quotes is data, an even one is markup.
            let markup: String = tag.split('"').step_by(2).collect();
            assert!(!markup.contains(" on") && !markup.contains("style"), "{source}\n{html}");
        }
    }
}

#[test]
fn the_highest_heading_comes_below_the_title_of_the_page() {
    assert!(html("# One\n\n## Two").starts_with("<h2 id=\"section-one\">One</h2>"));
    assert!(html("# One\n\n## Two").contains("<h3 id=\"section-two\">Two</h3>"));
    assert!(html("## One").contains("<h2 id"));
    assert!(html("### One\n\n#### Two").contains("<h3 id=\"section-two\">"));
}

#[test]
fn two_headings_of_one_name_have_two_ids() {
    let html = html("## Same\n\n## Same");
    assert!(
        html.contains("id=\"section-same\"") && html.contains("id=\"section-same-1\""),
        "{html}"
    );
}

#[test]
fn tables_strikethrough_autolinks_and_footnotes_work() {
    let html =
        html("|a|b|\n|-|-:|\n|1|2|\n\n~~old~~ https://example.com/x note[^1]\n\n[^1]: Below.");
    assert!(html.contains("<td class=\"align-right\">2</td>"), "{html}");
    assert!(html.contains("<del>old</del>"), "{html}");
    assert!(html.contains("href=\"https://example.com/x\" rel=\"noopener\""), "{html}");
    assert!(html.contains("href=\"#fn-1\"") && html.contains("<li id=\"fn-1\">"), "{html}");
    assert!(html.contains("class=\"footnote-backref\""), "{html}");
}

#[test]
fn an_image_of_another_site_becomes_a_link() {
    assert!(
        html("![A chair](/static/x/chair.png)")
            .contains("<img src=\"/static/x/chair.png\" alt=\"A chair\"")
    );
    let foreign = html("![A chair](https://example.com/chair.png)");
    assert!(
        foreign.contains("<a href=\"https://example.com/chair.png\"")
            && foreign.contains(">A chair</a>")
    );
    assert!(!html("![x](//example.com/chair.png)").contains("<img"));
}

#[test]
fn an_image_of_another_site_inside_a_link_leaves_its_description() {
    let html = html("[![A chair](https://example.com/chair.png)](/posts)");
    assert!(html.contains(r#"<a href="/posts" rel="noopener"><em>A chair</em></a>"#), "{html}");
}

#[test]
fn text_that_looks_like_a_table_is_left_alone() {
    assert_eq!(
        html("`<table> align=\"right\"`"),
        "<p><code>&lt;table&gt; align=\"right\"</code></p>\n"
    );
}

#[test]
fn plain_text_has_no_markup_and_keeps_words_apart() {
    assert_eq!(
        plain("# Title\n\nSome *bold*\ntext with `code`.\n\n- one\n- two"),
        "Title Some bold text with code. one two"
    );
    assert_eq!(plain("|a|b|\n|-|-|\n|1|2|"), "a b 1 2");
    assert_eq!(words("one two\n\nthree"), 3);
    assert_eq!(words(""), 0);
}
